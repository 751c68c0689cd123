//! Search and replace in the draft: each hit with its place and its field, to be led to or replaced; all of them as one step of undo.
//! What a replacement would break stands at the hit before anybody presses a button.

use canvas::find::{self, Hit, Of, Spot, Wanted, What, Which};
use leptos::prelude::*;

use super::{draft::Draft, focus, replacing::Replacing, trying::use_trying};
use crate::{
    components::{Button, Checkbox, Fault, Field, Size, TextInput, Variant, focus_in_dialog},
    reactive::memo,
    words::count,
};

/// Listed, and judged, at once.
const PORTION: usize = 100;
const MOST_LETTERS: u32 = 2_000;

#[derive(Clone, Copy)]
struct Form {
    draft: Draft,
    replacing: Replacing,
    text: RwSignal<String>,
    with: RwSignal<String>,
    match_case: RwSignal<bool>,
    whole_word: RwSignal<bool>,
    /// Somebody has been in the field of what to put there: before that nothing is judged, for nobody wants to replace.
    is_replacing: RwSignal<bool>,
    said: RwSignal<String>,
}

#[component]
pub(super) fn ReplaceForm() -> impl IntoView {
    let form = Form {
        draft: use_trying().draft,
        replacing: expect_context(),
        text: RwSignal::new(String::new()),
        with: RwSignal::new(String::new()),
        match_case: RwSignal::new(false),
        whole_word: RwSignal::new(false),
        is_replacing: RwSignal::new(false),
        said: RwSignal::new(String::new()),
    };
    let hits = memo(move || form.search());
    let words = move || {
        let n = hits.with(|hits| hits.n_all);
        match n {
            _ if form.text.with(String::is_empty) => String::new(),
            0 => "Nothing found".to_owned(),
            n => count(n, "place"),
        }
    };
    let more = move || {
        let (n, n_all) = hits.with(|hits| (hits.shown.len(), hits.n_all));
        (n < n_all).then(|| view! { <p class="small muted">{format!("The first {n} are shown; replacing all is about all of them.")}</p> })
    };
    let cannot = Signal::derive(move || !form.is_replacing.get() || hits.with(|hits| hits.n_all == 0));
    focus_in_dialog("replace");
    view! {
        <div class="stack" data-gap="3">
            <div class="form-row">
                <Field id="replace-what" label="Find">
                    <TextInput value=form.text maxlength=MOST_LETTERS autocomplete="off"/>
                </Field>
                <div on:focusin=move |_| form.is_replacing.set(true)>
                    <Field id="replace-with" label="Replace with">
                        <TextInput value=form.with maxlength=MOST_LETTERS autocomplete="off"/>
                    </Field>
                </div>
            </div>
            <div class="row">
                <Checkbox checked=form.match_case label="Match case"/>
                <Checkbox checked=form.whole_word label="Whole word"/>
                <span class="push"></span>
                <Button variant=Variant::Primary size=Size::Sm disabled=cannot on_click=move |()| form.replace_all()>
                    "Replace all"
                </Button>
            </div>
            <p class="small muted" role="status">{words}</p>
            <p class="small" role="status">{move || form.said.get()}</p>
            <ol class="hits" aria-label="Places">
                {move || hits.with(|hits| hits.shown.iter().map(|hit| row(form, hit)).collect_view())}
            </ol>
            {more}
        </div>
    }
}

fn row(form: Form, hit: &Hit) -> impl IntoView + use<> {
    let (of, field) = place(form.draft, &hit.spot);
    let (spot, nth) = (hit.spot.clone(), hit.nth);
    let lead = {
        let spot = spot.clone();
        move |_| form.lead(&spot)
    };
    let replace = move |()| form.replace(&Which::One { spot: spot.clone(), nth });
    let fault = hit.fault.clone();
    let verb = if fault.is_some() { "Replace anyway" } else { "Replace" };
    let is_idle = Signal::derive(move || !form.is_replacing.get());
    let words = fault.map(|fault| format!("This would break it: {fault}"));
    let spoken = format!(" in {of}, {field}");
    view! {
        <li class="hit">
            <button class="hit-place" type="button" on:click=lead>
                <span class="hit-of"><strong class="truncate">{of}</strong> <small>{field}</small></span>
                <span class="hit-text">{hit.before.clone()}<mark>{hit.found.clone()}</mark>{hit.after.clone()}</span>
            </button>
            <Button size=Size::Sm disabled=is_idle on_click=replace>
                {verb} <span class="visually-hidden">{spoken}</span>
            </Button>
            <Fault text=Signal::stored(words)/>
        </li>
    }
}

/// What the text belongs to, and which of its fields it is, as the page calls them.
fn place(draft: Draft, spot: &Spot) -> (String, String) {
    let of = match &spot.of {
        Of::Step(key) => untrack(|| draft.title_of(key)),
        Of::Input(key) => format!("Workflow input {key}"),
    };
    let field = match spot.what {
        What::Title => "Title".to_owned(),
        What::Prompt => "Prompt".to_owned(),
        What::Constant => match (&spot.of, spot.field.split_once('.')) {
            (Of::Input(_), _) => "Default".to_owned(),
            (_, Some(("inputs", port))) => format!("Input {port}"),
            (_, Some(("when", _))) => "Condition".to_owned(),
            (_, Some(("map", _))) => "List".to_owned(),
            (_, Some(("concurrency", _))) => "Shared limit".to_owned(),
            _ => "Output if it fails".to_owned(),
        },
    };
    let at = if spot.pointer.is_empty() { String::new() } else { format!(" at {}", spot.pointer) };
    (of, field + &at)
}

impl Form {
    fn wanted(self) -> Wanted {
        Wanted { text: self.text.get(), match_case: self.match_case.get(), whole_word: self.whole_word.get() }
    }

    fn search(self) -> find::Hits {
        let wanted = self.wanted();
        let with = self.is_replacing.get().then(|| self.with.get());
        self.draft.handle.with_definition(|definition| {
            self.draft.catalog.with(|agents| find::search(definition, agents, &wanted, with.as_deref(), PORTION))
        })
    }

    fn replace_all(self) {
        self.replace(&Which::All);
    }

    fn replace(self, which: &Which) {
        let (wanted, with) = untrack(|| (self.wanted(), self.with.get()));
        let done = self.draft.handle.with_definition_untracked(|definition| {
            self.draft.catalog.with_untracked(|agents| find::replaced(definition, agents, &wanted, &with, which))
        });
        self.draft.handle.seal();
        let is_done = done.edit.is_none_or(|edit| self.draft.apply(edit, &format!("Replace “{}”", wanted.text)));
        self.draft.handle.seal();
        if is_done {
            self.said.set(told(done.n_replaced, done.n_left));
        }
    }

    fn lead(self, spot: &Spot) {
        self.replacing.open.set(false);
        let step = match &spot.of {
            Of::Step(key) => Some(key.clone()),
            Of::Input(_) => None,
        };
        focus::go_to_field(self.draft, step, spot.field.clone());
    }
}

fn told(n_replaced: usize, n_left: usize) -> String {
    let places = |n: usize| count(n, "place");
    match (n_replaced, n_left) {
        (n, 0) => format!("Replaced in {}.", places(n)),
        (n, left) => format!(
            "Replaced in {}. Left as {} in {}, where it would break a field.",
            places(n),
            if left == 1 { "it is" } else { "they are" },
            places(left),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_was_left_is_never_kept_silent() {
        assert_eq!(told(2, 0), "Replaced in 2 places.");
        assert_eq!(told(0, 1), "Replaced in 0 places. Left as it is in 1 place, where it would break a field.");
    }
}
