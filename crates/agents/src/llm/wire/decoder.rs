//! From the bytes of a response to its documents: server-sent events, a document a line, or one document that is the whole body.
//! What it is shows in its first line, since gateways mislabel it. It must never hold more than an answer may be long, and what was
//! whole before something broke is never lost.

use std::collections::VecDeque;

use serde_json::Value;

use super::lenient::{self, Piece};

/// Bytes of one answer; and of one frame, since some providers repeat the whole answer in the last one.
pub(in crate::llm) const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of an event that is no JSON and only keeps the connection alive.
const MAX_KEEPALIVE_BYTES: usize = 200;

#[derive(Clone, PartialEq, Debug)]
pub(in crate::llm) enum Frame {
    /// A piece of a stream.
    Document(Value),
    /// A document of a body that is no stream of events.
    Body(Value),
    /// A document that the stream itself marks as an error.
    Error(Value),
    /// `[DONE]`
    Done,
}

#[derive(Debug)]
pub(in crate::llm) enum Fault {
    Broken(reqwest::Error),
    Stalled,
    TooLarge,
    /// Neither JSON nor events; the text that came instead.
    Unreadable(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    /// Nothing but white space so far.
    #[default]
    Unknown,
    /// Some line of text, before which kind of body it is shows.
    Text,
    Events,
    /// A JSON document in each line.
    Lines,
    /// The body is one text.
    Whole,
    /// The end was told; what follows is nobody's.
    Over,
}

/// The pure part: bytes in, frames out.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    mode: Mode,
    /// What is not yet a whole line; in `Whole`, all of the body.
    line: Vec<u8>,
    /// The last byte was a carriage return, whose line feed belongs to the same line end.
    after_return: bool,
    event: String,
    /// The lines of the event so far; in `Text`, all of the body.
    data: String,
    /// They began with a document.
    is_document: bool,
    /// What was passed over, since it is no JSON.
    passed_over: String,
    is_cut: bool,
    half: Option<HalfSaid>,
    pub(super) frames: VecDeque<Frame>,
}

/// A document whose text ends with half a character. It waits for the next one, which may begin with the other half.
#[derive(Debug)]
struct HalfSaid {
    unit: u16,
    /// What it is if that goes on otherwise.
    alone: Frame,
    /// What it is if the next one has the whole character.
    without: Frame,
}

impl Decoder {
    /// Bytes that are held and not yet a frame.
    pub(super) fn n_held(&self) -> usize {
        self.line.len() + self.data.len()
    }

    /// Whether the body ended within a frame.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What came that is no JSON, and no frame.
    pub(super) fn passed_over(&self) -> &str {
        &self.passed_over
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let result = self.read(bytes);
        if result.is_err() {
            self.settle();
        }
        result
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            match self.mode {
                Mode::Whole => return self.hold(bytes),
                Mode::Over => return Ok(()),
                _ => {}
            }
            if self.after_return && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                self.after_return = false;
                continue;
            }
            self.after_return = false;
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.hold(bytes);
            };
            self.hold(&bytes[..end])?;
            self.after_return = bytes[end] == b'\r';
            let is_kept = self.take_line(false)?;
            if is_kept {
                // The line end is white space of the body.
                self.hold(b"\n")?;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.n_held() + bytes.len() > MAX_ANSWER_BYTES {
            return Err(Fault::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether the line stays, as the beginning of a body that is one text.
    fn take_line(&mut self, at_end: bool) -> Result<bool, Fault> {
        if self.mode == Mode::Unknown {
            if self.line.starts_with(b"\xEF\xBB\xBF") {
                self.line.drain(..3);
            }
            if self.line.iter().all(u8::is_ascii_whitespace) {
                self.line.clear();
                return Ok(false);
            }
            self.mode = mode_of(&self.line);
        }
        if self.mode == Mode::Text && is_field(&self.line) {
            self.passed_over = std::mem::take(&mut self.data);
            self.mode = Mode::Events;
        }
        if self.mode == Mode::Whole {
            return Ok(true);
        }
        let line = std::mem::take(&mut self.line);
        match self.mode {
            Mode::Text => {
                self.data.push_str(&String::from_utf8_lossy(&line));
                self.data.push('\n');
            }
            Mode::Lines => {
                if !line.iter().all(u8::is_ascii_whitespace) {
                    self.documents(&String::from_utf8_lossy(&line), at_end, Frame::Body)?;
                }
            }
            _ => self.event_line(&line, at_end)?,
        }
        Ok(false)
    }

    fn event_line(&mut self, line: &[u8], at_end: bool) -> Result<(), Fault> {
        if line.is_empty() {
            return self.dispatch(at_end);
        }
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start();
        if self.goes_on(line) {
            return self.add(line);
        }
        // Some tell an error, or a piece, outside of any event, or in the line below its name.
        if line.starts_with('{') {
            match lenient::first(line) {
                Ok((document, n_bytes)) if line[n_bytes..].trim().is_empty() => self.put(Frame::Document(document)),
                // It goes on in the next line.
                Err(error) if error.is_eof() => return self.add(line),
                _ => self.is_cut |= at_end,
            }
            return Ok(());
        }
        if line.trim_end() == "[DONE]" {
            self.end_of_stream();
            return Ok(());
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => self.add(value)?,
            "event" => value.clone_into(&mut self.event),
            // llama.cpp names an error in place of `data`.
            "error" => self.put(Frame::Error(error(value))),
            // A comment (an empty name) keeps the connection alive; `id` and `retry` are for browsers.
            _ => {}
        }
        Ok(())
    }

    /// Whether a line without a name continues a document that the lines before it began: some spread one over lines and name only the
    /// first of these. Other fields that nobody knows begin with letters.
    fn goes_on(&self, line: &str) -> bool {
        let is_of_json = |c: char| c.is_ascii_digit() || matches!(c, '{' | '}' | '[' | ']' | '"' | '-');
        self.is_document && !self.data.is_empty() && line.starts_with(is_of_json)
    }

    /// A line of the event's data.
    fn add(&mut self, line: &str) -> Result<(), Fault> {
        if self.data.len() + line.len() > MAX_ANSWER_BYTES {
            return Err(Fault::TooLarge);
        }
        if self.data.is_empty() {
            self.is_document = without_names(line).starts_with(['{', '[']);
        } else {
            self.data.push('\n');
        }
        self.data.push_str(line);
        Ok(())
    }

    fn dispatch(&mut self, at_end: bool) -> Result<(), Fault> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        // Gateways put frames of others into frames of their own.
        let data = without_names(&data);
        if data.is_empty() {
            return Ok(());
        }
        if event == "error" {
            self.put(Frame::Error(error(data)));
            return Ok(());
        }
        // Some put the mark right behind the last document.
        let (documents, is_done) = match data.strip_suffix("[DONE]") {
            Some(before) => (before, true),
            None => (data, false),
        };
        let result = self.documents(documents, at_end, Frame::Document);
        if (result.is_err() || self.is_cut)
            && let Some(document) = error_behind(data)
        {
            self.put(Frame::Error(document));
        } else {
            result?;
        }
        if is_done {
            self.end_of_stream();
        }
        Ok(())
    }

    fn end_of_stream(&mut self) {
        self.put(Frame::Done);
        self.mode = Mode::Over;
    }

    /// The documents of a text. At the end of a body, one that is not whole is no garbage: the answer broke off.
    fn documents(&mut self, text: &str, at_end: bool, frame: fn(Value) -> Frame) -> Result<(), Fault> {
        let mut rest = without_names(text);
        while !rest.is_empty() {
            // A list is a stream that was not asked to be one: what came of it counts, item by item.
            if let Some(items) = rest.strip_prefix('[')
                && items.trim_start().starts_with('{')
            {
                rest = without_names(self.items(items, at_end)?);
                continue;
            }
            match lenient::piece(rest, self.unit()) {
                Ok(piece) => {
                    rest = without_names(&rest[piece.n_bytes..]);
                    self.put_piece(piece, frame);
                }
                Err(error) if at_end && error.is_eof() => {
                    self.is_cut = true;
                    return Ok(());
                }
                Err(_) if self.mode == Mode::Events && is_keepalive(rest) => {
                    rest.clone_into(&mut self.passed_over);
                    return Ok(());
                }
                Err(_) => return Err(Fault::Unreadable(text.to_owned())),
            }
        }
        Ok(())
    }

    /// The items of a list behind its bracket; hands back what follows it.
    fn items<'a>(&mut self, text: &'a str, at_end: bool) -> Result<&'a str, Fault> {
        let mut rest = text.trim_start();
        loop {
            match lenient::piece(rest, self.unit()) {
                Ok(piece) => {
                    rest = rest[piece.n_bytes..].trim_start();
                    self.put_piece(piece, Frame::Body);
                }
                Err(error) if at_end && error.is_eof() => {
                    self.is_cut = true;
                    return Ok("");
                }
                Err(_) => return Err(Fault::Unreadable(text.to_owned())),
            }
            if let Some(after) = rest.strip_prefix(']') {
                return Ok(after);
            }
            // What follows neither a comma nor the end is not whole.
            rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
        }
    }

    fn unit(&self) -> Option<u16> {
        self.half.as_ref().map(|half| half.unit)
    }

    fn put_piece(&mut self, piece: Piece, frame: fn(Value) -> Frame) {
        if let Some(half) = self.half.take() {
            self.frames.push_back(if piece.goes_on { half.without } else { half.alone });
        }
        let document = frame(piece.document);
        match piece.half {
            Some(half) => {
                self.half = Some(HalfSaid { unit: half.unit, alone: document, without: frame(half.without) });
            }
            None => self.frames.push_back(document),
        }
    }

    fn put(&mut self, frame: Frame) {
        self.settle();
        self.frames.push_back(frame);
    }

    /// Nothing comes that would go on with what waits.
    fn settle(&mut self) {
        self.frames.extend(self.half.take().map(|half| half.alone));
    }

    /// What is left when the body ends, or breaks. An event without its blank line counts, if it is whole.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let result = self.read_end();
        self.settle();
        result
    }

    fn read_end(&mut self) -> Result<(), Fault> {
        if !self.line.is_empty() && self.mode != Mode::Whole {
            self.take_line(true)?;
        }
        match self.mode {
            Mode::Events => self.dispatch(true),
            Mode::Whole => {
                let body = std::mem::take(&mut self.line);
                self.documents(&String::from_utf8_lossy(&body), true, Frame::Body)
            }
            Mode::Text => Err(Fault::Unreadable(std::mem::take(&mut self.data))),
            Mode::Lines | Mode::Unknown | Mode::Over => Ok(()),
        }
    }
}

/// What a text that is told to be an error says.
fn error(text: &str) -> Value {
    lenient::whole(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The error that a gateway put behind a document which broke off, without ending its event: in the last line, and whole.
fn error_behind(data: &str) -> Option<Value> {
    let (_, last) = data.trim_end().rsplit_once('\n')?;
    lenient::whole(without_names(last)).filter(super::error::is_one)
}

/// A text without the `data:` in front, however often it is there.
fn without_names(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(rest) = text.strip_prefix("data:") {
        text = rest.trim_start();
    }
    text
}

/// `ping`, `[HEARTBEAT]`: short, and nothing of JSON in it, of which a piece would be missing.
fn is_keepalive(text: &str) -> bool {
    text.len() <= MAX_KEEPALIVE_BYTES && !text.contains(['{', '}', '"'])
}

fn is_field(line: &[u8]) -> bool {
    [&b"data"[..], b"event", b"id", b"retry", b"error"]
        .iter()
        .any(|name| line.strip_prefix(*name).is_some_and(|rest| rest.first() == Some(&b':')))
}

fn mode_of(first_line: &[u8]) -> Mode {
    let first_line = first_line.trim_ascii_start();
    let names = [&b"data"[..], b"event", b"id", b"retry", b"error"];
    if is_field(first_line) || names.contains(&first_line) || first_line.starts_with(b":") {
        return Mode::Events;
    }
    let first = first_line.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| !matches!(byte, b'{' | b'[' | b'<' | b'"')) {
        return Mode::Text;
    }
    let line = String::from_utf8_lossy(first_line);
    if lenient::whole(&line).is_some() { Mode::Lines } else { Mode::Whole }
}

#[cfg(test)]
mod tests;
