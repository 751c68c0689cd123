//! The run as it was, in place of the live one, while somebody goes through its events. It is a run of its own that follows no feed and
//! takes no verb: nothing here may change the live one, which goes on underneath.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use workflow::{
    StepKey,
    run::{State, state::Emails},
};

use super::{
    outline::Outline,
    slowest::{Slowest, SlowestLegend, SlowestToggle},
    state::LiveRun,
    step_panel::StepPanel,
};
use crate::{
    canvas_view::{CanvasToolbar, MapToggle, RunCanvas, WatchHandle, provide_map},
    clock,
    components::{Button, Icon, IconButton, LeftPanel, LeftToggle, Size, Variant},
    later::{View, later},
    reactive::{effect, effect_with, once_painted},
    words,
};

later! {
    watch: pub(super) parts, View<Looked>, |looked| view! { <Parts looked/> }.into_any();
    watch: pub(super) bar, View<Past>, |past| view! { <Bar past/> }.into_any();
}

/// What is looked at instead of now.
#[derive(Clone, Copy)]
pub(super) struct Past {
    state: RwSignal<Option<State>>,
    people: StoredValue<Emails>,
}

/// The past of a run, and what the page has beside it.
#[derive(Clone, Copy)]
pub(super) struct Looked {
    pub live: LiveRun,
    pub past: Past,
    pub steps: LeftPanel,
}

impl Past {
    pub(super) fn new() -> Self {
        Self { state: RwSignal::new(None), people: StoredValue::new(Emails::new()) }
    }

    pub(super) fn is_on(self) -> bool {
        self.state.with(Option::is_some)
    }

    pub(super) fn show(self, state: State) {
        self.state.try_set(Some(state));
    }

    pub(super) fn back_to_now(self) {
        if self.state.try_with_untracked(Option::is_some) == Some(true) {
            self.state.set(None);
        }
    }

    /// Emails of those whom the events name.
    pub(super) fn meet(self, people: Emails) {
        self.people.try_update_value(|known| known.extend(people));
    }

    /// The last event that counts, and when it was.
    pub(super) fn moment(self) -> Option<(i64, DateTime<Utc>)> {
        self.state.with(|state| state.as_ref().map(|state| (state.seq, state.at)))
    }
}

/// Says that this is not how things are, and leads back.
#[component]
fn Bar(past: Past) -> impl IntoView {
    let back = move || {
        past.back_to_now();
        // The button goes, and the focus with it.
        if let Some(main) =
            document().get_element_by_id("main").and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok())
        {
            drop(main.focus());
        }
    };
    let when = move || {
        past.moment().map(|(seq, at)| {
            let time = clock::local(at.timestamp_millis(), clock::Precision::Second);
            (format!(" at {time}"), format!("after event {}", words::number(seq)))
        })
    };
    view! {
        <div class="past-bar">
            <p>
                <Icon name="history"/>
                // Said aloud once: the slider tells of each moment that it goes to.
                <strong><span role="status">"You look at the run as it was"</span> {move || when().map(|(time, _)| time)}</strong>
                " "
                <span class="muted">{move || when().map(|(_, event)| event)}</span>
            </p>
            <Button variant=Variant::Primary size=Size::Sm on_click=move |()| back()>"Back to now"</Button>
        </div>
    }
}

/// The steps, the graph and the chosen step as they were then.
#[component]
fn Parts(looked: Looked) -> impl IntoView {
    let Looked { live, past, steps } = looked;
    let first = past.state.get_untracked().unwrap_or_else(State::empty);
    let then = live.as_it_was(first, past.people.get_value());
    let slowest = Slowest::of(then);
    let handle = then.run.with_untracked(|run| WatchHandle::new(run, live.agent_names()));
    // What no event tells is not known any more.
    let said = RwSignal::new(BTreeMap::<StepKey, canvas::Said>::new());
    provide_map();
    effect(move || {
        if let Some(state) = past.state.get()
            && then.run.with_untracked(|run| run.seq != state.seq)
        {
            then.show(state, past.people.get_value());
        }
    });
    effect_with(move |before: Option<()>| {
        let chosen = then.chosen.get();
        if let (Some(()), Some(key)) = (before, chosen) {
            handle.look_at_step(&key);
        }
    });
    view! {
        <Outline live=then slowest panel=steps/>
        <section class="canvas-stage" aria-label="Graph of the run as it was">
            <RunCanvas run=then.run stale=then.stale said path=slowest.steps selected=then.selected is_led=true handle=handle/>
            <SlowestLegend slowest/>
            <LeftToggle panel=steps icon="list-checks" label="Steps"/>
            <CanvasToolbar label="Graph">
                <IconButton icon="zoom-out" label="Zoom out" size=Size::Sm on_click=move |()| handle.zoom_out()/>
                <IconButton icon="zoom-in" label="Zoom in" size=Size::Sm on_click=move |()| handle.zoom_in()/>
                <IconButton icon="maximize" label="Fit" keys="Shift 1" size=Size::Sm on_click=move |()| handle.fit()/>
                <SlowestToggle slowest/>
                <MapToggle needed=handle.needs_map()/>
            </CanvasToolbar>
        </section>
        <StepPanel live=then shown=once_painted(move || then.selected.get())/>
    }
}
