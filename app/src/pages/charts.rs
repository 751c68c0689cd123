//! /runs/charts: what runs did by day, as four charts, each with a sentence and a table that say the same. The address says what is shown.
//! Must hold no rule: whose runs are counted is the server's to say.

mod asked;
mod figures;
mod filters;
mod plot;
mod shown;
mod used;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use workflow::api::{RunTotals, WorkflowChoice};

use self::{
    asked::Asked,
    figures::{runs, success, times, usage},
    filters::Filters,
    shown::Figure,
    used::Used,
};
use crate::{
    api,
    components::{Empty, LinkButton, RowsSkeleton},
    load::{PartFailed, refetch_after_sign_in},
    reactive::{effect, memo},
    shell::Page,
};

#[component]
pub fn ChartsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = memo(move || query.with(Asked::of_address));
    let found = Resource::new(move || asked.get().query(), api::run_totals);
    refetch_after_sign_in(found, Result::is_err);
    let choices = RwSignal::new(Vec::<WorkflowChoice>::new());
    effect(move || {
        if let Some(Ok(totals)) = found.get() {
            choices.set(totals.choices);
        }
    });
    view! {
        <Page title="Charts of runs">
            <div class="page">
                <div class="page-head">
                    <h1>"Charts of runs"</h1>
                    <p>"What runs did by day, in UTC. New runs are counted within a minute"</p>
                    <div class="page-actions">
                        <LinkButton href="/runs" icon="list">"List of runs"</LinkButton>
                    </div>
                </div>
                <Filters asked choices/>
                <Transition fallback=|| view! { <RowsSkeleton n=8/> }>
                    {move || Suspend::new(async move {
                        match found.await {
                            Ok(totals) => view! { <Charts totals asked=asked.get_untracked()/> }.into_any(),
                            Err(error) => view! { <PartFailed error on_retry=move |()| found.refetch()/> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

#[component]
fn Charts(totals: RunTotals, asked: Asked) -> impl IntoView {
    if totals.days.iter().all(|day| day.n_runs == 0 && day.tokens == 0) {
        return view! {
            <Empty
                icon="play"
                framed=true
                title="No runs in these days"
                text="Choose more days or all workflows, or start a workflow on the dashboard: its runs are counted within a minute."
            />
        }
        .into_any();
    }
    let cut = figures::cut(&totals);
    let days: Vec<_> = totals.days.iter().map(|day| day.day).collect();
    let charts = [runs(&totals), success(&totals), times(&totals), usage(&totals)]
        .into_iter()
        .map(|chart| view! { <Figure chart days=days.clone()/> })
        .collect_view();
    view! {
        {cut.map(|words| view! { <p class="small muted">{words}</p> })}
        <div class="charts">{charts}</div>
        <Used totals asked/>
    }
    .into_any()
}
