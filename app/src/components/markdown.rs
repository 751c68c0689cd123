//! Markdown: model output as HTML. HTML in the source is dropped, links go to http, https or mailto only, images become their text.
//! It must never let a source put an element, an attribute or a request of its own into the page.

mod split;

use std::fmt::Write;

use crate::later::{later, soon};
use leptos::prelude::*;
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};
pub use split::{blocks, is_data};

later! {
    prose: pub(crate) renderer, fn(&str) -> String, to_html;
}

/// What comes from the server is rendered there. The browser fetches the program for it when there is something to render, and shows the
/// source until then.
#[component]
pub fn Markdown(#[prop(into)] text: Signal<String>) -> impl IntoView {
    let render = soon(renderer);
    let html = move || {
        let render = if cfg!(feature = "ssr") { Some(to_html as fn(&str) -> String) } else { render.get() };
        text.with(|text| render.map_or_else(|| source(text), |render| render(text)))
    };
    // Replaced as a whole where it changes, so a translation in place does no harm.
    view! { <div class="prose" dir="auto" translate="yes" inner_html=html></div> }
}

/// The source as it is, as HTML that shows it.
fn source(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<div class=\"source\">{escaped}</div>")
}

/// Bytes from which a text is rendered in parts.
const LONG: usize = 64 * 1024;

/// The same bytes on the server and in the browser. A long text is in parts, of which those out of sight are not laid out; a link whose
/// address stands in another part is text then.
pub fn to_html(source: &str) -> String {
    if source.len() < LONG {
        return rendered(source);
    }
    let mut html = String::with_capacity(source.len() * 3 / 2);
    for part in split::parts(source) {
        html.push_str("<div class=\"prose-part\">");
        html.push_str(&rendered(part));
        html.push_str("</div>");
    }
    html
}

fn rendered(source: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events = Parser::new_ext(source, options).filter_map(safe);
    let mut out = String::with_capacity(source.len() * 3 / 2);
    html::push_html(&mut out, events);
    out
}

fn safe(event: Event<'_>) -> Option<Event<'_>> {
    Some(match event {
        Event::Html(_)
        | Event::InlineHtml(_)
        | Event::Start(Tag::HtmlBlock | Tag::Image { .. })
        | Event::End(TagEnd::HtmlBlock | TagEnd::Image) => {
            return None;
        }
        Event::Start(Tag::Link { link_type, dest_url, .. }) => Event::InlineHtml(open_link(link_type, &dest_url)),
        Event::End(TagEnd::Link) => Event::InlineHtml(CowStr::Borrowed("</a>")),
        // Alignment would be written as a style attribute, which the CSP refuses.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()]))
        }
        // Two levels down: h1 and h2 belong to the page.
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        other => other,
    })
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// A link of another scheme keeps its text and goes nowhere.
fn open_link<'a>(link_type: LinkType, url: &str) -> CowStr<'a> {
    let url = if link_type == LinkType::Email { format!("mailto:{url}") } else { url.to_owned() };
    if !is_allowed(&url) {
        return CowStr::Borrowed("<a>");
    }
    let mut tag = String::from("<a href=\"");
    for c in url.chars() {
        match c {
            '&' => tag.push_str("&amp;"),
            '<' => tag.push_str("&lt;"),
            '>' => tag.push_str("&gt;"),
            '"' => tag.push_str("&quot;"),
            '\'' => tag.push_str("&#x27;"),
            c if c.is_control() => write!(tag, "%{:02X}", u32::from(c)).expect("a String takes any text"),
            c => tag.push(c),
        }
    }
    tag.push_str("\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">");
    CowStr::from(tag)
}

fn is_allowed(url: &str) -> bool {
    url.split_once(':')
        .is_some_and(|(scheme, _)| ["http", "https", "mailto"].iter().any(|s| scheme.eq_ignore_ascii_case(s)))
}

#[cfg(test)]
mod tests {
    use super::{source, to_html};

    #[test]
    fn a_source_that_is_not_rendered_yet_is_text() {
        assert_eq!(source("a <b>&amp;\n# c"), "<div class=\"source\">a &lt;b&gt;&amp;amp;\n# c</div>");
    }

    #[test]
    fn a_long_text_comes_in_parts_and_is_as_safe() {
        let html = to_html(&"one <script>alert(1)</script> **two**\n\n".repeat(4_000));
        assert!(html.starts_with("<div class=\"prose-part\"><p>one "), "{}", &html[..80]);
        assert!(html.matches("prose-part").count() > 5 && !html.contains("<script"));
        assert_eq!(html.matches("<strong>two</strong>").count(), 4_000);
    }

    #[test]
    fn html_in_the_source_is_dropped() {
        assert_eq!(to_html("a <img src=x onerror=alert(1)> b"), "<p>a  b</p>\n");
        assert_eq!(to_html("<script>alert(1)</script>\n\nafter"), "<p>after</p>\n");
    }

    #[test]
    fn links_go_only_where_a_person_may_be_sent() {
        assert_eq!(to_html("[x](javascript:alert(1))"), "<p><a>x</a></p>\n");
        assert_eq!(to_html("[x](data:text/html,hi)"), "<p><a>x</a></p>\n");
        assert_eq!(to_html("[x](/admin)"), "<p><a>x</a></p>\n");
        assert_eq!(
            to_html("[x](HTTPS://example.org/?a=1&b=\"2\")"),
            "<p><a href=\"HTTPS://example.org/?a=1&amp;b=&quot;2&quot;\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">x</a></p>\n"
        );
        assert!(to_html("<me@example.org>").contains("href=\"mailto:me@example.org\""));
    }

    #[test]
    fn images_are_their_text_and_load_nothing() {
        assert_eq!(to_html("![alt text](https://example.org/track.png)"), "<p>alt text</p>\n");
    }

    #[test]
    fn tables_carry_no_style_attribute_and_headings_start_at_three() {
        let html = to_html("# Title\n\n| a | b |\n|:-|-:|\n| 1 | 2 |");
        assert!(!html.contains("style"), "{html}");
        assert!(html.starts_with("<h3>Title</h3>"), "{html}");
    }
}
