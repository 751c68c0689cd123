//! The template environment: undefined names are errors, nothing is escaped, lists and maps are shown as JSON, and the filters
//! whose built-in form does work before paying for it are replaced.
//! Nothing here may read a file, a clock or the environment, and no filter may allocate more than a fixed multiple of its input.

use std::{fmt, io};

use minijinja::{
    Environment, Error, ErrorKind, State, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Kwargs, ValueKind},
};

/// Bytes of a rendered template, and of a JSON text inside it.
pub(crate) const MAX_RENDERED_BYTES: usize = 4 * 1024 * 1024;
/// Pieces that a text may be split into.
const MAX_PIECES: usize = 200_000;
const MAX_INDENT: usize = 8;

/// How inserted values are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Insert {
    AsIs,
    /// Percent-encoded down to the unreserved characters, unless marked `|safe`.
    IntoUrl,
}

pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are valid")
}

pub(super) fn environment(insert: Insert) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_syntax(syntax());
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_recursion_limit(100);
    env.set_debug(false);
    match insert {
        Insert::AsIs => env.set_formatter(|out, _, value| write_value(out, value)),
        Insert::IntoUrl => env.set_formatter(|out, _, value| {
            if value.is_safe() { write_value(out, value) } else { write_value(&mut PercentEncoder(out), value) }
        }),
    }
    for function in ["dict", "debug", "namespace"] {
        env.remove_global(function);
    }
    for test in super::check::REMOVED_TESTS {
        env.remove_test(test);
    }
    env.add_filter("tojson", to_json);
    env.add_filter("split", split);
    env.add_filter("lines", lines);
    env.add_filter("words", words);
    env.add_filter("wordcount", |state: &State, text: &str| {
        state.consume_fuel(fuel_for(text.len()))?;
        Ok::<_, Error>(text.split_whitespace().count())
    });
    env.add_filter("sum", sum);
    env.add_filter("truncate", truncate);
    env.add_filter("urlencode", |text: &str| {
        let mut out = String::new();
        PercentEncoder(&mut out).encode(text).map(|()| out).map_err(Error::from)
    });
    env
}

/// One fuel is worth 64 bytes.
pub(super) fn fuel_for(n_bytes: usize) -> u64 {
    n_bytes as u64 / 64 + 1
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// Nothing for null, texts as they are, lists and maps as JSON.
fn write_value(out: &mut impl fmt::Write, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(()),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => Ok(out.write_str(&json_text(value, 0)?)?),
        _ => match value.as_str() {
            Some(text) => Ok(out.write_str(text)?),
            None => Ok(write!(out, "{value}")?),
        },
    }
}

/// Writes only what a path segment or a query value may hold.
struct PercentEncoder<'a, W>(&'a mut W);

impl<W: fmt::Write> PercentEncoder<'_, W> {
    fn encode(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                self.0.write_char(char::from(byte))?;
            } else {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl<W: fmt::Write> fmt::Write for PercentEncoder<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.encode(text)
    }
}

/// Takes bytes up to a limit, then fails, so that nothing grows beyond it.
#[derive(Default)]
pub(super) struct Bounded {
    pub(super) bytes: Vec<u8>,
    pub(super) is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_RENDERED_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn json_text(value: &Value, indent: usize) -> Result<String, Error> {
    let mut out = Bounded::default();
    let indent = b"        ".get(..indent).unwrap_or_default();
    let written = if indent.is_empty() {
        serde_json::to_writer(&mut out, value)
    } else {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        serde::Serialize::serialize(value, &mut serializer)
    };
    written.map_err(|error| invalid("the value cannot be written as JSON").with_source(error))?;
    String::from_utf8(out.bytes).map_err(|error| invalid("the JSON is no text").with_source(error))
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
    let text = json_text(value, indent)?;
    state.consume_fuel(fuel_for(text.len()))?;
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

/// Numbers only: the built-in one would join texts and lists.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn sum(state: &State, list: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute: Option<&str> = kwargs.get("attribute")?;
    kwargs.assert_all_used()?;
    let (mut whole, mut real, mut is_real) = (0_i64, 0.0_f64, false);
    for item in list.try_iter()? {
        state.consume_fuel(1)?;
        let item = match attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        if item.kind() != ValueKind::Number {
            return Err(invalid(format!("`sum` adds numbers, but one item is {}", item.kind())));
        }
        match item.as_i64().and_then(|n| whole.checked_add(n)) {
            Some(total) if !is_real => whole = total,
            _ => is_real = true,
        }
        real += f64::try_from(item)?;
    }
    Ok(if is_real { Value::from(real) } else { Value::from(whole) })
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
