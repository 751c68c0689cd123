//! Runs of others that a group of mine sees, newest first. Nothing at all while there is none.
//! They are read with the page, and again when one's groups change, and do not follow what happens: each is live on its own page.

use leptos::prelude::*;
use workflow::api::{RunPage, RunSummary};

use crate::{
    api,
    behind::Later,
    components::{Icon, MoreRows, RelativeTime, StatusChip, run_status},
    form::{FormError, outcome},
    later::{View, later},
    pages::fetched::runs::fetch_runs_ahead,
    reactive::memo,
    session::use_session,
};

later! {
    more: shared_runs, View<()>, |()| view! { <Loaded/> }.into_any();
}

/// For members of groups, but for admins, who see every run anyway.
#[component]
pub(super) fn SharedRuns() -> impl IntoView {
    let session = use_session();
    // Somebody may be put into their first group while this is open.
    let is_member = memo(move || session.with_user(|me| me.is_some_and(|me| !me.is_admin() && !me.groups.is_empty())));
    move || is_member.get().then(|| view! { <Later part=shared_runs of=()/> })
}

#[component]
fn Loaded() -> impl IntoView {
    let session = use_session();
    let first = Resource::new(move || (session.epoch(), session.groups()), |_| api::shared_runs(None));
    view! {
        <Transition>
            {move || Suspend::new(async move {
                // An error shows once, at the runs above, which fail alike.
                let page = first.await.ok();
                page.filter(|page| !page.runs.is_empty()).map(|page| view! { <SharedList page/> })
            })}
        </Transition>
    }
}

#[component]
fn SharedList(page: RunPage) -> impl IntoView {
    let runs = RwSignal::new(page.runs);
    let next = RwSignal::new(page.next);
    let more = Action::new(move |after: &String| api::shared_runs(Some(after.clone())));
    let error = outcome(more, move |page: RunPage| {
        next.set(page.next);
        runs.update(|runs| runs.extend(page.runs));
    });
    view! {
        <section class="stack" data-gap="2" aria-labelledby="shared-runs">
            <div class="section-head">
                <h2 id="shared-runs">"Runs your groups see"</h2>
            </div>
            <div class="list-rows">
                <ul class="list-body" on:pointerenter=|_| fetch_runs_ahead() on:focusin=|_| fetch_runs_ahead()>
                    <For each=move || runs.get() key=|run| run.id let:run>
                        <Row run/>
                    </For>
                </ul>
                <MoreRows
                    has_more=Signal::derive(move || next.with(Option::is_some))
                    loading=more.pending()
                    on_more=move |()| {
                        if let Some(after) = next.get_untracked() {
                            more.dispatch(after);
                        }
                    }
                />
            </div>
            <FormError error/>
        </section>
    }
}

#[component]
fn Row(run: RunSummary) -> impl IntoView {
    let status = run_status(run.status, run.status_reason).to_owned();
    view! {
        <li class="list-row">
            <span class="gallery-icon"><Icon name="workflow"/></span>
            <div class="list-main">
                <a href=format!("/runs/{}", run.id)>{run.template_name}</a>
                <div class="list-sub">
                    <span>"started " <RelativeTime at=run.created_at/></span>
                    <span>{run.user_email}</span>
                </div>
            </div>
            <span class="list-about">{run.about}</span>
            <div class="list-side num">{run.progress.words()}</div>
            <StatusChip status/>
        </li>
    }
}
