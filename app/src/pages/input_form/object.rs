//! An object as a fieldset of its fields, objects in it as fieldsets again, with what is wrong at its field.
//! Must never lose what is typed: a field that does not fit keeps it, and an object that fields cannot show is written as JSON.

use leptos::prelude::*;

use super::{
    fields::{self, Part},
    group::{Group, control_view, help_of},
    list::ListInput,
    value::Control,
};
use crate::{
    components::{Fault, Field, TextInput},
    reactive::{effect_with, memo, tie},
};

#[derive(Clone, Copy)]
struct Object {
    /// The JSON that is kept.
    kept: RwSignal<String>,
    parts: StoredValue<Vec<Part>>,
    texts: Memo<Option<Vec<String>>>,
    group: Group,
}

impl Object {
    fn change(self, n: usize, now: String) {
        let Some(mut texts) = self.texts.get_untracked() else { return };
        if let Some(text) = texts.get_mut(n) {
            *text = now;
        }
        self.parts.with_value(|parts| self.kept.set(fields::text(parts, &texts)));
    }

    /// What is wrong with a field, whether or not it was told.
    fn fault(self, n: usize) -> Option<String> {
        self.parts.with_value(|parts| self.kept.with_untracked(|kept| fields::fault_at(parts, kept, n)))
    }

    /// Whether the error is told at a field of it.
    fn has_fault(self) -> bool {
        (0..self.parts.with_value(Vec::len)).any(|n| self.fault(n).is_some())
    }
}

/// Draws itself again inside of itself, so it is no component, whose type would have no end.
pub(super) fn object_view(group: Group, kept: RwSignal<String>, parts: Vec<Part>) -> AnyView {
    let parts = StoredValue::new(parts);
    let texts = memo(move || parts.with_value(|parts| kept.with(|kept| fields::texts(parts, kept))));
    let object = Object { kept, parts, texts, group };
    let is_json = memo(move || texts.with(Option::is_none));
    let as_fields = move || {
        let is_invalid = move || group.error.with(Option::is_some) && !object.has_fault();
        let n = parts.with_value(Vec::len);
        view! {
            <fieldset
                id=group.id.get_value()
                class="field list-input"
                aria-invalid=move || is_invalid().then_some("true")
                aria-describedby=move || group.described_by()
                tabindex="-1"
            >
                {group.head()}
                <div class="type-inside stack" data-gap="3">
                    {(0..n).map(|n| part_view(object, n)).collect_view()}
                </div>
                <Fault text=group.error of=group.id.get_value()/>
            </fieldset>
        }
        .into_any()
    };
    (move || if is_json.get() { group.as_json(kept) } else { as_fields() }).into_any()
}

fn part_view(object: Object, n: usize) -> AnyView {
    let Some(part) = object.parts.with_value(|parts| parts.get(n).cloned()) else { return ().into_any() };
    let known = memo(move || {
        object.texts.with(|texts| texts.as_ref().and_then(|texts| texts.get(n).cloned()).unwrap_or_default())
    });
    let text = RwSignal::new(known.get_untracked());
    tie(known, text, move |now| object.change(n, now));
    // Told once the form was sent, and until the field is worked on.
    let told = RwSignal::new(None::<String>);
    effect_with(move |before: Option<Option<String>>| {
        let error = object.group.error.get();
        if before.is_none_or(|before| before != error) && error.is_some() {
            told.set(object.fault(n));
        }
        error
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            told.set(None);
        }
        now
    });
    let id = object.group.id.with_value(|id| format!("{id}-{n}"));
    let Part { name: label, schema, control, is_required, columns, parts } = part;
    let help = help_of(control, &schema);
    match control {
        Control::List => view! { <ListInput id kept=text columns label help error=told is_required/> }.into_any(),
        Control::Fields => object_view(Group::new(id, label, help, told, is_required), text, parts),
        _ => {
            let control = move || match control {
                Control::Line if schema.format == "date" => view! { <TextInput value=text kind="date"/> }.into_any(),
                control => control_view(control, &schema, text),
            };
            view! {
                <Field id label help error=told required=is_required optional=!is_required>
                    {control()}
                </Field>
            }
            .into_any()
        }
    }
}
