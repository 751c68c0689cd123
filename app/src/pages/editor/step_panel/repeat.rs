//! Run the step once for each entry of a list: over which list, what tells the entries apart, and how many at once.

use leptos::prelude::*;
use workflow::{
    agent::InputPort,
    definition::{MapOver, OnItemError},
    limits::MAX_MAP_ITEMS,
    schema::{Kind, Schema},
    source::Source,
};

use super::{
    super::{
        focus::field_id,
        sources::{self, Place, Takes},
    },
    bound::{choice, flag, number, text, whole},
    one_step::OneStep,
    section::Section,
    source_field::SourceField,
};
use crate::components::{Checkbox, Field, NumberInput, Select, SelectOption, TextInput};

fn list_port() -> InputPort {
    InputPort { name: "list".to_owned(), schema: Schema::of(Kind::Array), required: true }
}

const TAKES: Takes = Takes { constant: true, item: false, steps: true, none: false };

/// The first list that the step could go over.
fn first_list(one: OneStep) -> Source {
    let empty = || Source::Const(serde_json::json!([]));
    let key = one.key();
    let options = one.draft.handle.with_definition_untracked(|definition| {
        one.draft.catalog.with_untracked(|agents| {
            let place = Place { definition, agents, key: &key, port: &list_port(), seen: &|_| None };
            sources::options(place, None, Takes { constant: false, ..TAKES })
        })
    });
    let fitting = options.into_iter().find(|option| option.reason.is_none());
    fitting.and_then(|option| sources::decode(&option.value, empty)).unwrap_or_else(empty)
}

#[component]
pub(super) fn Repeat(one: OneStep) -> impl IntoView {
    let is_on = flag(
        one,
        |step| step.map.is_some(),
        move |step, on| {
            step.map = on.then(|| MapOver {
                over: first_list(one),
                key: None,
                max_items: 1000,
                max_parallel: None,
                on_item_error: OnItemError::default(),
            });
            if let Some(from) = step.map.as_ref().and_then(|map| map.over.step()).cloned() {
                step.depends_on.insert(from);
            }
        },
        "Repeat for a list",
    );
    view! {
        <Section one name="Repeat" id=field_id("map")>
            <Checkbox
                checked=is_on
                label="Once for each entry of a list"
                help="Each entry becomes an item with its own input, review and retries; the results become one list"
            />
            <Show when=move || is_on.get()>
                <Details one/>
            </Show>
        </Section>
    }
}

#[component]
fn Details(one: OneStep) -> impl IntoView {
    let over = Signal::derive(move || one.read(|step| step.map.as_ref().map(|map| map.over.clone())));
    let set = Callback::new(move |source: Option<Source>| {
        let Some(source) = source else { return false };
        one.try_change("Choose a list", |step| {
            step.depends_on.extend(source.step().cloned());
            if let Some(map) = &mut step.map {
                map.over = source;
            }
        })
    });
    let key = text(
        one,
        |step| step.map.as_ref().and_then(|map| map.key.clone()).unwrap_or_default(),
        |step, now| {
            if let Some(map) = &mut step.map {
                map.key = (!now.is_empty()).then_some(now);
            }
        },
        "Change the key of items",
    );
    let max_items = number(
        one,
        |step| step.map.as_ref().map(|map| f64::from(map.max_items)),
        |step, now| {
            if let (Some(map), Some(now)) = (&mut step.map, now) {
                map.max_items = whole(now, MAX_MAP_ITEMS);
            }
        },
        "Change the number of items",
    );
    let max_parallel = number(
        one,
        |step| step.map.as_ref().and_then(|map| map.max_parallel).map(f64::from),
        |step, now| {
            if let Some(map) = &mut step.map {
                map.max_parallel = now.map(|now| whole(now, MAX_MAP_ITEMS));
            }
        },
        "Change how many run at once",
    );
    let on_item_error = choice(
        one,
        |step| step.map.as_ref().map_or("fail", |map| map.on_item_error.as_str()),
        |step, now| {
            if let Some(map) = &mut step.map {
                map.on_item_error = match now {
                    "collect" => OnItemError::Collect,
                    "drop" => OnItemError::Drop,
                    _ => OnItemError::Fail,
                };
            }
        },
        "Change what follows a failed item",
    );
    let options = vec![
        SelectOption::new("fail", "The step fails"),
        SelectOption::new("collect", "Its place in the list is empty (null)"),
        SelectOption::new("drop", "It is left out of the list"),
    ];
    view! {
        <div class="mapping">
            <div class="mapping-port"><span>"List"</span> <code>"list"</code></div>
            <SourceField
                one
                id=field_id("map.over")
                label="List to go over"
                port=Signal::stored(list_port())
                source=over
                takes=Signal::stored(TAKES)
                set
                error=one.problem("map.over")
            />
        </div>
        <Field id=field_id("map.key") label="Key of an entry" help="A path inside it, such as /id. Empty: its place in the list" error=one.problem("map.key") optional=true>
            <TextInput value=key mono=true autocomplete="off" placeholder="/id"/>
        </Field>
        <div class="form-row">
            <Field id=field_id("map.max_items") label="Items at most" help="A longer list fails the step" error=one.problem("map.max_items")>
                <NumberInput value=max_items min=1.0 max=f64::from(MAX_MAP_ITEMS) step=1.0/>
            </Field>
            <Field id=field_id("map.max_parallel") label="Most at the same time" help="Empty for no limit" error=one.problem("map.max_parallel") optional=true>
                <NumberInput value=max_parallel min=1.0 step=1.0/>
            </Field>
        </div>
        <Field id=field_id("map.on_item_error") label="When an item fails" error=one.problem("map.on_item_error")>
            <Select value=on_item_error options/>
        </Field>
    }
}
