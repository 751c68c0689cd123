//! HTML of what was told and made: text as text, Markdown through the renderer of the pages, pictures of ours within the file.
//! Must never let content put an element, an attribute or a request of its own into the page.

use app::components::markdown_to_html;
use base64::{Engine, engine::general_purpose::STANDARD};
use workflow::view::ArtifactMeta;

/// Bytes of one text that are shown.
pub(super) const MOST: u32 = 256 * 1024;

/// Pictures that browsers draw, and that run nothing: SVG is a document.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A text for an element or an attribute, on any number of lines.
pub(in crate::http) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A name within a line: what is written the other way turns nothing around that stands beside it.
pub(super) fn name(of: &str) -> String {
    format!("<bdi>{}</bdi>", text(of))
}

/// A text as it is.
pub(super) fn as_it_is(of: &str) -> String {
    format!("<pre dir=\"auto\">{}</pre>\n", text(of))
}

/// What an artifact holds, of which these are the first bytes.
pub(super) fn content(meta: &ArtifactMeta, bytes: &[u8]) -> String {
    let kind = meta.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_cut = usize::try_from(meta.size).map_or(true, |size| size > bytes.len());
    if PICTURES.contains(&kind.as_str()) {
        return picture(meta, &kind, bytes, is_cut);
    }
    let is_text = kind.starts_with("text/") || kind == "application/json";
    let Some(shown) = beginning(bytes, is_cut).filter(|_| is_text) else {
        return remark(&format!("A file of the type {}: it is in the archive of the run.", meta.media_type));
    };
    let mut html = match kind.as_str() {
        "text/markdown" => format!("<div class=\"prose\" dir=\"auto\">{}</div>\n", markdown_to_html(shown)),
        "application/json" if !is_cut => as_it_is(&pretty(bytes).unwrap_or_else(|| shown.to_owned())),
        _ => as_it_is(shown),
    };
    if is_cut {
        html.push_str(&remark("This is its beginning: the archive of the run has it whole."));
    }
    html
}

pub(super) fn remark(words: &str) -> String {
    format!("<p class=\"remark\">{}</p>\n", text(words))
}

fn picture(meta: &ArtifactMeta, kind: &str, bytes: &[u8], is_cut: bool) -> String {
    if is_cut {
        return remark("A picture that is too large for a report: it is in the archive of the run.");
    }
    format!("<img alt=\"{}\" src=\"data:{kind};base64,{}\">\n", text(&meta.name), STANDARD.encode(bytes))
}

/// As text; none where it is no UTF-8. What was cut within a character ends before it.
fn beginning(bytes: &[u8], is_cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if is_cut && error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

fn pretty(bytes: &[u8]) -> Option<String> {
    serde_json::to_string_pretty(&workflow::json::kept(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(media_type: &str, size: usize) -> ArtifactMeta {
        serde_json::from_value(json!({
            "id": "00000000-0000-7000-8000-000000000001", "producing_step_id": "a", "name": "a\" onerror=\"x", "version": 1,
            "is_latest": true, "content_hash": "00", "media_type": media_type, "size": size, "origin": "agent", "attempt": 1,
            "parent": null, "created_at": "2026-01-31T12:00:00Z",
        }))
        .unwrap()
    }

    fn shown(media_type: &str, bytes: &[u8]) -> String {
        content(&made(media_type, bytes.len()), bytes)
    }

    #[test]
    fn nothing_of_content_is_an_element_or_asks_for_anything() {
        let hostile = "<script>alert(1)</script> <img src=//evil.test/x onerror=alert(1)> ![x](https://evil.test/x.png) \
            [y](javascript:alert(1)) <svg onload=alert(1)> </pre></section><style>*{}</style>";
        for media_type in
            ["text/plain", "text/markdown", "text/html", "application/json", "image/svg+xml", "text/x\"><script>"]
        {
            let html = shown(media_type, hostile.as_bytes());
            for forbidden in ["<script", "<img", "<svg", "<style", "href=\"javascript", "</section"] {
                assert!(!html.contains(forbidden), "{media_type}: {html}");
            }
        }
        assert!(!shown("a/<b>", b"x").contains("<b>"));
    }

    #[test]
    fn a_picture_is_in_the_file_and_its_name_stays_a_name() {
        let html = shown("image/png", b"png");
        assert_eq!(html, "<img alt=\"a&quot; onerror=&quot;x\" src=\"data:image/png;base64,cG5n\">\n");
        assert!(!content(&made("image/png", 1_000), b"png").contains("<img"), "one that was cut is none");
    }

    #[test]
    fn a_text_is_shown_as_it_is_and_one_that_was_cut_says_so() {
        assert_eq!(shown("text/plain", "שלום\u{0}\u{1b}[0m 🙂".as_bytes()), "<pre dir=\"auto\">שלום[0m 🙂</pre>\n");
        assert_eq!(
            shown("application/json", b"{\"b\":1.10,\"a\":[]}"),
            "<pre dir=\"auto\">{\n  &quot;b&quot;: 1.10,\n  &quot;a&quot;: []\n}</pre>\n"
        );
        let cut = content(&made("text/plain", 10), &"é".as_bytes()[..1]);
        assert!(cut.starts_with("<pre dir=\"auto\"></pre>") && cut.contains("its beginning"), "{cut}");
        assert!(shown("text/plain", &[0xff]).contains("A file of the type"));
    }
}
