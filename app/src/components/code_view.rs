//! `CodeView`: text in a monospace face with line numbers and a copy button.
//! Long texts show their first lines until asked for all, and lines come in blocks of which those out of sight are not laid out; a line that
//! is very long goes on in rows of its own. So no artifact can stall the page, be it of many lines or of a single one.

use crate::{
    reactive::memo,
    words::{count, size},
};
use leptos::prelude::*;

use super::copy::CopyButton;
use super::table::MoreRows;

const FIRST_LINES: usize = 1000;
/// Of these no more bytes than that.
const FIRST_BYTES: usize = 128 * 1024;
/// Rows that are drawn together.
const BLOCK: usize = 250;
/// Bytes of one row: a longer one would be laid out as a whole, however little of it is in sight.
const ROW_BYTES: usize = 8 * 1024;
/// Bytes of the rows that are drawn together.
const BLOCK_BYTES: usize = 64 * 1024;

#[component]
pub fn CodeView(
    #[prop(into)] text: Signal<String>,
    /// What it is: a file name, a media type, a port.
    #[prop(into)]
    title: Signal<String>,
    /// Breaks long lines instead of scrolling sideways.
    #[prop(optional)]
    wrap: bool,
    /// All of it was asked for already.
    #[prop(optional)]
    whole: bool,
    /// It is the beginning of a longer text: nobody copies it for the whole.
    #[prop(optional)]
    part: bool,
) -> impl IntoView {
    let all = RwSignal::new(whole);
    // How long all of it is, while that is not all shown.
    let rest = memo(move || text.with(|text| (first(text).len() < text.len()).then(|| length(text))));
    let lines = move || {
        let is_all = all.get();
        text.with(|text| blocks(if is_all { text } else { first(text) }))
            .into_iter()
            .map(|(html, full)| view! { <div class="code-lines" data-full=full inner_html=html></div> })
            .collect_view()
    };
    view! {
        <div class="code-view" data-wrap=wrap>
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                {(!part).then(|| view! { <CopyButton text/> })}
            </div>
            <div class="code-scroll" data-row="" tabindex="0" role="region" aria-label=move || title.get()>
                {lines}
            </div>
            <MoreRows
                has_more=Signal::derive(move || rest.with(Option::is_some) && !all.get())
                on_more=move |()| all.set(true)
                label=Signal::derive(move || format!("Show all {}", rest.get().unwrap_or_default()))
            />
        </div>
    }
}

/// What is shown before all is asked for: whole lines, but of one that is too long by itself its beginning.
fn first(text: &str) -> &str {
    let mut n_bytes = 0;
    for line in text.split_inclusive('\n').take(FIRST_LINES) {
        if n_bytes + line.len() > FIRST_BYTES {
            // Where no other line is shown, a part of this one is.
            let end = if n_bytes == 0 { line.floor_char_boundary(FIRST_BYTES) } else { n_bytes };
            return &text[..end];
        }
        n_bytes += line.len();
    }
    &text[..n_bytes]
}

/// In lines, or where it is few long ones in bytes.
fn length(text: &str) -> String {
    let n_lines = text.lines().count();
    if n_lines > FIRST_LINES { count(n_lines, "line") } else { size(text.len()) }
}

/// What a block says that has as many rows as there may be, or as many bytes: how high each is can be guessed.
const FULL: &str = "";
const LONG: &str = "long";

/// A text as HTML, block by block, and what each says of its height. An element for each line would cost its own program. Only the first row
/// of a line has its number.
fn blocks(text: &str) -> Vec<(String, Option<&'static str>)> {
    let mut found: Vec<(String, Option<&'static str>)> = Vec::new();
    let (mut n_rows, mut n_bytes) = (0, 0);
    for (at, line) in text.lines().enumerate() {
        let mut rest = Some(line);
        while let Some(now) = rest {
            let (row, behind) = now.split_at(now.floor_char_boundary(ROW_BYTES));
            if found.is_empty() || n_rows == BLOCK || n_bytes + row.len() > BLOCK_BYTES {
                if let Some((_, full @ None)) = found.last_mut() {
                    *full = Some(LONG);
                }
                found.push((String::new(), None));
                (n_rows, n_bytes) = (0, 0);
            }
            n_rows += 1;
            n_bytes += row.len();
            if let Some((html, full)) = found.last_mut() {
                html.push_str("<span class=\"code-line\"");
                if now.len() == line.len() {
                    html.push_str(" data-n=\"");
                    html.push_str(&(at + 1).to_string());
                    html.push('"');
                }
                html.push('>');
                escape(html, row);
                html.push_str("</span>");
                *full = (n_rows == BLOCK).then_some(FULL);
            }
            rest = (!behind.is_empty()).then_some(behind);
        }
    }
    found
}

/// Whatever the text is, it stays text.
fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_text_in_blocks() {
        let found = blocks("a <b>&amp;\n\nc");
        let html = "<span class=\"code-line\" data-n=\"1\">a &lt;b&gt;&amp;amp;</span><span class=\"code-line\" data-n=\"2\"></span><span class=\"code-line\" data-n=\"3\">c</span>";
        assert_eq!(found, [(html.to_owned(), None)]);
        let many = blocks(&"x\n".repeat(BLOCK * 2 + 1));
        assert_eq!(many.iter().map(|(_, full)| *full).collect::<Vec<_>>(), [Some(FULL), Some(FULL), None]);
        assert!(many[2].0.contains(&format!("data-n=\"{}\"", BLOCK * 2 + 1)));
        assert!(blocks("").is_empty());
    }

    #[test]
    fn a_megabyte_in_one_line_is_many_rows_with_one_number() {
        let text = "é".repeat(500_000);
        let found = blocks(&text);
        let (_, before) = found.split_last().unwrap();
        assert!(
            before.len() > 10 && before.iter().all(|(html, full)| html.len() < 2 * BLOCK_BYTES && *full == Some(LONG))
        );
        let html: String = found.into_iter().map(|(html, _)| html).collect();
        assert_eq!((html.matches("data-n").count(), html.matches('é').count()), (1, 500_000));
    }

    #[test]
    fn at_first_neither_many_lines_nor_long_ones_are_shown() {
        assert_eq!(first("a\nb"), "a\nb");
        let many = "line\n".repeat(10_000);
        assert_eq!((first(&many).len(), length(&many)), (5 * FIRST_LINES, "10,000 lines".to_owned()));
        let long = format!("one\n{}", "x".repeat(1_000_000));
        assert_eq!((first(&long), length(&long)), ("one\n", "976.5 KiB".to_owned()));
        assert_eq!(first(&"é".repeat(500_000)).len(), FIRST_BYTES);
    }
}
