//! From the bytes of a response to its documents: server-sent events, a document a line, or one document that is the whole body.
//! What it is shows in its first line, since gateways mislabel it. It must never hold more than an answer may be long.

use std::{collections::VecDeque, time::Duration};

use reqwest::Response;
use serde_json::Value;

use crate::Room;

/// Bytes of one answer; and of one frame, since some providers repeat the whole answer in the last one.
pub(in crate::llm) const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// A provider that has begun and then sends nothing for so long is taken for dead. Models that think keep silent for minutes.
const IDLE: Duration = Duration::from_mins(5);

#[derive(Clone, PartialEq, Debug)]
pub(in crate::llm) enum Frame {
    Document(Value),
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

/// The frames of one response.
pub(in crate::llm) struct Frames {
    response: Response,
    decoder: Decoder,
    has_begun: bool,
    has_ended: bool,
    idle: Duration,
    room: Room,
}

impl Frames {
    pub(in crate::llm) fn new(response: Response, room: Room) -> Self {
        Self { response, decoder: Decoder::default(), has_begun: false, has_ended: false, idle: IDLE, room }
    }

    /// From here on nothing more than a few last words is expected.
    pub(in crate::llm) fn expect_the_end(&mut self, within: Duration) {
        self.idle = within;
    }

    /// Takes room for an answer that has grown to so many bytes; while there is none, nothing more is read.
    pub(in crate::llm) async fn hold(&self, n_bytes: usize) {
        self.room.hold(n_bytes).await;
    }

    /// None at the end of the body.
    pub(in crate::llm) async fn next(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            if let Some(frame) = self.decoder.frames.pop_front() {
                return Ok(Some(frame));
            }
            if self.has_ended {
                return Ok(None);
            }
            let chunk = if self.has_begun {
                tokio::time::timeout(self.idle, self.response.chunk()).await.map_err(|_| Fault::Stalled)?
            } else {
                // How long it may think first is the step's own time limit.
                self.response.chunk().await
            };
            match chunk {
                Ok(Some(bytes)) => {
                    self.has_begun = true;
                    self.room.hold(self.decoder.line.len() + self.decoder.data.len() + bytes.len()).await;
                    self.decoder.push(&bytes)?;
                }
                Ok(None) => {
                    self.has_ended = true;
                    self.decoder.end()?;
                }
                Err(error) => {
                    self.has_ended = true;
                    return Err(Fault::Broken(error));
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    /// Nothing but white space so far.
    #[default]
    Unknown,
    Events,
    /// A JSON document in each line.
    Lines,
    /// The body is one text.
    Whole,
}

/// The pure part: bytes in, frames out.
#[derive(Debug, Default)]
struct Decoder {
    mode: Mode,
    /// What is not yet a whole line; in `Whole`, all of the body.
    line: Vec<u8>,
    /// The last byte was a carriage return, whose line feed belongs to the same line end.
    after_return: bool,
    event: String,
    data: String,
    frames: VecDeque<Frame>,
}

impl Decoder {
    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if self.mode == Mode::Whole {
                self.hold(bytes)?;
                return Ok(());
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
        if self.line.len() + self.data.len() + bytes.len() > MAX_ANSWER_BYTES {
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
        match self.mode {
            Mode::Whole => return Ok(true),
            Mode::Lines => {
                let line = std::mem::take(&mut self.line);
                if !line.iter().all(u8::is_ascii_whitespace) {
                    self.documents(&line, at_end)?;
                }
            }
            Mode::Events | Mode::Unknown => {
                let line = std::mem::take(&mut self.line);
                self.event_line(&line, at_end)?;
            }
        }
        Ok(false)
    }

    fn event_line(&mut self, line: &[u8], at_end: bool) -> Result<(), Fault> {
        if line.is_empty() {
            return self.dispatch(at_end);
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if self.data.len() + value.len() > MAX_ANSWER_BYTES {
                    return Err(Fault::TooLarge);
                }
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event),
            // llama.cpp names an error in place of `data`.
            "error" => {
                let said = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
                self.frames.push_back(Frame::Error(said));
            }
            // A comment (an empty name) keeps the connection alive; `id` and `retry` are for browsers.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, at_end: bool) -> Result<(), Fault> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        let data = data.trim();
        if data.is_empty() {
            return Ok(());
        }
        if event == "error" {
            let said = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
            self.frames.push_back(Frame::Error(said));
            return Ok(());
        }
        // Some put the mark right behind the last document.
        let (documents, is_done) = match data.strip_suffix("[DONE]") {
            Some(before) => (before.trim_end(), true),
            None => (data, false),
        };
        self.documents(documents.as_bytes(), at_end)?;
        if is_done {
            self.frames.push_back(Frame::Done);
        }
        Ok(())
    }

    /// At the end of a body, a document that is not whole is no garbage: the answer broke off.
    fn documents(&mut self, bytes: &[u8], at_end: bool) -> Result<(), Fault> {
        for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            match document {
                // A list is a stream that was not asked to be one.
                Ok(Value::Array(items)) => self.frames.extend(items.into_iter().map(Frame::Document)),
                Ok(document) => self.frames.push_back(Frame::Document(document)),
                Err(error) if at_end && error.is_eof() => return Ok(()),
                Err(_) => return Err(Fault::Unreadable(String::from_utf8_lossy(bytes).into_owned())),
            }
        }
        Ok(())
    }

    /// What is left when the body ends. An event without its blank line counts, if it is whole.
    fn end(&mut self) -> Result<(), Fault> {
        if !self.line.is_empty() && self.mode != Mode::Whole {
            self.take_line(true)?;
        }
        match self.mode {
            Mode::Events => self.dispatch(true),
            Mode::Whole => {
                let body = std::mem::take(&mut self.line);
                self.documents(&body, true)
            }
            Mode::Lines | Mode::Unknown => Ok(()),
        }
    }
}

fn mode_of(first_line: &[u8]) -> Mode {
    let is_field = [&b"data"[..], b"event", b"id", b"retry", b"error"]
        .iter()
        .any(|name| first_line.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest[0] == b':'));
    if is_field || first_line.starts_with(b":") {
        return Mode::Events;
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(first_line).is_ok() { Mode::Lines } else { Mode::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the decoder makes of bytes, cut anywhere.
    fn decode(bytes: &[u8]) -> String {
        let all = decode_in(&[bytes]);
        let split: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode_in(&split), all, "cut between any two bytes");
        all
    }

    fn decode_in(chunks: &[&[u8]]) -> String {
        let mut decoder = Decoder::default();
        let mut result = Ok(());
        for chunk in chunks {
            result = result.and_then(|()| decoder.push(chunk));
        }
        result = result.and_then(|()| decoder.end());
        let mut shown: Vec<String> = decoder
            .frames
            .into_iter()
            .map(|frame| match frame {
                Frame::Document(document) => document.to_string(),
                Frame::Error(document) => format!("error {document}"),
                Frame::Done => "done".to_owned(),
            })
            .collect();
        match result {
            Ok(()) => {}
            Err(Fault::Unreadable(text)) => shown.push(format!("unreadable {text:?}")),
            Err(fault) => shown.push(format!("{fault:?}")),
        }
        shown.join(" ")
    }

    #[test]
    fn every_framing_in_use_is_read() {
        let table: [(&str, &str); 22] = [
            ("data: {\"a\":1}\n\ndata: [DONE]\n\n", r#"{"a":1} done"#),
            ("data:{\"a\":1}\r\n\r\ndata:[DONE]\r\n\r\n", r#"{"a":1} done"#),
            ("data: {\"a\":1}\r\rdata: [DONE]\r\r", r#"{"a":1} done"#),
            ("\u{feff}data: 1\n\n", "1"),
            (": OPENROUTER PROCESSING\n\n: ping\n\ndata: 1\n\n", "1"),
            ("event: message_start\ndata: {\"é\":\"…\"}\n\n", r#"{"é":"…"}"#),
            ("id: 7\nretry: 10\nevent: x\ndata: 1\n\n", "1"),
            ("data: {\"a\":\ndata: 1}\n\n", r#"{"a":1}"#),
            ("data: 1\ndata: [DONE]\n\n", "1 done"),
            ("data: 1\n\ndata:\n\ndata\n\n", "1"),
            // Without its blank line, an event counts if it is whole.
            ("data: 1\n\ndata: 2", "1 2"),
            ("data: 1\n\ndata: {\"a\":", "1"),
            ("event: error\ndata: {\"m\":1}\n\n", r#"error {"m":1}"#),
            ("event: error\ndata: overloaded\n\n", r#"error "overloaded""#),
            ("error: {\"m\":1}\n\n", r#"error {"m":1}"#),
            ("data: not json\n\n", r#"unreadable "not json""#),
            ("{\"a\":1}\n{\"a\":2}\n\n", r#"{"a":1} {"a":2}"#),
            ("{\"a\":1}\n{\"a\":", r#"{"a":1}"#),
            ("{\n\"a\":", ""),
            ("\n {\n  \"a\": 1\n}\n", r#"{"a":1}"#),
            ("[{\"a\":1}\n,\r\n{\"a\":2}]", r#"{"a":1} {"a":2}"#),
            ("<html>\n<body>", r#"unreadable "<html>\n<body>""#),
        ];
        for (bytes, expected) in table {
            assert_eq!(decode(bytes.as_bytes()), expected, "{bytes:?}");
        }
        assert_eq!(decode(b""), "");
    }

    #[test]
    fn no_line_event_or_body_outgrows_an_answer() {
        for begin in ["data: ", "event: ", "", "{"] {
            let mut decoder = Decoder::default();
            let fault = std::iter::once(begin.as_bytes().to_vec())
                .chain(std::iter::repeat_with(|| vec![b'x'; 1024 * 1024]).take(20))
                .find_map(|chunk| decoder.push(&chunk).err());
            assert!(matches!(fault, Some(Fault::TooLarge)), "{begin:?}: {fault:?}");
        }
        let mut decoder = Decoder::default();
        let line = [&b"data: "[..], &vec![b'x'; 1024 * 1024], b"\n"].concat();
        let fault = (0..20).find_map(|_| decoder.push(&line).err());
        assert!(matches!(fault, Some(Fault::TooLarge)), "one event of many lines: {fault:?}");
    }
}
