//! What was read waits no more: says who decided and how, and leads on. Must never guess: what cannot be known is said in general words.

use leptos::{prelude::*, task::spawn_local};
use workflow::api::{HistoryItem, HistoryQuery, InboxItem};

use crate::{
    api,
    components::{Button, Empty, Variant},
    pages::inbox::{decide::desk::Desk, words::verdict},
};

#[component]
pub(super) fn Gone(desk: Desk, item: InboxItem) -> impl IntoView {
    let how = RwSignal::new(None::<String>);
    let (run, step, number) = (item.run_id, item.step.clone(), item.number);
    let all = desk.session.user_untracked().is_some_and(|me| me.is_admin());
    spawn_local(async move {
        // It is one of the newest, and only some may see how it went.
        let query = HistoryQuery { all, ..HistoryQuery::default() };
        let Ok(page) = api::inbox_history(query, None).await else { return };
        let is_it = |known: &&HistoryItem| known.run_id == run && known.step == step && known.number >= number;
        let found = page.items.iter().find(is_it).map(said);
        how.try_set(found);
    });
    let title = format!("“{}” waits for you no more", item.title);
    let item = StoredValue::new(item);
    let text = move || how.get().unwrap_or_else(|| "Somebody else decided, or the run went on without it.".to_owned());
    view! {
        <div role="status">
            {move || view! {
                <Empty icon="check" title=title.clone() text=text()>
                    <Button variant=Variant::Primary on_click=move |()| item.with_value(|item| desk.leave(item))>"Read the next"</Button>
                </Empty>
            }}
        </div>
    }
}

/// "Approved by anna@example.org: fine by me".
fn said(item: &HistoryItem) -> String {
    let by = item.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let text = item.text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
    format!("{}{by}{text}", verdict(item.verdict))
}
