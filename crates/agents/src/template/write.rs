//! How an inserted value is written, by where it stands.
//! It must never write more than the limit, and never a value in a form that could end the place it stands in.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use minijinja::{
    Error, Value,
    value::{Object, ObjectRepr, ValueKind},
};
use serde::{Deserialize, Serialize};
use workflow::template::{BodyKind, JsonPlace};

use super::{
    bounds::{MAX_RENDERED_BYTES, invalid},
    values::number_text,
};

/// Where the text of a template goes, and so how values are written into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Insert {
    AsIs,
    /// Percent-encoded down to the unreserved characters.
    IntoUrl,
    /// Inside a text of the JSON escaped, elsewhere as JSON.
    IntoJson,
    /// With what begins or ends elements, entities and attributes as entities.
    IntoXml,
}

impl Insert {
    /// By what a body is.
    pub(crate) fn into_body(kind: BodyKind) -> Self {
        match kind {
            BodyKind::Text => Self::AsIs,
            BodyKind::Json | BodyKind::JsonLines => Self::IntoJson,
            BodyKind::Form => Self::IntoUrl,
            BodyKind::Xml => Self::IntoXml,
        }
    }
}

/// A part that the template writes itself, for a writer that has to see those too.
#[derive(Debug)]
pub(super) struct Raw(pub(super) String);

impl Object for Raw {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Writes values one after the other, and knows when there is too much of them.
pub(super) struct Writer {
    insert: Insert,
    place: JsonPlace,
    n_bytes: usize,
    pub(super) is_full: bool,
}

impl Writer {
    pub(super) fn new(insert: Insert) -> Self {
        Self { insert, place: JsonPlace::Outside, n_bytes: 0, is_full: false }
    }

    /// A value that is marked as safe was written by its author for this place already; inside a JSON text nothing is.
    pub(super) fn write(&mut self, out: &mut impl Write, value: &Value) -> Result<(), Error> {
        let mut out = Counted { out, n_bytes: self.n_bytes, is_full: false };
        let written = if let Some(raw) = value.downcast_object_ref::<Raw>() {
            self.place = self.place.after(&raw.0);
            out.write_str(&raw.0).map_err(Error::from)
        } else {
            match (self.insert, self.place) {
                (Insert::IntoJson, JsonPlace::Inside | JsonPlace::Escape) => text(&mut JsonEscaper(&mut out), value),
                (Insert::IntoJson, JsonPlace::Outside) if !value.is_safe() => json(&mut out, value, 0),
                (Insert::IntoUrl, _) if !value.is_safe() => text(&mut PercentEncoder(&mut out), value),
                (Insert::IntoXml, _) if !value.is_safe() => text(&mut XmlEscaper(&mut out), value),
                _ => text(&mut out, value),
            }
        };
        (self.n_bytes, self.is_full) = (out.n_bytes, out.is_full);
        written
    }
}

/// Fails beyond the limit, so that nothing grows further.
pub(super) struct Counted<'a, W> {
    pub(super) out: &'a mut W,
    pub(super) n_bytes: usize,
    pub(super) is_full: bool,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.n_bytes + text.len() > MAX_RENDERED_BYTES {
            self.is_full = true;
            return Err(fmt::Error);
        }
        self.n_bytes += text.len();
        self.out.write_str(text)
    }
}

/// Texts as they are, everything else as JSON.
pub(super) fn text(out: &mut impl Write, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => Ok(out.write_str(text)?),
        None => json(out, value, 0),
    }
}

/// The value as JSON, with lists and maps over several lines if there is an indent.
pub(super) fn json(out: &mut impl Write, value: &Value, indent: usize) -> Result<(), Error> {
    nested(out, value, indent, 0)
}

fn nested(out: &mut impl Write, value: &Value, indent: usize, depth: usize) -> Result<(), Error> {
    if depth > workflow::limits::MAX_DEPTH * 2 {
        return Err(invalid("the value is nested too deeply to be written as JSON"));
    }
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(out.write_str("null")?),
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::Seq | ValueKind::Iterable => {
            out.write_char('[')?;
            let mut is_empty = true;
            for item in value.try_iter()? {
                line(out, is_empty, indent, depth + 1)?;
                is_empty = false;
                nested(out, &item, indent, depth + 1)?;
            }
            close(out, is_empty, ']', indent, depth)
        }
        ValueKind::Map => {
            out.write_char('{')?;
            let mut is_empty = true;
            for key in value.try_iter()? {
                line(out, is_empty, indent, depth + 1)?;
                is_empty = false;
                match key.as_str() {
                    Some(key) => quoted(out, key)?,
                    None => quoted(out, &key.to_string())?,
                }
                out.write_str(if indent == 0 { ":" } else { ": " })?;
                nested(out, &value.get_item(&key)?, indent, depth + 1)?;
            }
            close(out, is_empty, '}', indent, depth)
        }
        _ => match (value.as_str(), number_text(value)) {
            (Some(text), _) => Ok(quoted(out, text)?),
            (None, Some(number)) => Ok(out.write_str(&number)?),
            // Neither infinity nor what is no number has a word.
            (None, None) if value.is_number() => Ok(out.write_str("null")?),
            (None, None) => Err(invalid(format!("a value of the kind {} cannot be written", value.kind()))),
        },
    }
}

fn line(out: &mut impl Write, is_first: bool, indent: usize, depth: usize) -> fmt::Result {
    if !is_first {
        out.write_char(',')?;
    }
    if indent > 0 {
        write!(out, "\n{:1$}", "", indent * depth)?;
    }
    Ok(())
}

fn close(out: &mut impl Write, is_empty: bool, bracket: char, indent: usize, depth: usize) -> Result<(), Error> {
    if indent > 0 && !is_empty {
        write!(out, "\n{:1$}", "", indent * depth)?;
    }
    Ok(out.write_char(bracket)?)
}

fn quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    JsonEscaper(out).write_str(text)?;
    out.write_char('"')
}

/// Writes the inside of a JSON text.
struct JsonEscaper<'a, W>(&'a mut W);

impl<W: Write> Write for JsonEscaper<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escaped(self.0, text)
    }
}

fn escaped(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ') {
        let (before, after) = rest.split_at(at);
        out.write_str(before)?;
        let c = after.as_bytes()[0];
        match c {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            0x08 => out.write_str("\\b")?,
            0x0c => out.write_str("\\f")?,
            _ => write!(out, "\\u{c:04x}")?,
        }
        rest = &after[1..];
    }
    out.write_str(rest)
}

/// Writes what is text in an element or in an attribute.
struct XmlEscaper<'a, W>(&'a mut W);

impl<W: Write> Write for XmlEscaper<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.0.write_str(&rest[..at])?;
            self.0.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

/// Writes only what a path segment or a query value may hold.
pub(crate) struct PercentEncoder<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for PercentEncoder<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while let Some(byte) = rest.first() {
            let n_plain = rest.iter().take_while(|byte| is_unreserved(**byte)).count();
            if n_plain == 0 {
                write!(self.0, "%{byte:02X}")?;
                rest = &rest[1..];
            } else {
                // Unreserved characters are ASCII, so both ends are at characters.
                let at = text.len() - rest.len();
                self.0.write_str(&text[at..at + n_plain])?;
                rest = &rest[n_plain..];
            }
        }
        Ok(())
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
