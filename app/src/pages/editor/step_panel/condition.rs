//! When the step runs: the rule over the steps before it, and a condition built of rows.
//! A condition that rows cannot say is written as JSON: no part of it may be lost by being looked at.

mod rows;

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    agent::InputPort,
    condition::Condition,
    definition::TriggerRule,
    json,
    schema::{Kind, Schema},
    source::Source,
    validate::source_schema,
};

use self::rows::{Join, OPERATORS, Operator, Row, Rows};
use super::{
    super::{
        focus::field_id,
        sources::{self, Place, Takes},
        trying::LastSeen,
    },
    bound::choice,
    one_step::OneStep,
    section::Section,
    source_field::SourceField,
};
use crate::components::{
    Button, Field, IconButton, Segment, Segmented, Select, SelectOption, Size, TextArea, TextInput, Variant,
};
use crate::reactive::{effect, effect_with, memo};

const JOINS: [Segment; 2] = [Segment::new("and", "All are true"), Segment::new("or", "Any is true")];
const TAKES: Takes = Takes { constant: false, item: false, steps: true, none: false };

fn any_port() -> InputPort {
    InputPort { name: "value".to_owned(), schema: Schema::any(), required: true }
}

#[component]
pub(super) fn RunsIf(one: OneStep) -> impl IntoView {
    let rule = choice(
        one,
        |step| step.trigger_rule.as_str(),
        |step, now| {
            step.trigger_rule = match now {
                "all_success" => TriggerRule::AllSuccess,
                "all_done" => TriggerRule::AllDone,
                "one_success" => TriggerRule::OneSuccess,
                _ => TriggerRule::NoneFailed,
            };
        },
        "Change the rule",
    );
    let options = vec![
        SelectOption::new("none_failed", "All went well, or were skipped (the usual)"),
        SelectOption::new("all_success", "All have a result"),
        SelectOption::new("one_success", "At least one has a result"),
        SelectOption::new("all_done", "All are over, even if they failed"),
    ];
    let has_condition = memo(move || one.read(|step| step.when.is_some()));
    let is_json = RwSignal::new(false);
    let can_be_rows = memo(move || one.read(|step| step.when.as_ref().is_none_or(|when| Rows::of(when).is_some())));
    // Drawn anew only when another one is shown: a control that is typed into keeps the keyboard.
    let shape = memo(move || (has_condition.get(), is_json.get() || !can_be_rows.get()));
    let body = move || match shape.get() {
        (false, _) => view! { <Add one/> }.into_any(),
        (true, false) => view! { <Builder one is_json/> }.into_any(),
        (true, true) => view! { <AsJson one is_json can_be_rows/> }.into_any(),
    };
    view! {
        <Section one name="Runs if">
            <Field id=field_id("trigger_rule") label="Of the steps before it" help="Judged when all of them are over; otherwise the step is skipped" error=one.problem("trigger_rule")>
                <Select value=rule options/>
            </Field>
            <div class="stack" data-gap="2" id=field_id("when") tabindex="-1">
                {body}
            </div>
        </Section>
    }
}

/// The first thing that a condition could look at.
fn first_source(one: OneStep) -> Option<Source> {
    let key = one.key();
    let options = one.draft.handle.with_definition_untracked(|definition| {
        one.draft.catalog.with_untracked(|agents| {
            let place = Place { definition, agents, key: &key, port: &any_port(), seen: &|_| None };
            sources::options(place, None, TAKES)
        })
    });
    options.iter().find_map(|option| sources::decode(&option.value, || Source::Const(Value::Null)))
}

/// Sets the condition, with the edges that its sources need.
fn set(one: OneStep, when: Option<Condition>) -> bool {
    one.try_change("Change the condition", |step| {
        let read: Vec<_> = when.iter().flat_map(Condition::sources).filter_map(Source::step).cloned().collect();
        step.depends_on.extend(read);
        step.when = when;
    })
}

#[component]
fn Add(one: OneStep) -> impl IntoView {
    let add = move || {
        if let Some(left) = first_source(one) {
            set(one, Some(Rows { join: Join::And, rows: vec![Row::new(left)] }.condition()));
        } else {
            one.draft.toasts.error("There is nothing to compare yet: connect an earlier step, or add a run input");
        }
    };
    view! {
        <p class="small muted">"No condition on values"</p>
        <div class="row">
            <Button size=Size::Sm icon="plus" on_click=move |()| add()>"Add a condition"</Button>
        </div>
    }
}

#[component]
fn Builder(one: OneStep, is_json: RwSignal<bool>) -> impl IntoView {
    let rows = memo(move || one.read(|step| step.when.as_ref().and_then(Rows::of)).unwrap_or_default());
    let change = move |change: &dyn Fn(&mut Rows)| {
        let mut now = rows.get_untracked();
        change(&mut now);
        set(one, (!now.rows.is_empty()).then(|| now.condition()))
    };
    let join = RwSignal::new(rows.with_untracked(|rows| rows.join.as_str().to_owned()));
    effect(move || join.set(rows.with(|rows| rows.join.as_str().to_owned())));
    effect(move || {
        let now = if join.with(|join| join == "or") { Join::Or } else { Join::And };
        if rows.with_untracked(|rows| rows.join != now && rows.rows.len() > 1) {
            change(&|rows| rows.join = now);
        }
    });
    let n = memo(move || rows.with(|rows| rows.rows.len()));
    let add = move || {
        if let Some(left) = first_source(one) {
            change(&|rows| rows.rows.push(Row::new(left.clone())));
        }
    };
    view! {
        <Show when=move || { n.get() > 1 }>
            <Segmented value=join segments=JOINS.to_vec() name="condition-join" label="How the conditions are joined"/>
        </Show>
        <For each=move || 0..n.get() key=|at| *at let:at>
            <RowView one rows at/>
        </For>
        <div class="row">
            <Button size=Size::Sm icon="plus" on_click=move |()| add()>"Add a condition"</Button>
            <Button size=Size::Sm variant=Variant::Quiet icon="braces" on_click=move |()| is_json.set(true)>"Write as JSON"</Button>
        </div>
    }
}

#[component]
fn RowView(one: OneStep, rows: Memo<Rows>, at: usize) -> impl IntoView {
    let row = memo(move || rows.with(|rows| rows.rows.get(at).cloned()));
    let change = move |change: &dyn Fn(&mut Row)| {
        let mut now = rows.get_untracked();
        let Some(row) = now.rows.get_mut(at) else { return false };
        change(row);
        set(one, Some(now.condition()))
    };
    let remove = move || {
        let mut now = rows.get_untracked();
        if at < now.rows.len() {
            now.rows.remove(at);
            set(one, (!now.rows.is_empty()).then(|| now.condition()));
        }
    };
    let left = Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.left.clone())));
    let schema = memo(move || {
        let draft = one.draft;
        left.with(|left| {
            let left = left.as_ref()?;
            draft
                .handle
                .with_definition(|definition| draft.catalog.with(|agents| source_schema(definition, agents, left)))
        })
        .unwrap_or_default()
    });
    let operator = RwSignal::new(String::new());
    effect(move || {
        operator.set(row.with(|row| row.as_ref().map(|row| row.operator.as_str().to_owned())).unwrap_or_default());
    });
    effect(move || {
        let now = operator.with(|now| Operator::of(now));
        if let Some(now) = now
            && row.with_untracked(|row| row.as_ref().is_some_and(|row| row.operator != now))
        {
            change(&|row| row.operator = now);
        }
    });
    let value = RwSignal::new(row.with_untracked(|row| row.as_ref().map(|row| typed(&row.value)).unwrap_or_default()));
    effect(move || {
        let Some(known) = row.with(|row| row.as_ref().map(|row| row.value.clone())) else { return };
        // What is typed stays as it is while it means the same.
        if schema.with_untracked(|schema| value.with_untracked(|value| meant(value, schema)) != known) {
            value.set(typed(&known));
        }
    });
    effect_with(move |before: Option<String>| {
        let now = value.get();
        if before.is_some_and(|before| before != now) {
            let meant = schema.with_untracked(|schema| meant(&now, schema));
            if row.with_untracked(|row| row.as_ref().is_some_and(|row| row.value != meant)) {
                change(&|row| row.value = meant.clone());
            }
        }
        now
    });
    let wants_value = memo(move || row.with(|row| row.as_ref().is_some_and(|row| row.operator.wants_value())));
    let options: Vec<SelectOption> =
        OPERATORS.iter().map(|operator| SelectOption::new(operator.as_str(), operator.label())).collect();
    let choices = memo(move || schema.with(|schema| schema.choices().to_vec()));
    let has_choices = memo(move || {
        let is_one =
            row.with(|row| row.as_ref().is_some_and(|row| matches!(row.operator, Operator::Is | Operator::IsNot)));
        is_one && choices.with(|choices| !choices.is_empty() && choices.iter().all(Value::is_string))
    });
    let choice_options = Signal::derive(move || {
        choices.with(|choices| {
            choices.iter().map(|choice| SelectOption::new(typed(choice), typed(choice))).collect::<Vec<_>>()
        })
    });
    // Where the validator finds this row: it stands alone, or in a list of those that are joined.
    let place = memo(move || {
        let word = row.with(|row| row.as_ref().map(|row| row.operator.path())).unwrap_or_default();
        rows.with(|rows| match rows.rows.len() {
            0 | 1 => format!("when.{word}"),
            _ => format!("when.{}.{at}.{word}", rows.join.as_str()),
        })
    });
    let problem_of_value =
        one.draft.find_problem(Some(one.key()), move |field| place.with(|place| field == format!("{place}.1")));
    let problem_of_left = one.draft.find_problem(Some(one.key()), move |field| {
        place.with(|place| field.strip_prefix(place.as_str()).is_some_and(|rest| matches!(rest, "" | ".0")))
    });
    let id = move |part: &str| format!("when-{at}-{part}");
    let set_left = Callback::new(move |source: Option<Source>| {
        source.is_some_and(|source| change(&|row| row.left = source.clone()))
    });
    let ids = StoredValue::new((id("choice"), id("value")));
    let help = Signal::derive(move || {
        if row.with(|row| row.as_ref().is_some_and(|row| row.operator == Operator::In)) {
            "As a JSON list, such as [\"a\", \"b\"]".to_owned()
        } else {
            String::new()
        }
    });
    view! {
        <fieldset class="mapping">
            <legend class="visually-hidden">{format!("Condition {}", at + 1)}</legend>
            <SourceField
                one
                id=id("left")
                label="What to look at"
                port=Signal::stored(any_port())
                source=left
                takes=Signal::stored(TAKES)
                set=set_left
                error=problem_of_left
            />
            <p class="small muted">{move || schema.with(|schema| format!("Type: {}", schema.words()))}</p>
            <LastSeen source=left/>
            <div class="row">
                <Select value=operator options id=id("operator") label="How to compare"/>
                <span class="push"></span>
                <IconButton icon="x" label=format!("Remove condition {}", at + 1) size=Size::Sm on_click=move |()| remove()/>
            </div>
            <Show when=move || wants_value.get() && has_choices.get()>
                <Field id=ids.with_value(|(choice, _)| choice.clone()) label="Value" error=problem_of_value>
                    <Select value options=choice_options/>
                </Field>
            </Show>
            <Show when=move || wants_value.get() && !has_choices.get()>
                <Field id=ids.with_value(|(_, value)| value.clone()) label="Value" help error=problem_of_value>
                    <TextInput value autocomplete="off"/>
                </Field>
            </Show>
        </fieldset>
    }
}

/// How a value is typed: texts as they are, all else as JSON.
fn typed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What was typed means: a text where texts are compared, else JSON, and a text where that is none.
fn meant(typed: &str, schema: &Schema) -> Value {
    let is_list = typed.trim_start().starts_with('[');
    if schema.kind == Some(Kind::String) && !is_list {
        return Value::from(typed);
    }
    if typed.is_empty() {
        return Value::Null;
    }
    json::parse(typed, json::Bounds::VALUE).unwrap_or_else(|_| Value::from(typed))
}

fn read(text: &str) -> Result<Condition, String> {
    let document = json::parse(text, json::Bounds::VALUE).map_err(|fault| fault.to_string())?;
    serde_json::from_value(document).map_err(|fault| fault.to_string())
}

#[component]
fn AsJson(one: OneStep, is_json: RwSignal<bool>, can_be_rows: Memo<bool>) -> impl IntoView {
    // What is being typed stays JSON, also once rows could say it.
    effect(move || is_json.set(true));
    let fault = RwSignal::new(None::<String>);
    let problem = one.problem_under("when");
    let error = Signal::derive(move || fault.get().or_else(|| problem.get()));
    let known = memo(move || one.step.with(|step| step.as_ref().and_then(|step| step.when.clone())));
    let pretty = |when: &Option<Condition>| {
        when.as_ref().map(|when| serde_json::to_string_pretty(when).unwrap_or_default()).unwrap_or_default()
    };
    let shown = RwSignal::new(known.with_untracked(pretty));
    // What is typed stays as it is while it means the same, or nothing yet.
    effect_with(move |before: Option<()>| {
        let now = known.get();
        let is_same = shown.with_untracked(|shown| read(shown).ok() == now);
        if before.is_some() && !is_same {
            shown.set(pretty(&now));
        }
    });
    effect_with(move |before: Option<String>| {
        let now = shown.get();
        if before.is_some_and(|before| before != now) {
            match read(&now) {
                Ok(when) => {
                    fault.set(None);
                    if known.with_untracked(|known| known.as_ref() != Some(&when)) {
                        set(one, Some(when));
                    }
                }
                Err(error) => fault.set(Some(format!("This is no condition yet: {error}"))),
            }
        }
        now
    });
    // The next condition begins as rows.
    let remove = move || {
        set(one, None);
        is_json.set(false);
    };
    view! {
        <Field
            id="when-json"
            label="Condition as JSON"
            help="and, or, not, eq, ne, lt, le, gt, ge, in, contains, exists over sources and constants"
            error
        >
            <TextArea value=shown rows=6 mono=true/>
        </Field>
        <div class="row">
            <Show when=move || can_be_rows.get()>
                <Button size=Size::Sm variant=Variant::Quiet icon="list" on_click=move |()| is_json.set(false)>"Show as rows"</Button>
            </Show>
            <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on_click=move |()| remove()>"Remove the condition"</Button>
        </div>
    }
}
