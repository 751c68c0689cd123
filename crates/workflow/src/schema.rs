//! Port types: a closed subset of JSON Schema, with structural compatibility and value checks.
//! No `$ref`, no patterns, no remote anything: a schema can always be judged in time linear in its size.

mod bounds;
mod fields;
mod file;
mod parts;
mod properties;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

pub use fields::{FieldFault, MAX_FIELD_LEVELS, Within};
pub use file::{File, MAX_FILE_BYTES, is_hash};
pub use parts::Part;
pub use properties::Properties;

use crate::{
    json,
    words::{QUOTED_CHARS, shortened},
};

/// Parts that a message names of those that there are.
const MOST_NAMED: usize = 20;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Absent means any.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Properties::is_none")]
    pub properties: Properties,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Schema>>,
    /// Absent where any value will do. Empty while a choice has nothing to choose from yet: a type that no value fits.
    #[serde(
        rename = "enum",
        default,
        deserialize_with = "crate::json::exact",
        skip_serializing_if = "Option::is_none"
    )]
    pub choices: Option<Vec<Value>>,
    /// The least that a number may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// The greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A hint for forms and viewers: `multiline`, `file`, `markdown`, `date`. An object of format `file` is one: `{blob, media_type, name, size}`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub format: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
    Null,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Number => "number",
            Self::Integer => "whole number",
            Self::Boolean => "yes/no",
            Self::Object => "object",
            Self::Array => "list",
            Self::Null => "null",
        }
    }
}

/// A part that a schema rules out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoPart {
    pub name: String,
    /// What there is instead, as the rest of a sentence.
    pub there_is: String,
}

/// Whether values of one schema may be fed to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Compatibility {
    Yes,
    /// One side is of any type: allowed, but it may fail at run time.
    Unsure(String),
    No(String),
}

impl Schema {
    pub fn any() -> Self {
        Self::default()
    }

    pub fn of(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    pub fn text() -> Self {
        Self::of(Kind::String)
    }

    /// Whether a value of it is secret, or has a part that is: it is nothing to be kept on a device, or told in a title.
    pub fn holds_secret(&self) -> bool {
        matches!(self.format.as_str(), "password" | "secret")
            || self.items.as_deref().is_some_and(Self::holds_secret)
            || self.properties.values().any(Self::holds_secret)
    }

    /// What may be chosen; nothing where any value will do.
    pub fn choices(&self) -> &[Value] {
        self.choices.as_deref().unwrap_or_default()
    }

    /// What is wrong with the type itself, as (path from the schema, sentence): choices that nobody can make.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        self.problems_at("", &mut problems);
        problems
    }

    fn problems_at(&self, path: &str, problems: &mut Vec<(String, String)>) {
        let at = format!("{path}.enum");
        if self.choices.as_ref().is_some_and(Vec::is_empty) {
            problems.push((at, "Give at least one choice".to_owned()));
        } else if let Some(kind) = self.kind
            && let Some(odd) = self.choices().iter().find(|choice| !kind.admits(choice))
        {
            problems.push((at, format!("The choice {odd} must be {}", article(kind))));
        }
        self.bounds_problems(path, problems);
        if self.is_file() && !self.properties.is_empty() {
            let said = "A file has no properties of its own: leave them out".to_owned();
            problems.push((format!("{path}.properties"), said));
        }
        for (name, property) in &self.properties {
            property.problems_at(&format!("{path}.properties.{name}"), problems);
        }
        if let Some(items) = &self.items {
            items.problems_at(&format!("{path}.items"), problems);
        }
    }

    /// The word for the type in the interface.
    pub fn type_name(&self) -> &'static str {
        if self.choices.is_some() {
            "choice"
        } else if self.is_file() {
            "file"
        } else {
            self.kind.map_or("any", Kind::as_str)
        }
    }

    /// The type in some words: "list of text", "one of plain, loud".
    pub fn words(&self) -> String {
        const NAMED: usize = 6;
        if self.choices.is_some() {
            let names = self.choices().iter().take(NAMED);
            let names: Vec<String> =
                names.map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned)).collect();
            let rest = if self.choices().len() > NAMED { " and more" } else { "" };
            return format!("one of {}{rest}", names.join(", "));
        }
        match (self.kind, &self.items) {
            (Some(Kind::Array), Some(items)) if items.kind.is_some() => format!("list of {}", items.words()),
            _ => match self.bounds_words() {
                Some(bounds) => format!("{}, {bounds}", self.type_name()),
                None => self.type_name().to_owned(),
            },
        }
    }

    /// Structural compatibility of what this schema produces with what `target` takes.
    pub fn feeds(&self, target: &Self) -> Compatibility {
        self.feeds_at(target, "")
    }

    fn feeds_at(&self, target: &Self, path: &str) -> Compatibility {
        let here = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
        let (Some(from), Some(to)) = (self.kind, target.kind) else {
            return if target.kind.is_none() {
                Compatibility::Yes
            } else {
                Compatibility::Unsure(format!("of any type{here}, but {} is wanted", target.type_name()))
            };
        };
        if from != to && !(from == Kind::Integer && to == Kind::Number) {
            return Compatibility::No(format!("{} given{here}, but {} is wanted", from.as_str(), to.as_str()));
        }
        if self.is_file() != target.is_file() {
            let (from, to) = (self.type_name(), target.type_name());
            return Compatibility::No(format!("{from} given{here}, but {to} is wanted"));
        }
        let mut result = Compatibility::Yes;
        let is_within =
            !self.choices().is_empty() && self.choices().iter().all(|choice| json::contains(target.choices(), choice));
        if target.choices.is_some() && !is_within {
            result = Compatibility::Unsure(format!("only certain values are allowed{here}"));
        }
        if let Some(bounds) = target.bounds_words().filter(|_| !self.is_within_bounds(target)) {
            result = Compatibility::Unsure(format!("only numbers within bounds are allowed{here}: {bounds}"));
        }
        if let (Some(items), Some(wanted)) = (&self.items, &target.items) {
            match items.feeds_at(wanted, &format!("{path}/*")) {
                Compatibility::Yes => {}
                other => return other,
            }
        }
        for (name, wanted) in &target.properties {
            let at = format!("{path}/{name}");
            match self.properties.get(name) {
                Some(property) => match property.feeds_at(wanted, &at) {
                    Compatibility::Yes => {}
                    no @ Compatibility::No(_) => return no,
                    unsure @ Compatibility::Unsure(_) => result = unsure,
                },
                None if target.required.contains(name) && !self.properties.is_empty() => {
                    return Compatibility::No(format!("the property `{at}` is missing"));
                }
                None if target.required.contains(name) => {
                    result = Compatibility::Unsure(format!("the property `{at}` may be missing"));
                }
                None => {}
            }
        }
        result
    }

    /// The schema of the part that a JSON Pointer names; any where nothing is known.
    #[must_use]
    pub fn at_path(&self, path: &str) -> Self {
        self.part_at(path).unwrap_or_default()
    }

    /// The same, where a part that the schema rules out is an error.
    pub fn part_at(&self, path: &str) -> Result<Self, NoPart> {
        let mut schema = self.clone();
        for segment in path.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            let is_index = schema.kind == Some(Kind::Array) && name.parse::<usize>().is_ok();
            schema = if is_index { schema.item() } else { schema.part(&name)? };
        }
        Ok(schema)
    }

    /// The schema of the property of that name.
    pub fn part(&self, name: &str) -> Result<Self, NoPart> {
        if let Some(property) = self.properties.get(name) {
            return Ok(property.clone());
        }
        if self.is_file() {
            let there_is = "it is a file, which has blob, media_type, name and size".to_owned();
            return Self::part_of_file(name).ok_or_else(|| NoPart { name: name.to_owned(), there_is });
        }
        let there_is = match self.kind {
            None | Some(Kind::Object) if self.properties.is_empty() => return Ok(Self::any()),
            None | Some(Kind::Object) => {
                // Whatever reads a part that is not there is told these.
                let names = self.properties.keys().take(MOST_NAMED).map(|name| shortened(name, QUOTED_CHARS));
                let more = self.properties.len().saturating_sub(MOST_NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("there are {}{more}", names.collect::<Vec<_>>().join(", "))
            }
            Some(Kind::Array) => "it is a list, whose items have numbers".to_owned(),
            Some(kind) => format!("it is {}, which has no parts", article(kind)),
        };
        Err(NoPart { name: name.to_owned(), there_is })
    }

    /// The schema of the items of a list.
    #[must_use]
    pub fn item(&self) -> Self {
        self.items.as_deref().cloned().unwrap_or_default()
    }

    /// Why a value does not fit, as (JSON Pointer, reason); empty when it fits. At most 20 are told.
    pub fn check(&self, value: &Value) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        self.check_at(value, "", &mut faults);
        faults
    }

    fn check_at(&self, value: &Value, path: &str, faults: &mut Vec<(String, String)>) {
        if faults.len() >= 20 {
            return;
        }
        if let Some(kind) = self.kind
            && !kind.admits(value)
        {
            faults.push((path.to_owned(), format!("must be {}", article(kind))));
            return;
        }
        if self.is_file() {
            file::check(value, path, faults);
            return;
        }
        if self.choices.is_some() && !json::contains(self.choices(), value) {
            let choices: Vec<String> = self.choices().iter().map(ToString::to_string).collect();
            let fault = if choices.is_empty() {
                "has nothing to choose from yet".to_owned()
            } else {
                format!("must be one of {}", choices.join(", "))
            };
            faults.push((path.to_owned(), fault));
        }
        if let Value::Number(number) = value
            && let Some(fault) = self.beyond_bounds(number)
        {
            faults.push((path.to_owned(), fault));
        }
        if let Value::Object(map) = value {
            for name in &self.required {
                if !map.contains_key(name) {
                    faults.push((format!("{path}/{name}"), "is required".to_owned()));
                }
            }
            for (name, schema) in &self.properties {
                if let Some(value) = map.get(name) {
                    schema.check_at(value, &format!("{path}/{name}"), faults);
                }
            }
        }
        if let (Value::Array(values), Some(items)) = (value, &self.items) {
            for (n, value) in values.iter().enumerate() {
                items.check_at(value, &format!("{path}/{n}"), faults);
            }
        }
    }
}

pub(crate) fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a text",
        Kind::Number => "a number",
        Kind::Integer => "a whole number",
        Kind::Boolean => "true or false",
        Kind::Object => "an object",
        Kind::Array => "a list",
        Kind::Null => "null",
    }
}

impl Kind {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.as_number().is_some_and(json::is_whole),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Null => value.is_null(),
        }
    }
}

#[cfg(test)]
mod tests;
