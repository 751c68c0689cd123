//! The texts of a definition that people wrote, each with its place: titles, prompts and constants.
//! Keys, names of ports and paths are no texts: what they are replaced by would name something else.

use serde_json::Value;
use workflow::{Definition, Step, StepKey, definition::RunInput, references::each_source, source::Source};

use crate::edit::Edit;

/// What a text belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Of {
    /// An input of the run, by its key.
    Input(String),
    Step(StepKey),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    Title,
    Prompt,
    Constant,
}

/// Where a text stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    pub of: Of,
    pub what: What,
    /// The field, as the validator names it.
    pub field: String,
    /// Where in a structured constant.
    pub pointer: String,
}

/// Shows each text of the definition, and takes what it becomes; answers with what has changed by it.
pub(super) fn each_text(definition: &Definition, f: &mut impl FnMut(&Spot, &mut String)) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (key, input) in &definition.inputs {
        let mut after = input.clone();
        of_input(key, &mut after, f);
        if after != *input {
            edits.push(Edit::SetRunInput { key: key.clone(), input: Some(Box::new(after)) });
        }
    }
    for (key, step) in &definition.steps {
        let mut after = step.clone();
        of_step(key, &mut after, f);
        if after != *step {
            edits.push(Edit::set(key.clone(), after));
        }
    }
    edits
}

pub(super) fn of_input(key: &str, input: &mut RunInput, f: &mut impl FnMut(&Spot, &mut String)) {
    let spot = |what, field: &str| Spot {
        of: Of::Input(key.to_owned()),
        what,
        field: format!("inputs.{key}.{field}"),
        pointer: String::new(),
    };
    f(&spot(What::Title, "title"), &mut input.title);
    if let Some(default) = &mut input.default {
        strings(&mut spot(What::Constant, "default"), default, f);
    }
}

pub(super) fn of_step(key: &StepKey, step: &mut Step, f: &mut impl FnMut(&Spot, &mut String)) {
    let spot = |what, field: String| Spot { of: Of::Step(key.clone()), what, field, pointer: String::new() };
    f(&spot(What::Title, "title".to_owned()), &mut step.title);
    if let Some(prompt) = &mut step.prompt {
        f(&spot(What::Prompt, "prompt".to_owned()), prompt);
    }
    // In the order in which they are walked below.
    let mut fields: Vec<String> = step.inputs.keys().map(|port| format!("inputs.{port}")).collect();
    fields.extend(step.map.iter().map(|_| "map.over".to_owned()));
    fields.extend(step.concurrency.iter().map(|_| "concurrency.key".to_owned()));
    fields.extend(step.when.iter().flat_map(|when| when.placed_sources("when")).map(|(field, _)| field));
    let mut fields = fields.into_iter();
    each_source(step, &mut |source| {
        let field = fields.next().unwrap_or_default();
        if let Source::Const(value) = source {
            strings(&mut spot(What::Constant, field), value, f);
        }
    });
    if let Some(output) = &mut step.default_output {
        strings(&mut spot(What::Constant, "default_output".to_owned()), output, f);
    }
}

fn strings(spot: &mut Spot, value: &mut Value, f: &mut impl FnMut(&Spot, &mut String)) {
    let n = spot.pointer.len();
    match value {
        Value::String(text) => f(spot, text),
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                spot.pointer = format!("{}/{at}", &spot.pointer[..n]);
                strings(spot, item, f);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                spot.pointer = format!("{}/{name}", &spot.pointer[..n]);
                strings(spot, field, f);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
