//! How long what took, as a chart of all steps, with a slider over the run's events that shows the run as it was.
//! All of it is fetched with the first look. Where something stands is worked out in `workflow::gantt`; nothing here reads the run anew.

mod chart;
mod drawn;
mod history;
mod scrubber;
mod table;

use leptos::prelude::*;
use workflow::spans::Phase;

use self::{chart::Chart, drawn::Drawn, history::History, scrubber::Scrubber, table::Table};
use super::{past::Past, state::LiveRun};
use crate::{
    components::{Button, IconButton, Size, Variant},
    load::PartFailed,
    words,
};

#[component]
pub(super) fn Times(live: LiveRun, past: Past) -> impl IntoView {
    let history = History::of(live, past);
    let chart = Chart::of(history);
    // Whoever closes it is back at now.
    on_cleanup(move || past.back_to_now());
    let error =
        move || history.error.get().map(|error| view! { <PartFailed error on_retry=move |()| history.read_on()/> });
    view! {
        <div class="times">
            <Scrubber history/>
            <Tools chart/>
            {error}
            <Drawn chart/>
            <p class="times-said small" role="status">
                {move || chart.words().unwrap_or_else(|| "Arrow keys go from bar to bar, Enter leads to the step".to_owned())}
            </p>
            <ul class="times-legend small">{legend()}</ul>
            <Table chart/>
        </div>
    }
}

#[component]
fn Tools(chart: Chart) -> impl IntoView {
    let (live, history) = (chart.live, chart.history);
    let n_left = move || live.slowly(|run| run.seq).saturating_sub(history.read.get());
    let toggle = |signal: RwSignal<bool>| move |()| signal.update(|is_on| *is_on = !*is_on);
    view! {
        <div class="row times-tools" role="group" aria-label="Chart">
            <IconButton icon="zoom-out" label="Show more time" size=Size::Sm on_click=move |()| chart.farther()/>
            <IconButton icon="zoom-in" label="Show less time" size=Size::Sm on_click=move |()| chart.nearer()/>
            <IconButton icon="maximize" label="Show all of the time" size=Size::Sm on_click=move |()| chart.fit()/>
            <IconButton
                icon="funnel"
                label="Only what is not over or failed"
                size=Size::Sm
                pressed=Signal::derive(move || Some(chart.is_wanted_only.get()))
                on_click=toggle(chart.is_wanted_only)
            />
            <IconButton
                icon="pause"
                label="Stop taking in what is new"
                size=Size::Sm
                pressed=Signal::derive(move || Some(history.is_paused.get()))
                on_click=toggle(history.is_paused)
            />
            <Show when=move || chart.place.get().is_some()>
                <Button size=Size::Sm variant=Variant::Quiet icon="arrow-right" on_click=move |()| chart.look_at_step()>
                    "Go to the step"
                </Button>
            </Show>
            <Show when=move || { n_left() > 0 }>
                <span class="muted small">
                    {move || format!("{} not read yet", words::count(n_left(), "event"))}
                </span>
            </Show>
        </div>
    }
}

fn legend() -> AnyView {
    let phases = Phase::ALL.into_iter().map(|phase| {
        view! {
            <li>
                <span class="times-key" data-phase=phase.as_str() aria-hidden="true"></span>
                {phase.words()}
            </li>
        }
    });
    // In most runs there is little but what is over, which has colours of its own on the chart.
    let over = [("succeeded", "Done"), ("failed", "Failed")].into_iter().map(|(outcome, words)| {
        view! {
            <li>
                <span class="times-key" data-phase="running" data-outcome=outcome aria-hidden="true"></span>
                {words}
            </li>
        }
    });
    view! {
        {phases.collect_view()}
        {over.collect_view()}
        <li>
            <span class="times-key" data-phase="path" aria-hidden="true"></span>
            "On the slowest path"
        </li>
    }
    .into_any()
}
