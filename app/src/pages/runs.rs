//! /runs: every run that somebody may see, found again by words, status, days and more. The address says all that is looked for.
//! Must hold no rule: which runs are theirs is the server's to say.

mod asked;
mod bulk;
mod filters;
mod following;
mod list;
mod one_workflow;
mod row;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use workflow::api::{self as wire, ListedRun};

use self::{
    asked::Asked,
    filters::{Filters, Typed},
    list::List,
};
use crate::{
    api,
    components::{LinkButton, RowsSkeleton},
    error::AppError,
    load::{NothingLookedFor, PartFailed, refetch_after_sign_in},
    reactive::{effect, memo},
    shell::Page,
    words,
};

/// The fields that show what is wrong with them.
const FIELDS: [&str; 5] = ["search", "person", "tag", "from", "to"];

#[component]
pub fn RunsPage() -> impl IntoView {
    let query = use_query_map();
    // What the rows below were found with: it changes with a search, not with every letter.
    let asked = memo(move || query.with(Asked::of_address));
    let typed = Typed::new(asked.get_untracked());
    effect(move || typed.show(asked.get()));
    let found = Resource::new(move || asked.get().query(), |query| api::list_runs(query, None));
    refetch_after_sign_in(found, Result::is_err);
    let refused = RwSignal::new(None::<AppError>);
    effect(move || refused.set(found.get().and_then(Result::err)));
    // For those who do not see the rows change; and what the workflow is called where all are of one.
    let (told, workflow) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    effect(move || {
        let page = found.get().and_then(Result::ok);
        told.set(page.as_ref().map(found_words).unwrap_or_default());
        workflow.set(page.and_then(|page| page.items.into_iter().next()).map(|first| first.run.template_name));
    });
    view! {
        <Page title="Runs">
            <div class="page">
                <div class="page-head">
                    <h1>"Runs"</h1>
                    <p>"Find a run again by what it is about, its status, or when it was started"</p>
                    <div class="page-actions">
                        <LinkButton href="/runs/charts">"Charts"</LinkButton>
                    </div>
                </div>
                <Filters typed asked refused workflow/>
                <p class="visually-hidden" role="status">{move || told.get()}</p>
                <Transition fallback=|| view! { <RowsSkeleton n=8/> }>
                    {move || Suspend::new(async move {
                        match found.await {
                            Ok(page) => view! { <List page asked=asked.get_untracked()/> }.into_any(),
                            Err(error) if error.0.field.as_deref().is_some_and(|field| FIELDS.contains(&field)) => {
                                view! { <NothingLookedFor/> }.into_any()
                            }
                            Err(error) => view! { <PartFailed error on_retry=move |()| found.refetch()/> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

/// "50 runs found, and there are more".
fn found_words(page: &wire::Page<ListedRun>) -> String {
    let more = if page.next.is_some() { ", and there are more" } else { "" };
    format!("{} found{more}", words::count(page.items.len(), "run"))
}

#[cfg(test)]
mod tests {
    use super::{found_words, wire};

    #[test]
    fn what_was_found_is_told_in_words() {
        let page = |next: Option<&str>| wire::Page { items: Vec::new(), next: next.map(str::to_owned) };
        assert_eq!(found_words(&page(None)), "0 runs found");
        assert_eq!(found_words(&page(Some("x"))), "0 runs found, and there are more");
    }
}
