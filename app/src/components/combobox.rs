//! Combobox: a searchable list of typed options; those that cannot be chosen stay visible and say why.
//! The ARIA combobox pattern: the focus stays in the input, the active option is named by `aria-activedescendant`.

use crate::reactive::{effect, memo, next_frame};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::dom::{Align, aria, by_id, focus, key_of, place_near, rove, set_style};
use super::field::Wiring;
use super::icon::Icon;
use crate::words::count;

/// Drawn at once; of more, typing finds the rest.
const MOST: usize = 200;

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ComboOption {
    pub value: String,
    pub label: String,
    /// The type, as "string" or "list of objects".
    pub kind: String,
    /// Why it cannot be chosen.
    pub reason: Option<String>,
    /// A value it had, as an example; empty where none is known.
    pub seen: String,
}

impl ComboOption {
    fn is_meant(&self, typed: &str) -> bool {
        canvas::find::is_meant(typed, [self.label.as_str(), self.value.as_str(), self.kind.as_str()])
    }
}

#[component]
pub fn Combobox(
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<ComboOption>>,
    /// Needed outside a Field.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] label: Option<String>,
    /// Outside a Field: what is wrong, which a `Fault` beside it says.
    #[prop(optional, into)]
    fault: Option<Signal<Option<String>>>,
    /// Hears what is searched for, from the first look at the list on: for options that are fetched.
    #[prop(optional, into)]
    on_search: Option<Callback<String>>,
    /// Hears of a text that is left standing, or entered, without a choice. With it the text stays, so that it can be put right.
    #[prop(optional, into)]
    on_unknown: Option<Callback<String>>,
    /// What is said where nothing is found, if not that nothing matches.
    #[prop(optional, into)]
    nothing: Option<Signal<String>>,
    /// It opens as soon as it is there, takes the focus, and points at the first option that can be chosen.
    #[prop(optional)]
    opens: bool,
    /// Hears what is pointed at while the list is open.
    #[prop(optional, into)]
    on_active: Option<Callback<String>>,
    /// Hears when it is left without a choice.
    #[prop(optional, into)]
    on_leave: Option<Callback<()>>,
) -> impl IntoView {
    let wiring = Wiring::find(id).with_fault(fault);
    let state = Combo { on_leave, ..Combo::new(wiring.id.clone().unwrap_or_default(), value, options, on_unknown) };
    state.follow();
    if opens {
        state.open_soon();
    }
    if let Some(on_active) = on_active {
        state.tell_active(on_active);
    }
    if let Some(on_search) = on_search {
        effect(move || {
            if state.open.get() {
                on_search.run(state.query.get());
            }
        });
    }
    let Combo { input, list, open, active, chosen, .. } = state;
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    view! {
        <span class="combo input-wrap">
            <input
                node_ref=input
                class="input"
                type="text"
                id=wiring.id
                role="combobox"
                autocomplete="off"
                spellcheck="false"
                value=chosen.get_untracked()
                placeholder=placeholder
                required=wiring.required
                disabled=move || disabled.get()
                aria-label=label
                aria-autocomplete="list"
                aria-controls=state.list_id()
                aria-expanded=move || aria(open.get())
                aria-activedescendant=move || active.get().map(|i| state.option_id(i))
                aria-describedby=move || described_by.get()
                aria-invalid=invalid
                on:click=move |_| state.show()
                on:input=move |event| state.search(event_target_value(&event))
                on:keydown=move |event| state.press(&event)
                on:blur=move |_| state.leave()
            />
            <Icon name="chevrons-up-down"/>
            <span class="visually-hidden" role="status" aria-live="polite">{move || state.count_words(nothing)}</span>
            <div node_ref=list class="popup combo-list" id=state.list_id() role="listbox" popover="manual" aria-label="Options">
                <Show when=move || open.get()>{move || entries(state, nothing)}</Show>
            </div>
        </span>
    }
}

fn entries(state: Combo, nothing: Option<Signal<String>>) -> AnyView {
    let found = state.found.get();
    if found.is_empty() {
        let words = nothing.map_or_else(|| "Nothing matches".to_owned(), |nothing| nothing.get());
        return view! { <p class="combo-none" role="presentation">{words}</p> }.into_any();
    }
    let value = state.value.get();
    let has_more = found.len() > MOST;
    let options = found
        .into_iter()
        .take(MOST)
        .enumerate()
        .map(|(i, option)| {
            let is_chosen = option.value == value;
            let refused = option.reason.is_some();
            view! {
                <div
                    class="menu-item"
                    role="option"
                    id=state.option_id(i)
                    aria-selected=aria(is_chosen)
                    aria-disabled=refused.then_some("true")
                    data-active=move || state.active.get() == Some(i)
                    on:pointerdown=move |event| event.prevent_default()
                    on:click=move |_| state.choose(i)
                >
                    <span>{is_chosen.then(|| view! { <Icon name="check"/> })}</span>
                    <span class="truncate">{option.label}</span>
                    <span class="combo-type">{option.kind}</span>
                    {(!option.seen.is_empty()).then(|| view! {
                        <span class="combo-reason truncate"><span class="visually-hidden">"last value "</span> <bdi>{option.seen}</bdi></span>
                    })}
                    {option.reason.map(|reason| view! { <span class="combo-reason">{reason}</span> })}
                </div>
            }
        })
        .collect_view();
    let more =
        has_more.then(|| view! { <p class="combo-none" role="presentation">"There are more: type to find them"</p> });
    view! {
        {options}
        {more}
    }
    .into_any()
}

/// What is typed, found and active while the list is open.
#[derive(Clone, Copy)]
struct Combo {
    id: StoredValue<String>,
    value: RwSignal<String>,
    input: NodeRef<html::Input>,
    list: NodeRef<html::Div>,
    open: RwSignal<bool>,
    query: RwSignal<String>,
    active: RwSignal<Option<usize>>,
    /// The label of the chosen option; its value where the option is gone.
    chosen: Memo<String>,
    found: Memo<Vec<ComboOption>>,
    on_unknown: Option<Callback<String>>,
    on_leave: Option<Callback<()>>,
}

impl Combo {
    fn new(
        id: String,
        value: RwSignal<String>,
        options: Signal<Vec<ComboOption>>,
        on_unknown: Option<Callback<String>>,
    ) -> Self {
        let query = RwSignal::new(String::new());
        let chosen = memo(move || {
            let value = value.get();
            options.with(|options| options.iter().find(|o| o.value == value).map_or(value.clone(), |o| o.label.clone()))
        });
        let found = memo(move || {
            query.with(|query| {
                options.with(|options| options.iter().filter(|o| o.is_meant(query)).take(MOST + 1).cloned().collect())
            })
        });
        Self {
            id: StoredValue::new(id),
            value,
            input: NodeRef::new(),
            list: NodeRef::new(),
            open: RwSignal::new(false),
            query,
            active: RwSignal::new(None),
            chosen,
            found,
            on_unknown,
            on_leave: None,
        }
    }

    fn list_id(self) -> String {
        self.id.with_value(|id| format!("{id}-list"))
    }

    fn option_id(self, i: usize) -> String {
        self.id.with_value(|id| format!("{id}-option-{i}"))
    }

    /// The text follows a choice made elsewhere; the active option scrolls into view.
    fn follow(self) {
        effect(move || {
            let text = self.chosen.get();
            if let Some(input) = self.input.get()
                && !self.open.get_untracked()
            {
                input.set_value(&text);
            }
        });
        effect(move || {
            if let Some(option) = self.active.get().and_then(|i| by_id(&self.option_id(i))) {
                let nearest = web_sys::ScrollIntoViewOptions::new();
                nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
                option.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        });
    }

    /// Two frames later, when what gave the focus away has settled.
    fn open_soon(self) {
        effect(move || {
            let Some(input) = self.input.get() else { return };
            next_frame(self.open, move || {
                next_frame(self.open, move || {
                    focus(&input);
                    self.show();
                    self.active.set(self.first_choosable());
                });
            });
        });
    }

    fn tell_active(self, on_active: Callback<String>) {
        effect(move || {
            let active = self.active.get();
            let option = self.found.with(|found| active.and_then(|i| found.get(i).map(|option| option.value.clone())));
            if let Some(value) = option {
                on_active.run(value);
            }
        });
    }

    /// How many there are, for who hears the list: only while it is searched, for else the options are heard themselves.
    fn count_words(self, nothing: Option<Signal<String>>) -> String {
        if !self.open.get() || self.query.with(String::is_empty) {
            return String::new();
        }
        match self.found.with(Vec::len) {
            0 => nothing.map_or_else(|| "Nothing matches".to_owned(), |nothing| nothing.get()),
            n => option_words(n),
        }
    }

    fn first_choosable(self) -> Option<usize> {
        self.found.with_untracked(|found| found.iter().position(|option| option.reason.is_none()))
    }

    fn show(self) {
        if self.open.get_untracked() {
            return;
        }
        // A text that stayed is searched for again.
        if self.on_unknown.is_some() && self.is_kept() {
            self.query.set(self.input.get_untracked().map(|input| input.value()).unwrap_or_default());
        }
        self.open.set(true);
        let value = self.value.get_untracked();
        self.active.set(self.found.with_untracked(|found| found.iter().position(|o| o.value == value)));
        // One frame later the options are there and can be measured.
        next_frame(self.open, move || {
            let (Some(input), Some(list)) = (self.input.get_untracked(), self.list.get_untracked()) else { return };
            // Left at once, it would show a list that nobody closes.
            if !self.open.get_untracked() {
                return;
            }
            let list: &HtmlElement = &list;
            set_style(list, "width", &format!("{}px", input.offset_width().max(220)));
            drop(list.show_popover());
            self.stay();
        });
    }

    /// The list stays at its input as long as it is open: the page may scroll, the window be resized, and the input may lie on a canvas that
    /// moves, of which no event tells.
    fn stay(self) {
        if !self.open.get_untracked() {
            return;
        }
        if let (Some(input), Some(list)) = (self.input.get_untracked(), self.list.get_untracked()) {
            place_near(&input, &list, Align::Start, 4.0);
        }
        next_frame(self.open, move || self.stay());
    }

    fn close(self) {
        // An input that is taken off the page with the focus in it blurs when its signals are gone already.
        let Some(chosen) = self.chosen.try_get_untracked() else { return };
        self.fold();
        if let Some(input) = self.input.get_untracked() {
            input.set_value(&chosen);
        }
    }

    /// The list goes; the text of the input stays.
    fn fold(self) {
        self.open.set(false);
        self.query.set(String::new());
        self.active.set(None);
        if let Some(list) = self.list.get_untracked() {
            drop(HtmlElement::hide_popover(&list));
        }
    }

    /// The input is left, or what stands in it is entered, without a choice.
    fn leave(self) {
        let typed = self.query.try_get_untracked().map(|text| text.trim().to_owned()).unwrap_or_default();
        match self.on_unknown {
            Some(on_unknown) if !typed.is_empty() => {
                self.fold();
                on_unknown.run(typed);
            }
            // Left once more with a text that was told about already.
            Some(_) if self.is_kept() => self.fold(),
            _ => self.close(),
        }
        self.tell_left();
    }

    /// An input that is taken off the page blurs too; nobody leaves it then.
    fn tell_left(self) {
        if let Some(on_leave) = self.on_leave.filter(|_| self.open.try_get_untracked().is_some()) {
            on_leave.run(());
        }
    }

    /// A text stands in the input that is no choice.
    fn is_kept(self) -> bool {
        let Some(chosen) = self.chosen.try_get_untracked() else { return false };
        self.input.get_untracked().is_some_and(|input| input.value() != chosen)
    }

    fn search(self, text: String) {
        self.query.set(text);
        self.show();
        self.active.set(self.first_choosable());
    }

    fn choose(self, i: usize) {
        let option = self.found.with_untracked(|found| found.get(i).cloned());
        if let Some(option) = option.filter(|o| o.reason.is_none()) {
            self.value.set(option.value);
            self.close();
        }
    }

    fn press(self, event: &KeyboardEvent) {
        let open = self.open.get_untracked();
        match (key_of(event).as_str(), open) {
            ("ArrowDown" | "ArrowUp", false) => {
                event.prevent_default();
                self.show();
            }
            (key @ ("ArrowDown" | "ArrowUp"), true) => {
                event.prevent_default();
                self.active.set(rove(
                    key,
                    self.active.get_untracked(),
                    self.found.with_untracked(|found| found.len().min(MOST)),
                ));
            }
            ("Enter", true) => {
                event.prevent_default();
                match self.active.get_untracked() {
                    Some(i) => self.choose(i),
                    None if self.on_unknown.is_some() => self.leave(),
                    None => {}
                }
            }
            ("Escape", true) => {
                // Esc closes the list, not the dialog around it.
                event.prevent_default();
                event.stop_propagation();
                self.close();
                self.tell_left();
            }
            _ => (),
        }
    }
}

/// Of more than are shown nobody counts how many there are.
fn option_words(n: usize) -> String {
    match n {
        n if n > MOST => format!("More than {}", count(MOST, "option")),
        n => count(n, "option"),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, option_words};

    #[test]
    fn what_is_left_of_a_list_is_counted_as_far_as_it_is_shown() {
        assert_eq!([1, 2].map(option_words), ["1 option", "2 options"]);
        assert_eq!(option_words(MOST), format!("{MOST} options"));
        assert_eq!(option_words(MOST + 1), format!("More than {MOST} options"));
    }
}
