//! The list itself: an ARIA combobox over a list box. The focus stays in the field; arrows choose, Enter acts, Esc closes the dialog around it.
//! Every press of a key asks the same ranking; what the server finds joins in as it comes.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use canvas::find::best;
use leptos::{ev::KeyboardEvent, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{
    context::Finder,
    entry::{Act, Entry, Group},
    places,
};
use crate::{
    api,
    components::{
        Icon, Kbd,
        dom::{aria, by_id, key_of, rove},
        focus_in_dialog,
    },
    error::AppError,
    reactive::effect,
    session::{Session, use_session},
    words::count,
};

/// Listed at once; of more, typing finds the rest.
const MOST: usize = 60;
const MOST_OF_GROUP: usize = 20;
/// Of the steps, while nothing is typed.
const FIRST_STEPS: usize = 5;
/// The server is asked once a person pauses.
const PAUSE: Duration = Duration::from_millis(120);

#[derive(Clone)]
struct Shown {
    entry: Entry,
    letters: Vec<Range<usize>>,
}

#[derive(Clone, Copy)]
struct State {
    finder: Finder,
    session: Session,
    typed: RwSignal<String>,
    /// What is on the page and in the app.
    here: StoredValue<Vec<Entry>>,
    /// What the server found for what was typed then.
    there: RwSignal<Vec<Entry>>,
    fault: RwSignal<Option<AppError>>,
    shown: RwSignal<Vec<Shown>>,
    active: RwSignal<Option<usize>>,
    pause: StoredValue<Option<TimeoutHandle>>,
}

const LIST: &str = "find-list";

fn option_id(n: usize) -> String {
    format!("find-option-{n}")
}

#[component]
pub(super) fn Palette() -> impl IntoView {
    let finder = expect_context::<Finder>();
    let session = use_session();
    let mut here = finder.offered();
    here.push(
        Entry::run(Group::Commands, "keyboard", "Show all shortcuts", move || finder.help.set(true))
            .keys("?")
            .about("help keys"),
    );
    here.extend(places::places(session.user_untracked().is_some_and(|user| user.is_admin())));
    let state = State {
        finder,
        session,
        typed: RwSignal::new(String::new()),
        here: StoredValue::new(here),
        there: RwSignal::new(Vec::new()),
        fault: RwSignal::new(None),
        shown: RwSignal::new(Vec::new()),
        active: RwSignal::new(None),
        pause: StoredValue::new(None),
    };
    state.follow();
    let navigate = use_navigate();
    let choose = Callback::new(move |n: usize| {
        let Some(entry) = state.shown.with_untracked(|shown| shown.get(n).map(|shown| shown.entry.clone())) else {
            return;
        };
        if entry.refusal.is_some() {
            return;
        }
        state.finder.open.set(false);
        match entry.act {
            Act::Go(href) => navigate(&href, NavigateOptions::default()),
            // The dialog gives the focus back first.
            Act::Run(run) => request_animation_frame(move || run()),
        }
    });
    focus_in_dialog("find");
    let n_shown = move || state.shown.with(Vec::len);
    let is_none = move || n_shown() == 0;
    let words = move || match n_shown() {
        0 => "Nothing found".to_owned(),
        n => count(n, "result"),
    };
    view! {
        <div class="finder">
            <input
                class="input"
                type="text"
                role="combobox"
                autocomplete="off"
                spellcheck="false"
                placeholder="A page, workflow, agent, step or command"
                aria-label="Find"
                aria-autocomplete="list"
                aria-controls=LIST
                aria-expanded="true"
                aria-activedescendant=move || state.active.get().map(option_id)
                on:input=move |event| state.typed.set(event_target_value(&event))
                on:keydown=move |event| state.press(&event, choose)
            />
            <div class="finder-list" id=LIST role="listbox" aria-label="Results">
                {move || groups(state, choose)}
            </div>
            <Show when=is_none>
                <p class="combo-none">"Nothing found"</p>
            </Show>
            {move || state.fault.get().map(|error| view! {
                <p class="combo-none">{format!("Workflows and agents could not be searched: {}", error.0.detail)}</p>
            })}
            <div class="visually-hidden" role="status" aria-live="polite">{words}</div>
        </div>
    }
}

fn groups(state: State, choose: Callback<usize>) -> AnyView {
    let shown = state.shown.get();
    let mut groups: Vec<(Group, Vec<(usize, Shown)>)> = Vec::new();
    for (n, item) in shown.into_iter().enumerate() {
        match groups.last_mut() {
            Some((group, items)) if *group == item.entry.group => items.push((n, item)),
            _ => groups.push((item.entry.group, vec![(n, item)])),
        }
    }
    let group = move |(group, items): (Group, Vec<(usize, Shown)>)| {
        let items = items.into_iter().map(|(n, item)| option(state, choose, n, item)).collect_view();
        view! {
            <div role="group" aria-label=group.title()>
                <div class="menu-label" aria-hidden="true">{group.title()}</div>
                {items}
            </div>
        }
    };
    groups.into_iter().map(group).collect_view().into_any()
}

fn option(state: State, choose: Callback<usize>, n: usize, Shown { entry, letters }: Shown) -> impl IntoView {
    let is_refused = entry.refusal.is_some();
    let keys = (!entry.keys.is_empty()).then(|| view! { <Kbd keys=entry.keys/> });
    // Of what is known by other words only those of people are shown.
    let about = match entry.group {
        Group::Pages | Group::Commands => None,
        Group::Steps | Group::Workflows | Group::Agents => Some(entry.about).filter(|about| !about.is_empty()),
    };
    view! {
        <div
            class="menu-item finder-item"
            role="option"
            id=option_id(n)
            aria-selected=move || aria(state.active.get() == Some(n))
            aria-disabled=is_refused.then_some("true")
            data-active=move || state.active.get() == Some(n)
            on:pointerdown=move |event| event.prevent_default()
            on:click=move |_| choose.run(n)
        >
            <Icon name=entry.icon/>
            <span class="finder-words">
                <span class="truncate">{marked(&entry.title, &letters)}</span>
                {entry.refusal.map(|reason| view! { <small>{reason}</small> })}
            </span>
            {about.map(|about| view! { <span class="finder-about truncate">{about}</span> })}
            {keys}
        </div>
    }
}

/// The text with the letters that were found set apart.
fn marked(text: &str, letters: &[Range<usize>]) -> impl IntoView + use<> {
    let mut pieces = Vec::new();
    let mut end = 0;
    for range in letters {
        pieces.push((text.get(end..range.start).unwrap_or_default().to_owned(), false));
        pieces.push((text.get(range.clone()).unwrap_or_default().to_owned(), true));
        end = range.end;
    }
    pieces.push((text.get(end..).unwrap_or_default().to_owned(), false));
    let piece = |(text, is_found): (String, bool)| {
        if is_found { view! { <mark>{text}</mark> }.into_any() } else { text.into_any() }
    };
    pieces.into_iter().filter(|(text, _)| !text.is_empty()).map(piece).collect_view()
}

impl State {
    fn follow(self) {
        effect(move || {
            let typed = self.typed.get();
            let there = self.there.get();
            let shown = self.here.with_value(|here| arrange(typed.trim(), here, &there));
            let first = shown.iter().position(|shown| shown.entry.refusal.is_none());
            self.shown.set(shown);
            self.active.set(first);
        });
        effect(move || {
            let typed = self.typed.get();
            self.clear_pause();
            let wanted = typed.trim().to_owned();
            if wanted.is_empty() {
                self.there.set(Vec::new());
                self.fault.set(None);
                return;
            }
            let ask = move || spawn_local(self.ask(wanted.clone()));
            self.pause.set_value(set_timeout_with_handle(ask, PAUSE).ok());
        });
        effect(move || {
            if let Some(option) = self.active.get().and_then(|n| by_id(&option_id(n))) {
                let nearest = web_sys::ScrollIntoViewOptions::new();
                nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
                option.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        });
        on_cleanup(move || self.clear_pause());
    }

    fn clear_pause(self) {
        if let Some(timer) = self.pause.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    async fn ask(self, wanted: String) {
        let answer = api::find(wanted.clone()).await;
        // Something else is wanted by now, or nothing any more.
        if self.typed.try_with_untracked(|typed| typed.trim() == wanted) != Some(true) {
            return;
        }
        match answer {
            Ok(found) => {
                let workflows = found.workflows.into_iter().map(places::workflow);
                let agents = found.agents.into_iter().map(places::agent);
                self.fault.set(None);
                self.there.set(workflows.chain(agents).collect());
            }
            Err(error) => {
                self.session.note(&error);
                self.fault.set(Some(error));
            }
        }
    }

    fn press(self, event: &KeyboardEvent, choose: Callback<usize>) {
        // A word that is being put together is not finished by Enter.
        let key = key_of(event);
        match key.as_str() {
            "ArrowDown" | "ArrowUp" => {
                let n = self.shown.with_untracked(Vec::len);
                self.active.set(rove(&key, self.active.get_untracked(), n));
            }
            "Enter" => {
                if let Some(n) = self.active.get_untracked() {
                    choose.run(n);
                }
            }
            _ => return,
        }
        event.prevent_default();
    }
}

/// What fits, the best first; what belongs together stands together, where the best of it stands.
fn arrange(typed: &str, here: &[Entry], there: &[Entry]) -> Vec<Shown> {
    if typed.is_empty() {
        let mut first: Vec<&Entry> = here.iter().collect();
        first.sort_by_key(|entry| entry.group);
        let mut n_steps = 0;
        let few = |entry: &&Entry| {
            n_steps += usize::from(entry.group == Group::Steps);
            entry.group != Group::Steps || n_steps <= FIRST_STEPS
        };
        return first
            .into_iter()
            .filter(few)
            .map(|entry| Shown { entry: entry.clone(), letters: Vec::new() })
            .collect();
    }
    let all: Vec<&Entry> = here.iter().chain(there).collect();
    let found = best(typed, &all, |entry| &entry.title, |entry| &entry.about, usize::MAX);
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for (entry, _) in &found {
        if seen.insert(entry.group) {
            order.push(entry.group);
        }
    }
    let of_group = |group: Group| {
        let found = found.iter().filter(move |(entry, _)| entry.group == group).take(MOST_OF_GROUP);
        found.map(|(entry, found)| Shown { entry: Entry::clone(entry), letters: found.letters.clone() })
    };
    order.into_iter().flat_map(of_group).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(typed: &str, here: &[Entry], there: &[Entry]) -> Vec<String> {
        arrange(typed, here, there).into_iter().map(|shown| shown.entry.title).collect()
    }

    #[test]
    fn groups_stand_where_their_best_is_and_a_thousand_steps_are_found() {
        let mut here: Vec<Entry> = (0..1_000)
            .map(|n| Entry::run(Group::Steps, "bot", format!("Step {n}"), || {}).about(format!("step_{n} echo")))
            .collect();
        here.push(Entry::run(Group::Commands, "save", "Save now", || {}));
        here.push(Entry::go(Group::Pages, "users", "Users", "/admin/users"));
        let there = [Entry::go(Group::Workflows, "workflow", "Step by step", "/x")];
        let nothing = titles("", &here, &there);
        assert_eq!(nothing.first().map(String::as_str), Some("Save now"));
        assert_eq!(nothing.len(), 1 + FIRST_STEPS + 1);
        assert_eq!(titles("step 999", &here, &there)[0], "Step 999");
        let steps = titles("step", &here, &there);
        assert_eq!(steps.len(), MOST_OF_GROUP + 1);
        assert_eq!(steps.last().map(String::as_str), Some("Step by step"));
        assert_eq!(titles("users", &here, &there), ["Users"]);
        assert_eq!(titles("zzz", &here, &there), [] as [&str; 0]);
    }
}
