//! What was read waits no more. Who decided, and how, the page says as soon as it knows; until then this leads on.

use leptos::prelude::*;
use workflow::api::InboxItem;

use crate::{
    components::{Button, Empty, Variant},
    pages::inbox::decide::desk::Desk,
};

#[component]
pub(super) fn Gone(desk: Desk, item: InboxItem) -> impl IntoView {
    let title = format!("{} does not wait for you any more", item.title);
    let item = StoredValue::new(item);
    let next = move |()| item.with_value(|item| desk.leave(item));
    view! {
        <div role="status">
            <Empty icon="check" title text="Somebody else decided, or the run went on without it.">
                <Button variant=Variant::Primary on_click=next>"Read the next one"</Button>
            </Empty>
        </div>
    }
}
