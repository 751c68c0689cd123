//! The steps as a list, with everything that the canvas can do: for phones, for the keyboard, and for whoever cannot see the picture.
//! It is read from the board, so it can say nothing else than the canvas does.

use std::collections::BTreeMap;

use canvas::OutlineRow;
use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;
use workflow::StepKey;

use super::{
    arrange_menu::FurtherMenu,
    draft::{Draft, NARROW},
    focus,
    outline_marks::Marks,
    outline_rows::{focus_id, focus_row, row_after, row_id},
    outline_verbs::{Joining, Leads, Selecting, about, verb_words},
    trying::use_trying,
};
use crate::{
    components::{
        Badge, Button, ComboOption, Combobox, Dialog, Field, Menu, MenuItem, MenuLine, MoreRows, Size, TextInput, Tone,
        Variant,
        dom::{self, all, by_id, rove, window_width},
        open_while_chosen,
    },
    reactive::{effect, memo},
};

/// Listed at once.
const PORTION: usize = 200;

#[derive(Clone, Copy)]
struct List {
    draft: Draft,
    rows: Memo<Vec<OutlineRow>>,
    /// Where each step stands in them.
    places: Memo<BTreeMap<StepKey, usize>>,
    /// The step that is being connected to another one.
    connecting: RwSignal<Option<StepKey>>,
    leads: Leads,
}

#[component]
pub(super) fn Outline() -> impl IntoView {
    let draft = use_trying().draft;
    let rows = memo(move || {
        draft.problems.track();
        draft.catalog.track();
        draft.handle.outline()
    });
    let places =
        memo(move || rows.with(|rows| rows.iter().enumerate().map(|(at, row)| (row.key.clone(), at)).collect()));
    let list = List { draft, rows, places, connecting: RwSignal::new(None), leads: RwSignal::new(None) };
    // The panel at the side tells its own.
    draft.toast_refusals_while(|shown| shown != "panel");
    let wanted = RwSignal::new(String::new());
    let most = RwSignal::new(PORTION);
    let found = memo(move || {
        let wanted = wanted.get();
        rows.with(|rows| {
            let is_found = |row: &&OutlineRow| canvas::find::is_meant(&wanted, [row.title.as_str()]);
            rows.iter().filter(is_found).map(|row| (row.key.clone(), row.title.clone())).collect::<Vec<_>>()
        })
    });
    let shown = move || found.with(|found| found.iter().take(most.get()).cloned().collect::<Vec<_>>());
    let n_more = move || found.with(Vec::len).saturating_sub(most.get());
    view! {
        <TextInput value=wanted kind="search" icon="search" label="Search steps" placeholder="Search"/>
        <ol class="step-list" aria-label="Steps in the order in which they run" on:keydown=move |event| press(list, &event)>
            // Under another title it is another row: its menu is named for it.
            <For each=shown key=Clone::clone let:step>
                <Row list step/>
            </For>
        </ol>
        <MoreRows
            has_more=Signal::derive(move || n_more() > 0)
            on_more=move |()| most.update(|most| *most += PORTION)
            label=Signal::derive(move || format!("{} more", n_more()))
        />
        <Show when=move || found.with(Vec::is_empty)>
            <p class="muted small palette-none" role="status">
                {move || if rows.with(Vec::is_empty) { "No steps yet: add an agent" } else { "No step matches" }}
            </p>
        </Show>
        <Marks draft/>
        <Connect list/>
        <FurtherMenu draft open=list.leads/>
    }
}

#[component]
fn Row(
    list: List,
    /// Its key and its title.
    step: (StepKey, String),
) -> impl IntoView {
    let (key, title) = step;
    let draft = list.draft;
    let (id, menu_id) = (row_id(&key), format!("outline-{key}-more"));
    let key = StoredValue::new(key);
    // What the row says; as it was, while the step is on its way out.
    let row = memo(move || {
        let at = list.places.with(|places| key.with_value(|key| places.get(key).copied()))?;
        list.rows.with(|rows| rows.get(at).cloned())
    });
    let words = move || row.with(|row| row.as_ref().map(after_words).unwrap_or_default());
    let n_problems = move || row.with(|row| row.as_ref().map_or(0, |row| row.n_problems));
    let selection = draft.handle.selection();
    let is_selected = memo(move || selection.with(|keys| key.with_value(|key| keys.contains(key))));
    let label = format!("Actions for {title}");
    view! {
        <li class="step-row">
            <button
                class="step-open"
                type="button"
                id=id
                data-step=key.with_value(ToString::to_string)
                aria-current=move || if is_selected.get() { "true" } else { "false" }
                on:click=move |_| list.open(&key.get_value())
            >
                <span class="truncate">{title}</span>
                <small class="truncate">{words}</small>
            </button>
            {move || {
                let n = n_problems();
                (n > 0).then(|| view! {
                    <Badge tone=Tone::Warn>{crate::words::number(n)} <span class="visually-hidden">{if n == 1 { " problem" } else { " problems" }}</span></Badge>
                })
            }}
            <Menu id=menu_id label size=Size::Sm>
                {move || row.get().map(|row| view! { <Verbs list row/> })}
            </Menu>
        </li>
    }
}

/// "After Plan and Research", and whose it is.
fn after_words(row: &OutlineRow) -> String {
    let titles: Vec<&str> = row.after.iter().map(|(_, title)| title.as_str()).collect();
    match titles.as_slice() {
        [] => format!("First · {}", row.by),
        [one] => format!("After {one} · {}", row.by),
        [one, two] => format!("After {one} and {two} · {}", row.by),
        [one, rest @ ..] => format!("After {one} and {} more · {}", rest.len(), row.by),
    }
}

#[component]
fn Verbs(list: List, row: OutlineRow) -> impl IntoView {
    let draft = list.draft;
    let OutlineRow { key, after, is_first, is_last, .. } = row;
    let row = row_id(&key);
    let key = StoredValue::new(key);
    let before = after.clone();
    let beside = |is_end: bool| Signal::stored(is_end.then(|| "No other step stands beside it there".to_owned()));
    let cut = move |(from, title): (StepKey, String)| {
        let from = StoredValue::new(from);
        let run = move |()| {
            draft.handle.disconnect(&from.get_value(), &key.get_value());
            focus_row(draft, &key.get_value());
        };
        view! { <MenuItem icon="split" on_select=run>{format!("Disconnect from “{title}”")}</MenuItem> }
    };
    let shift = move |is_up: bool| {
        let key = key.get_value();
        draft.handle.move_in_outline(&key, is_up);
        focus_row(draft, &key);
    };
    let of_them = move |verb: &str| key.with_value(|key| verb_words(verb, draft, key));
    view! {
        <MenuItem icon="settings" keys="Enter" on_select=move |()| list.open(&key.get_value())>"Open"</MenuItem>
        <MenuItem icon="pencil" keys="F2" on_select=move |()| focus::open_step(draft, key.get_value())>"Rename"</MenuItem>
        <MenuItem icon="copy-plus" on_select=move |()| list.duplicate(&key.get_value())>{of_them("Duplicate")}</MenuItem>
        <MenuLine/>
        <Joining draft key after=before/>
        <MenuItem icon="spline" on_select=move |()| list.connecting.set(Some(key.get_value()))>"Connect to…"</MenuItem>
        {after.into_iter().map(cut).collect_view()}
        <MenuLine/>
        <MenuItem icon="arrow-up" refusal=beside(is_first) on_select=move |()| shift(true)>"Move up"</MenuItem>
        <MenuItem icon="arrow-down" refusal=beside(is_last) on_select=move |()| shift(false)>"Move down"</MenuItem>
        <MenuLine/>
        <Selecting draft key row leads=list.leads/>
        <MenuLine/>
        <MenuItem icon="trash-2" keys="Del" danger=true on_select=move |()| list.delete(&key.get_value())>{of_them("Delete")}</MenuItem>
    }
}

impl List {
    /// Beside the list, or in place of it where there is no room for both.
    fn open(self, key: &StepKey) {
        self.draft.handle.select(vec![key.clone()]);
        let width = window_width().unwrap_or(NARROW);
        if width < NARROW {
            self.draft.shown.set("panel".to_owned());
            focus::focus_soon(String::new());
        }
    }

    fn duplicate(self, key: &StepKey) {
        let handle = self.draft.handle;
        about(self.draft, key);
        handle.duplicate_selected();
        let copy = handle.selection().with_untracked(|keys| keys.first().cloned());
        focus_row(self.draft, &copy.unwrap_or_else(|| key.clone()));
    }

    /// The focus goes to the row that takes its place.
    fn delete(self, key: &StepKey) {
        let handle = self.draft.handle;
        about(self.draft, key);
        let next = handle.selection().with_untracked(|keys| row_after(keys));
        handle.delete_selected();
        focus_id(self.draft, next);
    }
}

/// Arrows walk through the list; F2 renames, Del deletes.
fn press(list: List, event: &KeyboardEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    let Some(button) = target.filter(|target| target.matches(".step-open").unwrap_or(false)) else { return };
    let Some(key) = button.get_attribute("data-step").map(StepKey::new) else { return };
    match event.key().as_str() {
        "F2" => focus::open_step(list.draft, key),
        "Delete" => list.delete(&key),
        name @ ("ArrowUp" | "ArrowDown" | "Home" | "End") => {
            let Some(panel) = by_id("palette") else { return };
            let rows = all(&panel, ".step-open");
            let at = rows.iter().position(|row| row.is_same_node(Some(&button)));
            if let Some(next) = rove(name, at, rows.len()).and_then(|at| rows.get(at)) {
                dom::focus(next);
            }
        }
        _ => return,
    }
    event.prevent_default();
}

/// Which step comes after this one; those that cannot say why.
#[component]
fn Connect(list: List) -> impl IntoView {
    let draft = list.draft;
    let open = open_while_chosen(list.connecting);
    let chosen = RwSignal::new(String::new());
    effect(move || {
        if list.connecting.with(Option::is_some) {
            chosen.set(String::new());
        }
    });
    let title = Signal::derive(move || {
        let key = list.connecting.get();
        key.map(|key| format!("Connect “{}” to…", draft.title_of(&key))).unwrap_or_default()
    });
    let options = memo(move || {
        let Some(from) = list.connecting.get() else { return Vec::new() };
        let ends = draft.handle.ends_from(&from).into_iter();
        ends.map(|end| ComboOption {
            value: end.key.to_string(),
            label: end.title,
            reason: end.refusal,
            ..ComboOption::default()
        })
        .collect::<Vec<_>>()
    });
    let connect = move |()| {
        let (Some(from), to) = (list.connecting.get_untracked(), chosen.get_untracked()) else { return };
        if to.is_empty() {
            return;
        }
        draft.handle.connect(&from, &StepKey::new(to));
        open.set(false);
        focus_row(draft, &from);
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant=Variant::Primary disabled=Signal::derive(move || chosen.with(String::is_empty)) on_click=connect>
                "Connect"
            </Button>
        }
    };
    view! {
        <Dialog id="connect-step" open title actions>
            <Field id="connect-to" label="The step that comes after it">
                <Combobox value=chosen options placeholder="Choose a step"/>
            </Field>
        </Dialog>
    }
}
