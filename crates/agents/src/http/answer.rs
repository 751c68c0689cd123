//! From the bytes of an HTTP answer to outputs: text is decoded by its charset, JSON is parsed, anything else stays as it is and
//! becomes an artifact of its own media type.
//! It must never guess over what the answer declares, unless nobody knows the charset it names, and never replace what it cannot
//! decode.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use workflow::{
    AgentSpec,
    agent::OutputPort,
    schema::{Kind, Schema},
    status::Reason,
};

use super::MAX_BODY_BYTES;
use crate::{
    Output,
    charset::split,
    output::{self, Unfit},
    redact::{Redactor, TooLong},
};

const UNKNOWN: &str = "application/octet-stream";
/// Bytes at the beginning of a document in which it may declare its own charset.
const PROLOGUE_BYTES: usize = 1024;

/// A body with what was said about it.
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Vec<u8>,
    /// What was sent in secret is taken out first, so that what is judged is what is kept.
    pub(super) redactor: &'a Redactor,
}

enum Content {
    Text(String),
    Binary { media_type: String, bytes: Vec<u8> },
}

impl Answer<'_> {
    /// The first output is the body; one named `status` beside it is the status code.
    pub(super) fn outputs(self, spec: &AgentSpec) -> Result<Vec<Output>, Unfit> {
        let Some(first) = spec.outputs.first() else {
            return Ok(Vec::new());
        };
        let status = Value::from(self.status.as_u16());
        let is_empty = self.body.is_empty();
        let has_none = matches!(self.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
        if is_empty && first.schema.kind != Some(Kind::String) && (has_none || admits_null(&first.schema)) {
            let mut parts = BTreeMap::from([("status", status)]);
            let body = output::nothing(first);
            return with_rest(spec, body, &mut parts);
        }
        let body = match self.content(first)? {
            Content::Text(text) if first.schema.kind == Some(Kind::String) => {
                output::value_output(first, Value::String(text))?
            }
            Content::Text(text) => output::json_output(first, output::parse_json(&text)?, Some(&text))?,
            Content::Binary { media_type, bytes } if matches!(first.schema.kind, None | Some(Kind::String)) => {
                output::bounded(Output { name: first.name.clone(), media_type, bytes })?
            }
            Content::Binary { media_type, .. } => {
                return Err(Unfit::new(format!(
                    "sent `{media_type}`, but the output `{}` is {}",
                    first.name,
                    first.schema.type_name()
                )));
            }
        };
        let mut parts = BTreeMap::from([("status", status)]);
        with_rest(spec, body, &mut parts)
    }

    fn content(self, port: &OutputPort) -> Result<Content, Unfit> {
        let declared = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (media_type, charset) = split(declared);
        let is_known = !media_type.is_empty() && media_type != UNKNOWN && !self.redactor.is_in(&media_type);
        if is_known && !is_text(&media_type) {
            let bytes = self.redactor.bytes(self.body, MAX_BODY_BYTES).map_err(too_long)?;
            return Ok(Content::Binary { media_type, bytes });
        }
        let encoding = encoding(&media_type, charset.as_deref(), &self.body).map_err(|label| {
            let label = self.redactor.text(label);
            Unfit::new(format!("declared the charset `{label}`, which is not known"))
        })?;
        // A byte order mark wins over all else, and is no part of the text.
        let (text, used, has_errors) = encoding.decode(&self.body);
        let text = text.into_owned();
        if !is_known && (has_errors || text.contains('\0')) {
            let bytes = self.redactor.bytes(self.body, MAX_BODY_BYTES).map_err(too_long)?;
            return Ok(Content::Binary { media_type: UNKNOWN.to_owned(), bytes });
        }
        if has_errors {
            return Err(Unfit::new(format!(
                "sent bytes that are no {} text for the output `{}`",
                used.name(),
                port.name
            )));
        }
        self.redactor.owned(text, MAX_BODY_BYTES).map(Content::Text).map_err(too_long)
    }
}

fn too_long(_: TooLong) -> Unfit {
    let most = MAX_BODY_BYTES >> 20;
    let reason = format!("repeated a secret so often that without it the answer is larger than {most} MiB");
    Unfit { class: Reason::OutputTooLarge, reason }
}

fn admits_null(schema: &Schema) -> bool {
    matches!(schema.kind, None | Some(Kind::Null)) && schema.choices().is_empty()
}

fn with_rest(spec: &AgentSpec, first: Output, parts: &mut BTreeMap<&str, Value>) -> Result<Vec<Output>, Unfit> {
    let mut outputs = vec![first];
    for port in spec.outputs.iter().skip(1) {
        let value = parts.remove(port.name.as_str()).ok_or_else(|| output::missing(port))?;
        outputs.push(output::value_output(port, value)?);
    }
    Ok(outputs)
}

/// How a text is written, or the charset that nobody knows, where its bytes are no UTF-8 either.
pub(super) fn encoding<'a>(
    media_type: &str,
    charset: Option<&'a str>,
    body: &[u8],
) -> Result<&'static Encoding, &'a str> {
    let is_utf8 = || std::str::from_utf8(body).is_ok();
    match charset {
        Some(label) => {
            let known = Encoding::for_label_no_replacement(label.as_bytes());
            known.or_else(|| is_utf8().then_some(UTF_8)).ok_or(label)
        }
        None => Ok(by_document(media_type, body).unwrap_or_else(|| {
            // JSON is UTF-8 by its own rules; the rest of the web is, or is what its oldest pages are.
            let may_be_old = !matches!(media_type, "" | UNKNOWN) && !is_json(media_type);
            if may_be_old && !is_utf8() { WINDOWS_1252 } else { UTF_8 }
        })),
    }
}

fn is_json(media_type: &str) -> bool {
    media_type.ends_with("/json") || media_type.ends_with("+json") || media_type.ends_with("json-seq")
}

pub(super) fn is_text(media_type: &str) -> bool {
    let (kind, sub) = media_type.split_once('/').unwrap_or_default();
    let of_application = matches!(
        sub,
        "xml"
            | "javascript"
            | "ecmascript"
            | "x-javascript"
            | "x-www-form-urlencoded"
            | "graphql"
            | "sql"
            | "yaml"
            | "x-yaml"
            | "toml"
            | "rtf"
            | "x-ndjson"
            | "ndjson"
            | "jsonl"
            | "x-sh"
            | "x-tex"
            | "xml-dtd"
            | "csv"
    );
    kind == "text"
        || is_json(media_type)
        || kind != "image" && sub.ends_with("+xml")
        || sub.ends_with("+yaml")
        || kind == "application" && of_application
}

/// The charset that a document of XML or HTML declares within itself.
fn by_document(media_type: &str, body: &[u8]) -> Option<&'static Encoding> {
    let prologue = String::from_utf8_lossy(body.get(..PROLOGUE_BYTES).unwrap_or(body)).to_ascii_lowercase();
    let attribute = if media_type.ends_with("/html") {
        "charset="
    } else if media_type.ends_with("xml") && prologue.trim_start().starts_with("<?xml") {
        "encoding="
    } else {
        return None;
    };
    let (_, rest) = prologue.split_once(attribute)?;
    let label: String = rest
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c))
        .collect();
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write their documents in place")]
    fn answer(status: u16, content_type: &str, body: &[u8], schema: Value) -> String {
        let spec: AgentSpec = serde_json::from_value(json!({
            "id": "a", "name": "A", "config": {"kind": "http"},
            "outputs": [{"name": "body", "schema": schema}, {"name": "status", "schema": {"type": "integer"}}],
        }))
        .unwrap();
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.to_vec(),
            redactor: &Redactor::default(),
        };
        match answer.outputs(&spec) {
            Ok(outputs) => {
                assert_eq!(outputs[1].bytes, status.to_string().into_bytes());
                format!("{} {}", outputs[0].media_type, String::from_utf8_lossy(&outputs[0].bytes))
            }
            Err(unfit) => unfit.reason,
        }
    }

    #[test]
    fn a_text_is_decoded_by_its_charset() {
        let text = || json!({"type": "string"});
        let table: [(&str, &[u8], &str); 24] = [
            ("text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
            ("text/plain; charset=\"ISO-8859-1\"", b"caf\xe9", "café"),
            ("text/plain;CHARSET=latin1", b"caf\xe9", "café"),
            ("text/html; charset=Shift_JIS", b"\x93\xfa\x96\x7b", "日本"),
            ("text/plain; charset=gbk", b"\xd6\xd0", "中"),
            ("text/plain; charset=utf-16le", b"h\0i\0", "hi"),
            ("text/plain; charset=utf-8", b"\xef\xbb\xbfhi", "hi"),
            // A mark is what the bytes are, whatever is declared.
            ("text/plain; charset=iso-8859-1", b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
            ("text/plain", b"\xff\xfeh\0i\0", "hi"),
            ("text/plain", "héllo".as_bytes(), "héllo"),
            ("text/plain", b"caf\xe9", "café"),
            ("", "héllo".as_bytes(), "héllo"),
            ("nonsense", "héllo".as_bytes(), "héllo"),
            ("application/octet-stream", "héllo".as_bytes(), "héllo"),
            ("text/html", b"<meta charset=\"shift_jis\">\x93\xfa", "<meta charset=\"shift_jis\">日"),
            (
                "application/xml",
                b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
                "<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>",
            ),
            ("text/csv", b"", ""),
            // A header that was set twice, and commas for semicolons.
            ("text/plain; charset=utf-8, text/plain", "é".as_bytes(), "é"),
            ("text/plain; charset=latin1, text/html; charset=utf-8", b"\xe9", "é"),
            ("text/plain, text/plain", b"\xe9", "é"),
            ("text/plain, charset=latin1", b"\xe9", "é"),
            // A charset that nobody knows, of a text that everybody can read.
            ("text/plain; charset=none", "é".as_bytes(), "é"),
            ("text/plain; charset=utf8mb4", "é".as_bytes(), "é"),
            ("text/plain; charset=iso-2022-kr", b"hi", "hi"),
        ];
        for (content_type, body, expected) in table {
            assert_eq!(answer(200, content_type, body, text()), format!("text/plain {expected}"), "{content_type}");
        }
        assert_eq!(
            answer(200, "text/plain; charset=utf-8", b"caf\xe9", text()),
            "sent bytes that are no UTF-8 text for the output `body`"
        );
        assert_eq!(
            answer(200, "text/plain; charset=klingon", b"\xe9", text()),
            "declared the charset `klingon`, which is not known"
        );
    }

    #[test]
    fn a_choice_is_made_whatever_white_space_is_around_it() {
        let choice = || json!({"type": "string", "enum": ["good", "bad"]});
        for body in ["good", "good\n", "\r\n good\t\n", "\u{feff}good"] {
            assert_eq!(answer(200, "text/plain", body.as_bytes(), choice()), "text/plain good", "{body:?}");
        }
        assert!(answer(200, "text/plain", b"go od", choice()).starts_with("gave a result that does not fit"));
        let spaced = json!({"type": "string", "enum": ["good\n"]});
        assert_eq!(answer(200, "text/plain", b"good\n", spaced), "text/plain good\n");
        assert_eq!(answer(200, "text/plain", b"good\n", json!({"type": "string"})), "text/plain good\n");
        let number = json!({"type": "number", "enum": [1.5]});
        assert_eq!(answer(200, "text/plain", b" 1.50\n", number), "application/json 1.50");
    }

    #[test]
    fn json_is_read_behind_a_mark_and_in_other_charsets() {
        let object = || json!({"type": "object"});
        assert_eq!(answer(200, "application/json", b"\xef\xbb\xbf{\"a\":1}", object()), "application/json {\"a\":1}");
        let latin = answer(200, "application/problem+json; charset=latin1", b"{\"a\":\"\xe9\"}", object());
        assert_eq!(latin, "application/json {\"a\":\"é\"}");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(answer(200, "application/json", &wide, object()), "application/json {\"a\":1}");
    }

    #[test]
    fn no_content_is_an_empty_output() {
        assert_eq!(answer(204, "", b"", json!({"type": "string"})), "text/plain ");
        assert_eq!(answer(204, "", b"", json!({"type": "object"})), "application/json null");
        assert_eq!(answer(204, "", b"", json!({})), "application/json null");
        assert_eq!(answer(200, "", b"", json!({})), "application/json null");
        assert!(answer(200, "", b"", json!({"type": "object"})).starts_with("did not give valid JSON"));
    }

    #[test]
    fn what_is_no_text_stays_as_it_is_under_its_own_type() {
        for schema in [json!({"type": "string"}), json!({})] {
            assert_eq!(answer(200, "image/png", b"\x89PNG", schema.clone()), "image/png \u{fffd}PNG");
            assert_eq!(answer(200, "Application/PDF; x=y", b"%PDF", schema.clone()), "application/pdf %PDF");
            assert_eq!(answer(200, "image/svg+xml", b"<svg/>", schema.clone()), "image/svg+xml <svg/>");
            assert_eq!(
                answer(200, "application/octet-stream", b"\0\x01", schema.clone()),
                "application/octet-stream \0\u{1}"
            );
            assert_eq!(answer(200, "", b"a\xff", schema), "application/octet-stream a\u{fffd}");
        }
        assert_eq!(
            answer(200, "image/png", b"\x89PNG", json!({"type": "object"})),
            "sent `image/png`, but the output `body` is object"
        );
    }
}
