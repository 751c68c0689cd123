//! Tables that programs open which calculate, as RFC 4180 has them.
//! Must never leave a text of people or agents as a formula, nor change a number.

use std::borrow::Cow;

use crate::text::is_invisible;

/// A text that no such program takes for a formula: one that would be has a quote before it. Some of them drop blanks, and what nobody
/// sees, before they look.
pub fn inert(text: &str) -> Cow<'_, str> {
    let seen = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    if text.starts_with(['\t', '\r', '\n']) || seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// One row. Texts among the cells are to be inert before.
pub fn line<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<Cow<'_, str>> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_is_never_a_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=cmd()", "'=cmd()"),
            ("@sum(1,2)", "\"'@sum(1,2)\""),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("＝cmd()", "'＝cmd()"),
            ("＠sum(1)", "'＠sum(1)"),
            (" =1+1", "' =1+1"),
            ("\u{a0}\u{3000}+1", "'\u{a0}\u{3000}+1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}@sum(1)", "'\u{200b}@sum(1)"),
            ("\0=1", "'\0=1"),
            (" a-b", " a-b"),
            ("  ", "  "),
            ("", ""),
        ] {
            assert_eq!(line(&[inert(text)]), format!("{expected}\r\n"), "{text}");
        }
        assert_eq!(line(&["a", "b,c", ""]), "a,\"b,c\",\r\n");
    }
}
