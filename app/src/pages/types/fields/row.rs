//! The rows of an object's fields, and what each item of a list is: name, type, whether it must be there, what it is for.
//! Every control says which field it is of, so that it can be told from its neighbours by ear.

use leptos::prelude::*;
use serde_json::Number;
use workflow::{
    schema::{Kind, MAX_FIELD_LEVELS, Schema, Within},
    words::count,
};

use super::super::{
    editing::{Editing, place_id},
    words::{WORDS, bound, field_word, is_number, lines, pretty},
};
use crate::components::{
    Button, Checkbox, Field, IconButton, Select, SelectOption, Size, TextArea, TextInput, dom::focus_soon,
};
use crate::reactive::{effect, effect_with, memo, tie};

fn with(place: &[Within], step: Within) -> Vec<Within> {
    place.iter().copied().chain([step]).collect()
}

/// The fields of the object at a place, and the way to add one.
pub(super) fn fields(editing: Editing, place: Vec<Within>, id: String) -> AnyView {
    let place = StoredValue::new(place);
    let id = StoredValue::new(id);
    let n = memo(move || place.with_value(|place| editing.read(place, |schema| schema.properties.len())));
    let add = move || {
        let added = place.with_value(|place| editing.change(place, Schema::add_field));
        if let Some(n) = added {
            focus_soon(place.with_value(|place| id.with_value(|id| place_id(id, &with(place, Within::Field(n))))));
        }
    };
    let words =
        move || if n.get() == 0 { "No fields said: any object fits".to_owned() } else { count(n.get(), "field") };
    view! {
        <div class="stack" data-gap="2">
            <p class="small muted">{words}</p>
            <For each=move || 0..n.get() key=|n| *n let:n>
                {row(editing, place.get_value(), n, id.get_value())}
            </For>
            <div class="row">
                <Button size=Size::Sm icon="plus" disabled=editing.disabled on_click=move |()| add()>"Add field"</Button>
            </div>
        </div>
    }
    .into_any()
}

fn row(editing: Editing, object: Vec<Within>, n: usize, id: String) -> AnyView {
    let own = StoredValue::new(with(&object, Within::Field(n)));
    let object = StoredValue::new(object);
    let name = memo(move || {
        let name = |schema: &Schema| schema.field_name(n).map(str::to_owned);
        object.with_value(|object| editing.read(object, name)).unwrap_or_default()
    });
    let n_fields = memo(move || object.with_value(|object| editing.read(object, |schema| schema.properties.len())));
    let edit = move |change: &dyn Fn(&mut Schema)| {
        object.with_value(|object| editing.rearrange(object, |schema| change(schema)));
    };
    let (text, fault) = name_field(editing, object, n, name);
    let required = RwSignal::new(false);
    let known = memo(move || object.with_value(|object| editing.read(object, |schema| schema.is_required_field(n))));
    effect(move || required.set(known.get()));
    effect_with(move |before: Option<bool>| {
        let now = required.get();
        if before.is_some_and(|before| before != now) && known.get_untracked() != now {
            edit(&|schema| schema.require_field(n, now));
        }
        now
    });
    let about = memo(move || own.with_value(|own| editing.read(own, |schema| schema.description.clone())));
    let description = RwSignal::new(about.get_untracked());
    tie(about, description, move |now| {
        own.with_value(|own| editing.change(own, |schema| schema.description.clone_from(&now)));
    });
    let field = own.with_value(|own| place_id(&id, own));
    let field_id = {
        let id = id.clone();
        move |n: usize| object.with_value(|object| place_id(&id, &with(object, Within::Field(n))))
    };
    let ids = StoredValue::new(field_id);
    // The keyboard goes along: pressed again, the button would move the other field back.
    let shift = move |is_up: bool| {
        edit(&|schema| schema.move_field(n, is_up));
        focus_soon(ids.with_value(|id_of| id_of(if is_up { n.saturating_sub(1) } else { n + 1 })));
    };
    let remove = move || {
        edit(&|schema| schema.remove_field(n));
        focus_soon(ids.with_value(|id_of| id_of(n.saturating_sub(1))));
    };
    let of = move |before: &'static str, after: &'static str| {
        Signal::derive(move || format!("{before}{}{after}", name.get()))
    };
    let type_id = format!("{field}-type");
    view! {
        <fieldset class="port-row">
            <legend class="visually-hidden">{move || format!("Field {}", name.get())}</legend>
            <Field id=field.clone() label=format!("Field {}", n + 1) error=fault>
                <TextInput value=text mono=true autocomplete="off" disabled=editing.disabled/>
            </Field>
            {typed(editing, own.get_value(), type_id, of("Type of ", ""), id)}
            <Field id=format!("{field}-description") label=of("What ", " is for") optional=true>
                <TextInput value=description autocomplete="off" disabled=editing.disabled/>
            </Field>
            <div class="row">
                <Checkbox checked=required label="Must be there" id=format!("{field}-required")/>
                <span class="push"></span>
                <IconButton
                    icon="arrow-up"
                    label=of("Move ", " up")
                    size=Size::Sm
                    disabled=Signal::derive(move || n == 0 || editing.disabled.get())
                    on_click=move |()| shift(true)
                />
                <IconButton
                    icon="arrow-down"
                    label=of("Move ", " down")
                    size=Size::Sm
                    disabled=Signal::derive(move || n + 1 >= n_fields.get() || editing.disabled.get())
                    on_click=move |()| shift(false)
                />
                <IconButton
                    icon="trash-2"
                    label=of("Remove ", "")
                    size=Size::Sm
                    disabled=editing.disabled
                    on_click=move |()| remove()
                />
            </div>
        </fieldset>
    }
    .into_any()
}

/// What is typed as a name, and why it cannot be one: then the field keeps the name it has.
fn name_field(
    editing: Editing,
    object: StoredValue<Vec<Within>>,
    n: usize,
    name: Memo<String>,
) -> (RwSignal<String>, RwSignal<Option<String>>) {
    let text = RwSignal::new(name.get_untracked());
    let fault = RwSignal::new(None::<String>);
    effect(move || {
        let now = name.get();
        if text.with_untracked(|text| text.trim() != now) {
            text.set(now);
        }
        fault.set(None);
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            let wanted = now.trim();
            let answer = object.with_value(|object| editing.rearrange(object, |schema| schema.rename_field(n, wanted)));
            fault.set(answer.and_then(Result::err).map(|fault| fault.to_string()));
        }
        now
    });
    (text, fault)
}

/// What each item of the list at a place is.
pub(super) fn item(editing: Editing, list: &[Within], id: String, of: &'static str) -> AnyView {
    let own = with(list, Within::Items);
    let type_id = format!("{}-type", place_id(&id, &own));
    typed(editing, own, type_id, Signal::stored(format!("Each item of {of}")), id)
}

/// The word for the type at a place, and what stands beside it.
fn typed(editing: Editing, place: Vec<Within>, type_id: String, label: Signal<String>, id: String) -> AnyView {
    let is_deepest = place.len() >= MAX_FIELD_LEVELS;
    let place = StoredValue::new(place);
    let known = memo(move || {
        place.with_value(|place| editing.read(place, |schema| Some(field_word(schema)))).unwrap_or("any").to_owned()
    });
    let word = RwSignal::new(known.get_untracked());
    effect(move || word.set(known.get()));
    effect_with(move |before: Option<String>| {
        let now = word.get();
        if before.is_some_and(|before| before != now) && known.with_untracked(|known| *known != now) {
            place.with_value(|place| editing.choose(place, &now));
        }
        now
    });
    let options = Signal::derive(move || {
        let is_offered = |word: &str| {
            let is_now = known.with(|known| known == word);
            is_now || word != "custom" && !(is_deepest && matches!(word, "object" | "list"))
        };
        let offered = WORDS.iter().filter(|(word, _)| is_offered(word));
        offered.map(|(word, label)| SelectOption::new(*word, *label)).collect::<Vec<_>>()
    });
    let is = move |word: &'static str| known.with(|known| known == word);
    let id = StoredValue::new((id, type_id.clone()));
    let json = move || place.with_value(|place| editing.read(place, pretty));
    view! {
        <Field id=type_id label>
            <Select value=word options disabled=editing.disabled/>
        </Field>
        <Show when=move || known.with(|known| is_number(known))>
            {id.with_value(|(_, type_id)| bounds(editing, place, type_id, label))}
        </Show>
        <Show when=move || is("choice")>
            {choices(editing, place, id.with_value(|(_, type_id)| format!("{type_id}-enum")), label)}
        </Show>
        <Show when=move || is("list")>
            <div class="type-inside">{item(editing, &place.get_value(), id.with_value(|(id, _)| id.clone()), "it")}</div>
        </Show>
        <Show when=move || is("object")>
            <div class="type-inside">{fields(editing, place.get_value(), id.with_value(|(id, _)| id.clone()))}</div>
        </Show>
        <Show when=move || is("custom")>
            <pre class="small">{json}</pre>
        </Show>
    }
    .into_any()
}

/// The least and the greatest of a number.
fn bounds(editing: Editing, place: StoredValue<Vec<Within>>, type_id: &str, of: Signal<String>) -> AnyView {
    view! {
        {bound_field(editing, place, format!("{type_id}-min"), of, "at least", |schema| &mut schema.minimum)}
        {bound_field(editing, place, format!("{type_id}-max"), of, "at most", |schema| &mut schema.maximum)}
    }
    .into_any()
}

/// What is no number stays as it is typed and says so: then the type keeps the bound that it has.
fn bound_field(
    editing: Editing,
    place: StoredValue<Vec<Within>>,
    id: String,
    of: Signal<String>,
    words: &'static str,
    which: fn(&mut Schema) -> &mut Option<Number>,
) -> AnyView {
    let known = memo(move || place.with_value(|place| editing.read(place, |schema| which(&mut schema.clone()).take())));
    let written = |number: &Option<Number>| number.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = RwSignal::new(known.with_untracked(written));
    effect(move || {
        let now = known.get();
        if text.with_untracked(|text| bound(text)).as_ref() != Ok(&now) {
            text.set(written(&now));
        }
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now)
            && let Ok(wanted) = bound(&now)
            && known.with_untracked(|known| *known != wanted)
        {
            place.with_value(|place| editing.change(place, |schema| *which(schema) = wanted));
        }
        now
    });
    let error = Signal::derive(move || text.with(|text| bound(text).err()));
    let label = Signal::derive(move || format!("{}: {words}", of.get()));
    view! {
        <Field id label optional=true error>
            <TextInput value=text autocomplete="off" disabled=editing.disabled/>
        </Field>
    }
    .into_any()
}

fn choices(editing: Editing, place: StoredValue<Vec<Within>>, id: String, of: Signal<String>) -> AnyView {
    let known = memo(move || {
        place.with_value(|place| {
            editing.read(place, |schema| {
                schema.choices().iter().filter_map(|choice| choice.as_str().map(str::to_owned)).collect::<Vec<_>>()
            })
        })
    });
    let text = RwSignal::new(known.with_untracked(|known| known.join("\n")));
    let meant = move |text: &str| {
        let mut meant: Vec<String> = Vec::new();
        for line in lines(text) {
            if !meant.iter().any(|known| known == line) {
                meant.push(line.to_owned());
            }
        }
        meant
    };
    effect(move || {
        let now = known.get();
        // What is typed stays as it is while it means the same.
        if text.with_untracked(|text| meant(text)) != now {
            text.set(now.join("\n"));
        }
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            let choices: Vec<_> = meant(&now).into_iter().map(Into::into).collect();
            place.with_value(|place| {
                editing.change(place, |schema| {
                    if schema.kind == Some(Kind::String) && schema.choices.is_some() {
                        schema.choices = Some(choices);
                    }
                })
            });
        }
        now
    });
    let error = Signal::derive(move || known.with(Vec::is_empty).then(|| "Give at least one choice".to_owned()));
    let label = Signal::derive(move || format!("{}: what to choose from", of.get()));
    view! {
        <Field id label help="One a line" error>
            <TextArea value=text rows=3 disabled=editing.disabled/>
        </Field>
    }
    .into_any()
}
