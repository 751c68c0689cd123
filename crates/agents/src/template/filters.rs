//! The template environment: undefined names are errors, values are written by where they stand, and the filters whose built-in
//! form does work before paying for it, or speaks another language than JSON, are replaced.
//! Nothing here may read a file, a clock or the environment, and no filter may allocate more than a fixed multiple of its input.

use std::fmt::Write;

use minijinja::{
    Environment, Error, State, UndefinedBehavior, Value, filters,
    value::{Kwargs, StringInput, ValueKind},
};

use super::{
    bounds::{MAX_RENDERED_BYTES, fuel_for, invalid},
    lists, numbers, ops,
    write::{self, Counted, PercentEncoder},
};

/// Pieces that a text may be split into.
const MAX_PIECES: usize = 200_000;
const MAX_INDENT: usize = 8;

/// A filter of the engine from text to text.
type OfText = fn(StringInput<'_>) -> Value;

pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_syntax(workflow::template::syntax());
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_recursion_limit(100);
    env.set_debug(false);
    for function in ["dict", "debug", "namespace"] {
        env.remove_global(function);
    }
    for test in workflow::template::REMOVED_TESTS {
        env.remove_test(test);
    }
    ops::add_to(&mut env);
    numbers::add_to(&mut env);
    lists::add_to(&mut env);
    for name in ["default", "d"] {
        env.add_filter(name, default);
    }
    env.add_filter("string", |state: &State, value: &Value| {
        ops::present(value).and_then(|()| ops::joined(state, &[value]))
    });
    env.add_filter("join", join);
    env.add_filter("safe", |state: &State, value: &Value| {
        ops::present(value)?;
        ops::joined(state, &[value]).map(Value::from_safe_string)
    });
    // The engine's own, for values of any kind in the words that they are inserted in.
    let of_texts: [(&str, OfText); 4] = [
        ("upper", filters::upper),
        ("lower", filters::lower),
        ("capitalize", filters::capitalize),
        ("title", |text| Value::from(filters::title(text.as_str().into()))),
    ];
    for (name, filter) in of_texts {
        env.add_filter(name, move |state: &State, value: Value| {
            let text = ops::text_of(state, value)?;
            StringInput::new(state, &text).map(filter)
        });
    }
    env.add_filter("trim", |state: &State, value: Value, characters: Option<&str>| {
        let text = ops::text_of(state, value)?;
        StringInput::new(state, &text).map(|text| filters::trim(text, characters.map(Into::into)))
    });
    env.add_filter("tojson", to_json);
    env.add_filter("split", split);
    env.add_filter("lines", lines);
    env.add_filter("words", words);
    env.add_filter("wordcount", |state: &State, text: &str| {
        state.consume_fuel(fuel_for(text.len()))?;
        Ok::<_, Error>(text.split_whitespace().count())
    });
    env.add_filter("truncate", truncate);
    env.add_filter("urlencode", |state: &State, value: &Value| {
        ops::present(value)?;
        let mut out = String::new();
        PercentEncoder(&mut out).write_str(&ops::joined(state, &[value])?)?;
        Ok::<_, Error>(out)
    });
    env
}

/// For templates of JSON, where what `tojson` gives is written already.
pub(super) fn json_environment() -> Environment<'static> {
    let mut env = environment();
    env.add_filter("tojson", |state: &State, value: &Value, indent: Option<Value>, kwargs: Kwargs| {
        to_json(state, value, indent, kwargs).map(Value::from_safe_string)
    });
    env
}

/// The other value in place of one that is missing or null, or with `true` of one that is empty.
fn default(value: Value, other: Option<Value>, also_empty: Option<bool>) -> Value {
    let is_missing = value.is_undefined() || value.is_none() || also_empty == Some(true) && !value.is_true();
    if is_missing { other.unwrap_or_else(|| Value::from("")) } else { value }
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn join(
    state: &State,
    list: &Value,
    joiner: Option<&str>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let joiner = joiner.or(kwargs.get::<Option<&str>>("d")?).unwrap_or_default();
    let attribute = attribute.or(kwargs.get::<Option<&str>>("attribute")?);
    kwargs.assert_all_used()?;
    ops::present(list)?;
    let mut text = String::new();
    for (n, item) in list.try_iter()?.enumerate() {
        let item = match attribute {
            Some(attribute) => lists::part(&item, attribute)?,
            None => item,
        };
        let item = ops::joined(state, &[&item])?;
        state.consume_fuel(fuel_for(joiner.len()))?;
        if text.len() + joiner.len() + item.len() > MAX_RENDERED_BYTES {
            return Err(invalid(format!("a text becomes longer than {} MiB", MAX_RENDERED_BYTES >> 20)));
        }
        if n > 0 {
            text.push_str(joiner);
        }
        text.push_str(&item);
    }
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn to_json(state: &State, value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get::<Option<Value>>("indent")?,
    };
    kwargs.assert_all_used()?;
    let indent = match indent {
        None => 0,
        Some(indent) if indent.kind() == ValueKind::Bool => usize::from(indent.is_true()) * 2,
        Some(indent) => indent.as_usize().filter(|n| *n <= MAX_INDENT).ok_or_else(|| invalid("`indent` is 0 to 8"))?,
    };
    let mut text = String::new();
    let mut counted = Counted { out: &mut text, n_bytes: 0, is_full: false };
    let written = write::json(&mut counted, value, indent);
    if counted.is_full {
        return Err(invalid(format!("the JSON becomes longer than {} MiB", MAX_RENDERED_BYTES >> 20)));
    }
    written?;
    state.consume_fuel(fuel_for(text.len() * 16))?;
    Ok(text)
}

fn pieces<'a>(state: &State, text: &str, pieces: impl Iterator<Item = &'a str>) -> Result<Value, Error> {
    state.consume_fuel(fuel_for(text.len()))?;
    let mut list = Vec::new();
    for piece in pieces {
        if list.len() == MAX_PIECES {
            return Err(invalid(format!("the text falls into more than {MAX_PIECES} pieces")));
        }
        state.consume_fuel(1)?;
        list.push(Value::from(piece));
    }
    Ok(Value::from(list))
}

fn split(state: &State, text: &str, separator: Option<&str>, max_splits: Option<usize>) -> Result<Value, Error> {
    match (separator, max_splits) {
        (Some(""), _) => Err(invalid("a text cannot be split at nothing")),
        (Some(separator), Some(n)) => pieces(state, text, text.splitn(n.saturating_add(1), separator)),
        (Some(separator), None) => pieces(state, text, text.split(separator)),
        (None, _) => pieces(state, text, text.split_whitespace()),
    }
}

fn lines(state: &State, text: &str) -> Result<Value, Error> {
    pieces(state, text, text.lines())
}

fn words(state: &State, text: &str) -> Result<Value, Error> {
    pieces(state, text, text.split_whitespace())
}

/// Cuts at a word where there is one, and marks the cut.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn truncate(
    state: &State,
    text: &str,
    length: Option<usize>,
    kill_words: Option<bool>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let length = length.or(kwargs.get::<Option<usize>>("length")?).unwrap_or(255);
    let kill_words = kill_words.or(kwargs.get::<Option<bool>>("killwords")?).unwrap_or(false);
    let end = kwargs.get::<Option<&str>>("end")?.unwrap_or("...");
    kwargs.assert_all_used()?;
    state.consume_fuel(fuel_for(text.len()))?;
    let Some((_, _)) = text.char_indices().nth(length) else {
        return Ok(text.to_owned());
    };
    let room = length.saturating_sub(end.chars().count());
    let cut = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let mut short = &text[..cut];
    if !kill_words && let Some(at) = short.rfind(char::is_whitespace) {
        short = short[..at].trim_end();
    }
    Ok(format!("{short}{end}"))
}
