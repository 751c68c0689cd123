//! Field: label, help and error around one control, wired by ids that derive from the field's own, so both sides render alike.
//! Names that an error quotes are set as code. An error is never only a colour: it has an icon and words, and the control says `aria-invalid`.

use leptos::context::Provider;
use leptos::prelude::*;

use super::icon::{Icon, Size};
use super::quoted::quoted;

/// What a control inside a Field takes from it.
#[derive(Clone, Copy)]
pub(crate) struct FieldContext {
    pub(crate) id: StoredValue<String>,
    pub(crate) described_by: Signal<Option<String>>,
    pub(crate) invalid: Signal<bool>,
    pub(crate) required: bool,
}

/// The wiring of a control: from the Field around it, or its own id alone.
#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) id: Option<String>,
    pub(crate) described_by: Signal<Option<String>>,
    pub(crate) invalid: Signal<bool>,
    pub(crate) required: bool,
}

impl Wiring {
    pub(crate) fn find(id: Option<String>) -> Self {
        match (id, use_context::<FieldContext>()) {
            (None, Some(field)) => Self {
                id: Some(field.id.get_value()),
                described_by: field.described_by,
                invalid: field.invalid,
                required: field.required,
            },
            (id, _) => Self { id, described_by: Signal::default(), invalid: Signal::default(), required: false },
        }
    }

    /// What is wrong with a control outside a Field; the `Fault` beside it is `of` the same id.
    pub(crate) fn with_fault(self, fault: Option<Signal<Option<String>>>) -> Self {
        let (Some(fault), Some(id)) = (fault, self.id.as_deref()) else { return self };
        let error_id = error_id(id);
        let described_by = Signal::derive(move || fault.with(Option::is_some).then(|| error_id.clone()));
        Self { described_by, invalid: Signal::derive(move || fault.with(Option::is_some)), ..self }
    }

    pub(crate) fn aria_invalid(&self) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + use<> {
        let invalid = self.invalid;
        move || invalid.get().then_some("true")
    }
}

/// The ids of what is said about a control. Two hyphens: a part of it may be a field of its own that is called `help`.
pub(crate) fn error_id(id: &str) -> String {
    format!("{id}--error")
}

pub(crate) fn help_id(id: &str) -> String {
    format!("{id}--help")
}

/// `id` is the control's id, unique on the page. `error` is `None` or the sentence to show.
#[component]
pub fn Field(
    #[prop(into)] id: String,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] help: Signal<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(optional)] required: bool,
    /// Says "Optional" beside the label.
    #[prop(optional)]
    optional: bool,
    children: Children,
) -> impl IntoView {
    let (help_id, error_id) = (help_id(&id), error_id(&id));
    let described_by = {
        let (help_id, error_id) = (help_id.clone(), error_id.clone());
        Signal::derive(move || {
            let help = help.with(|h| (!h.is_empty()).then(|| help_id.clone()));
            let error = error.with(|e| e.as_ref().map(|_| error_id.clone()));
            match (error, help) {
                (Some(error), Some(help)) => Some(format!("{error} {help}")),
                (error, help) => error.or(help),
            }
        })
    };
    let context = FieldContext {
        id: StoredValue::new(id.clone()),
        described_by,
        invalid: Signal::derive(move || error.with(Option::is_some)),
        required,
    };
    let help_text = move || {
        let text = help.get();
        let id = help_id.clone();
        (!text.is_empty()).then(|| view! { <p class="field-help" id=id>{text}</p> })
    };
    let error_text = move || {
        let id = error_id.clone();
        error.get().map(|text| {
            view! {
                <p class="field-error" id=id>
                    <Icon name="circle-alert" size=Size::Sm/>
                    <span>{quoted(&text)}</span>
                </p>
            }
        })
    };
    view! {
        <div class="field">
            <label class="field-label" for=id>
                <span>{move || label.get()}</span>
                {optional.then(|| view! { <span class="field-optional">"Optional"</span> })}
            </label>
            <Provider value=context>{children()}</Provider>
            {help_text}
            <div class="field-note" aria-live="polite">{error_text}</div>
        </div>
    }
}

/// What is wrong, under controls that are no Field.
#[component]
pub fn Fault(
    #[prop(into)] text: Signal<Option<String>>,
    /// The id of the control that says it is described by this.
    #[prop(optional, into)]
    of: Option<String>,
) -> impl IntoView {
    let id = of.map(|of| error_id(&of));
    view! {
        <div aria-live="polite" class="field-note">
            {move || text.get().map(|text| view! {
                <p class="field-error" id=id.clone()>
                    <Icon name="circle-alert" size=Size::Sm/>
                    <span>{quoted(&text)}</span>
                </p>
            })}
        </div>
    }
}
