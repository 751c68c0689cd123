//! The values that a try begins with, each with where it comes from and whether it is kept.
//! What was typed stays from try to try; the form is drawn anew for other inputs only.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    RunId, StepKey,
    api::{PinPlace, PinSide, SeenRun},
    definition::RunInput,
};

use super::{Trying, use_trying};
use crate::reactive::memo;
use crate::{
    components::{Button, Field, Select, SelectOption, Size, Variant},
    pages::input_form::field::{InputField, InputView, Inputs},
};

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pages::editor) enum Origin {
    Pinned,
    Try,
    Run,
    Default,
    MadeUp,
}

impl Origin {
    fn words(self) -> &'static str {
        match self {
            Self::Pinned => "Your pinned value",
            Self::Try => "From the last try",
            Self::Run => "From the last run",
            Self::Default => "The default",
            Self::MadeUp => "Made up: write what you like",
        }
    }
}

pub(in crate::pages::editor) type Prefill = BTreeMap<String, (Value, Origin)>;

/// The fields of a form, drawn once.
#[derive(Clone, Copy)]
pub(in crate::pages::editor) struct TryForm {
    fields: StoredValue<Vec<(InputField, Option<Origin>)>>,
    step: StoredValue<Option<StepKey>>,
}

impl TryForm {
    /// `step` where the inputs are those of a step.
    pub(in crate::pages::editor) fn new(
        form: &str,
        step: Option<&StepKey>,
        inputs: &BTreeMap<String, RunInput>,
        prefill: &Prefill,
    ) -> Self {
        let fields = workflow::definition::in_order(inputs).map(|(key, input)| {
            let (value, origin) = prefill.get(key).cloned().unzip();
            let input = RunInput { default: value, ..input.clone() };
            (InputField::of_form(form, key, &input), origin)
        });
        Self { fields: StoredValue::new(fields.collect()), step: StoredValue::new(step.cloned()) }
    }

    /// What is typed, where all of it can be read; else each fault stands at its field.
    pub(in crate::pages::editor) fn read(self) -> Option<Inputs> {
        InputField::read_all(&self.plain())
    }

    fn plain(self) -> Vec<InputField> {
        self.fields.with_value(|fields| fields.iter().map(|(field, _)| field.clone()).collect())
    }

    pub(in crate::pages::editor) fn place(self, error: &crate::error::AppError) -> bool {
        InputField::place(&self.plain(), error)
    }

    pub(in crate::pages::editor) fn has_place(self, error: &crate::error::AppError) -> bool {
        InputField::has_place(&self.plain(), error)
    }

    pub(in crate::pages::editor) fn view(self) -> impl IntoView {
        let trying = use_trying();
        let step = self.step.get_value();
        let rows = self.fields.get_value().into_iter().map(move |(field, origin)| {
            let place = PinPlace { step: step.clone(), side: PinSide::Input, name: field.key.clone() };
            row(trying, field, origin, place)
        });
        view! { <div class="stack" data-gap="3">{rows.collect_view()}</div> }
    }
}

/// Whether a try runs on what is written in the form, or on what an earlier run had.
#[derive(Clone, Copy)]
pub(in crate::pages::editor) struct Earlier {
    id: &'static str,
    chosen: RwSignal<String>,
}

impl Earlier {
    pub(in crate::pages::editor) fn new(id: &'static str) -> Self {
        Self { id, chosen: RwSignal::new(String::new()) }
    }

    /// None: what is written counts.
    pub(in crate::pages::editor) fn run(self) -> Option<RunId> {
        self.chosen.with(|chosen| chosen.parse().ok())
    }

    pub(in crate::pages::editor) fn view(self, trying: Trying) -> impl IntoView {
        let options = Signal::derive(move || {
            let runs = trying.seen.with(|seen| seen.runs.clone());
            let of_run = |run: SeenRun| {
                let what = if run.is_test { "try" } else { "run" };
                SelectOption::new(
                    run.run_id.to_string(),
                    format!("Those of the {what} of {}", run.at.format("%Y-%m-%d %H:%M UTC")),
                )
            };
            std::iter::once(SelectOption::new("", "As they are written here"))
                .chain(runs.into_iter().map(of_run))
                .collect::<Vec<_>>()
        });
        let has_runs = memo(move || trying.seen.with(|seen| !seen.runs.is_empty()));
        view! {
            <Show when=move || has_runs.get()>
                <Field id=self.id label="Values">
                    <Select value=self.chosen options/>
                </Field>
            </Show>
        }
    }
}

fn row(trying: Trying, field: InputField, origin: Option<Origin>, place: PinPlace) -> impl IntoView {
    let begun = field.text.get_untracked();
    let text = field.text;
    let place = StoredValue::new(place);
    let is_pinned = memo(move || place.with_value(|place| trying.is_pinned(place)));
    let words = move || {
        let is_changed = text.with(|text| *text != begun);
        match origin {
            _ if is_changed => "Your own value",
            Some(Origin::Pinned) if !is_pinned.get() => "Your own value",
            Some(origin) => origin.words(),
            None => "",
        }
    };
    let title = field.title.clone();
    let label = Signal::derive(move || if is_pinned.get() { format!("Unpin {title}") } else { format!("Pin {title}") });
    let shown = field.clone();
    let press = move |()| {
        if is_pinned.get_untracked() {
            return trying.pin(place.get_value(), None);
        }
        let read = InputField::read_all(std::slice::from_ref(&field));
        if let Some(value) = read.and_then(|mut read| read.remove(&field.key)) {
            trying.pin(place.get_value(), Some(value));
        }
    };
    view! {
        <div class="try-input">
            <InputView field=shown/>
            <div class="row small muted">
                <span>{words}</span>
                <span class="push"></span>
                <PinButton is_pinned label tip="Tries of yours begin with this value, until you unpin it" on_press=Callback::new(press)/>
            </div>
        </div>
    }
}

/// A toggle that says in words what it is.
#[component]
pub(super) fn PinButton(
    is_pinned: Memo<bool>,
    label: Signal<String>,
    tip: &'static str,
    on_press: Callback<()>,
) -> impl IntoView {
    view! {
        <span class="pin-value" data-tip=tip data-on=move || is_pinned.get().to_string()>
            <Button size=Size::Sm variant=Variant::Quiet icon="lock" on_click=on_press>
                <span aria-hidden="true">{move || if is_pinned.get() { "Unpin" } else { "Pin" }}</span>
                <span class="visually-hidden">{move || label.get()}</span>
            </Button>
        </span>
    }
}
