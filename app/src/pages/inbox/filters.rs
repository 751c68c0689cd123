//! What narrows the list and orders it. Each control shows what the address says and writes it there.
//! Must never let a letter that is being typed be taken back by an answer.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use workflow::TemplateId;

use super::{
    asked::{SORTS, sort_name},
    focus,
    place::Place,
    state::Inbox,
};
use crate::{
    components::{ComboOption, Combobox, Segment, Segmented, Select, SelectOption, Switch, TextInput},
    reactive::{effect, effect_with, memo, tie},
    session::use_session,
    words,
};

/// The server is asked once a person pauses.
const PAUSE: Duration = Duration::from_millis(250);
/// As many characters are looked for at most; as the server has it.
const MOST_SEARCHED: u32 = 200;

#[component]
pub(super) fn Filters(inbox: Inbox) -> impl IntoView {
    let place = inbox.place();
    let asked = place.asked();
    let workflows = memo(move || {
        let counted = inbox.counts().with(|counts| counts.as_ref().map(|counts| counts.workflows.clone()));
        let counted = counted.unwrap_or_default();
        counted.into_iter().map(|of| (of.template_id, of.name, words::thousands(of.n))).collect::<Vec<_>>()
    });
    let known = memo(move || asked.with(|asked| sort_name(asked.sort).to_owned()));
    let sort = RwSignal::new(known.get_untracked());
    tie(known, sort, move |name: String| {
        let found = SORTS.iter().find(|(_, known, _)| *known == name).map(|(sort, ..)| *sort);
        place.go(|asked| asked.sort = found.unwrap_or_default());
    });
    let sorts: Vec<SelectOption> = SORTS.iter().map(|(_, name, words)| SelectOption::new(*name, *words)).collect();
    view! {
        <div class="inbox-filters" role="search" aria-label="Filter what waits">
            <Search place label="Search what waits"/>
            <div class="inbox-filter-row">
                <WorkflowFilter place workflows/>
                <Select value=sort options=sorts id="inbox-sort" label="Order"/>
            </div>
            <div class="inbox-filter-line">
                <Switch
                    checked=Signal::derive(move || asked.with(|asked| asked.is_due_soon))
                    on_change=move |is_on: bool| place.go(|asked| asked.is_due_soon = is_on)
                    label="Due within a day"
                />
                <Scope place/>
            </div>
        </div>
    }
}

/// The field; what is typed is asked for once a person pauses.
#[component]
pub(super) fn Search(place: Place, label: &'static str) -> impl IntoView {
    let asked = place.asked();
    let known = memo(move || asked.with(|asked| asked.search.clone()));
    let text = RwSignal::new(known.get_untracked());
    let written = StoredValue::new(known.get_untracked());
    let pause = StoredValue::new(None::<TimeoutHandle>);
    effect(move || {
        let now = known.get();
        // What was changed elsewhere, as by Back, comes into the field; what comes from here is there already.
        if written.with_value(|written| *written != now) {
            written.set_value(now.clone());
            text.set(now);
        }
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) && written.with_value(|written| *written != now) {
            if let Some(running) = pause.get_value() {
                running.clear();
            }
            let ask = move || {
                if place.is_left() {
                    return;
                }
                if let Some(now) = text.try_get_untracked() {
                    written.set_value(now.clone());
                    place.go(|asked| asked.search = now);
                }
            };
            pause.set_value(set_timeout_with_handle(ask, PAUSE).ok());
        }
        now
    });
    effect_with(move |before: Option<u32>| {
        let now = place.n_cleared();
        if before.is_some_and(|before| before != now) {
            if let Some(running) = pause.get_value() {
                running.clear();
            }
            written.set_value(String::new());
            text.set(String::new());
        }
        now
    });
    view! {
        <TextInput
            value=text
            id=focus::SEARCH
            kind="search"
            icon="search"
            label=label
            placeholder="Search"
            maxlength=MOST_SEARCHED
            autocomplete="off"
        />
    }
}

/// One workflow or all: by id, name, and how much of it there is.
#[component]
pub(super) fn WorkflowFilter(place: Place, workflows: Memo<Vec<(TemplateId, String, String)>>) -> impl IntoView {
    let asked = place.asked();
    let known = memo(move || asked.with(|asked| asked.workflow.map(|id| id.to_string()).unwrap_or_default()));
    let value = RwSignal::new(known.get_untracked());
    tie(known, value, move |id: String| place.go(|asked| asked.workflow = id.parse().ok()));
    let options = Signal::derive(move || {
        let all = ComboOption { label: "All workflows".to_owned(), ..ComboOption::default() };
        let chosen = asked.with(|asked| asked.workflow);
        workflows.with(|workflows| {
            // Of the one that is chosen there may be nothing left.
            let missing = chosen.filter(|id| workflows.iter().all(|(known, ..)| known != id)).map(|id| ComboOption {
                value: id.to_string(),
                label: "The chosen workflow".to_owned(),
                ..ComboOption::default()
            });
            let listed = workflows.iter().map(|(id, name, n)| ComboOption {
                value: id.to_string(),
                label: name.clone(),
                kind: n.clone(),
                ..ComboOption::default()
            });
            std::iter::once(all).chain(missing).chain(listed).collect::<Vec<_>>()
        })
    });
    view! { <Combobox value options id="inbox-workflow" label="Workflow"/> }
}

/// Mine or everybody's, for admins.
#[component]
pub(super) fn Scope(place: Place) -> impl IntoView {
    let asked = place.asked();
    use_session().is_admin().then(|| {
        let known = memo(move || asked.with(|asked| if asked.is_all { "all" } else { "mine" }.to_owned()));
        let value = RwSignal::new(known.get_untracked());
        tie(known, value, move |scope: String| place.go(|asked| asked.is_all = scope == "all"));
        let segments = vec![Segment::new("mine", "Mine"), Segment::new("all", "Everybody's")];
        view! { <Segmented value segments name="inbox-scope" label="Whose"/> }
    })
}
