//! `CodeView`: text in a monospace face with line numbers and a copy button.
//! Long texts show their first lines until asked for all, and lines come in blocks of which those out of sight are not laid out, so that no
//! artifact can stall the page. On paper all of it stands: nobody can ask there.

use crate::{
    reactive::{effect, memo},
    words::count,
};
use leptos::{ev, prelude::*};

use super::copy::CopyButton;
use super::table::MoreRows;

const FIRST_LINES: usize = 1000;
/// Lines that are drawn together.
const BLOCK: usize = 250;

#[component]
pub fn CodeView(
    #[prop(into)] text: Signal<String>,
    /// What it is: a file name, a media type, a port.
    #[prop(into)]
    title: Signal<String>,
    /// Breaks long lines instead of scrolling sideways.
    #[prop(optional)]
    wrap: bool,
) -> impl IntoView {
    let all = RwSignal::new(false);
    let n_lines = memo(move || text.with(|t| t.lines().count()));
    let is_printed = RwSignal::new(false);
    effect(move || {
        let before = window_event_listener(ev::beforeprint, move |_| is_printed.set(true));
        let after = window_event_listener(ev::afterprint, move |_| is_printed.set(false));
        on_cleanup(move || {
            before.remove();
            after.remove();
        });
    });
    // A short text is not drawn anew for a printer.
    let most = memo(move || most_lines(n_lines.get(), all.get() || is_printed.get()));
    let lines = move || {
        text.with(|text| blocks(text, most.get()))
            .into_iter()
            .map(|(html, is_full)| view! { <div class="code-lines" data-full=is_full.then_some("") inner_html=html></div> })
            .collect_view()
    };
    view! {
        <div class="code-view" data-wrap=wrap>
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                <CopyButton text/>
            </div>
            <div class="code-scroll" data-row="" tabindex="0" role="region" aria-label=move || title.get()>
                {lines}
            </div>
            <MoreRows
                has_more=Signal::derive(move || n_lines.get() > FIRST_LINES && !all.get())
                on_more=move |()| all.set(true)
                label=Signal::derive(move || format!("Show all {}", count(n_lines.get(), "line")))
            />
        </div>
    }
}

fn most_lines(n_lines: usize, are_all_wanted: bool) -> usize {
    if are_all_wanted || n_lines <= FIRST_LINES { usize::MAX } else { FIRST_LINES }
}

/// At most so many lines as HTML, block by block, and whether a block is a full one. An element for each line would cost its own program.
fn blocks(text: &str, most: usize) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for (at, line) in text.lines().take(most).enumerate() {
        if at.is_multiple_of(BLOCK) {
            found.push((String::new(), false));
        }
        if let Some((html, is_full)) = found.last_mut() {
            html.push_str("<span class=\"code-line\" data-n=\"");
            html.push_str(&(at + 1).to_string());
            html.push_str("\">");
            // Each line runs in its own direction. Beside its number: that stands where the others do.
            let is_mixed = line.chars().any(runs_from_the_right);
            html.push_str(if is_mixed { "<span dir=\"auto\">" } else { "" });
            escape(html, line);
            html.push_str(if is_mixed { "</span></span>" } else { "</span>" });
            *is_full = (at + 1).is_multiple_of(BLOCK);
        }
    }
    found
}

/// Letters of the scripts that are written from the right, as Hebrew and Arabic.
fn runs_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
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
    use super::{BLOCK, FIRST_LINES, blocks, most_lines};

    #[test]
    fn lines_are_numbered_text_in_blocks() {
        let found = blocks("a <b>&amp;\n\nc", 10);
        let html = "<span class=\"code-line\" data-n=\"1\">a &lt;b&gt;&amp;amp;</span><span class=\"code-line\" data-n=\"2\"></span><span class=\"code-line\" data-n=\"3\">c</span>";
        assert_eq!(found, [(html.to_owned(), false)]);
        let many = blocks(&"x\n".repeat(10_000), BLOCK * 2 + 1);
        assert_eq!(many.iter().map(|(_, is_full)| *is_full).collect::<Vec<_>>(), [true, true, false]);
        assert!(many[2].0.contains(&format!("data-n=\"{}\"", BLOCK * 2 + 1)));
        assert!(blocks("", 10).is_empty());
    }

    #[test]
    fn a_line_of_another_script_runs_in_its_own_direction() {
        let html = |text: &str| blocks(text, 1)[0].0.clone();
        assert!(html("let x = \"שלום\";").contains("data-n=\"1\"><span dir=\"auto\">let x = \"שלום\";</span></span>"));
        assert!(html("مرحبا <b>").ends_with("مرحبا &lt;b&gt;</span></span>"));
        assert!(!html("größer 漢字 \u{feff}").contains("dir="));
    }

    #[test]
    fn all_lines_are_drawn_when_asked_for_or_printed() {
        assert_eq!(most_lines(FIRST_LINES + 1, false), FIRST_LINES);
        assert!(most_lines(FIRST_LINES + 1, true) > FIRST_LINES);
        assert_eq!(most_lines(FIRST_LINES, false), most_lines(FIRST_LINES, true), "drawn anew for nothing");
    }
}
