//! Colours come from tokens: no raw value outside of style/tokens.css.
//!
//! Derived colours (`color-mix()`, relative colours from a token) are allowed everywhere.

use super::Tree;

const HOME: &str = "style/tokens.css";
const FUNCTIONS: &[&str] = &["rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch"];
/// Rust that draws or renders; elsewhere a number sign in a string is no colour.
const DRAWING: &[&str] = &["app/src/", "crates/canvas/src/"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree.with_extension(&["css"]) {
        if path != HOME {
            let css = without_comments(text);
            problems
                .extend(declarations(&css).filter_map(|(line, text)| Some(problem(path, line, &css_colour(text)?))));
        }
    }
    for (path, text) in tree.with_extension(&["rs"]) {
        if DRAWING.iter().any(|folder| path.starts_with(folder)) {
            problems.extend(
                (1..).zip(text.lines()).filter_map(|(line, text)| Some(problem(path, line, &rust_colour(text)?))),
            );
        }
    }
    problems
}

fn problem(path: &str, line: usize, colour: &str) -> String {
    format!("{path}:{line}: raw colour {colour}; name it in {HOME} and use the token")
}

/// The declarations of a style sheet with their lines. What ends in `{` is a selector, where a
/// number sign is an id.
fn declarations(css: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut n_lines_before = 0;
    css.split_inclusive(['{', '}', ';']).filter_map(move |part| {
        let text = part.trim_start();
        let first_line = 1 + n_lines_before + part[..part.len() - text.len()].matches('\n').count();
        n_lines_before += part.matches('\n').count();
        (!text.ends_with('{')).then_some((first_line, text))
    })
}

fn css_colour(declaration: &str) -> Option<String> {
    // An id inside of `url(#id)` is no colour.
    hex(declaration, |before| !matches!(before, Some('(' | '"' | '\''))).or_else(|| function(declaration))
}

/// A string literal that is exactly a colour, or a colour function inside any literal.
fn rust_colour(line: &str) -> Option<String> {
    let code = line.split("//").next().unwrap_or_default();
    let literals: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
    literals.iter().find_map(|literal| {
        let whole = hex(literal, |before| before.is_none()).filter(|colour| colour.len() == literal.len());
        whole.or_else(|| function(literal))
    })
}

fn hex(text: &str, allowed_before: impl Fn(Option<char>) -> bool) -> Option<String> {
    text.match_indices('#').find_map(|(start, _)| {
        let digits: String = text[start + 1..]
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '-' || *letter == '_')
            .collect();
        let is_colour =
            matches!(digits.len(), 3 | 4 | 6 | 8) && digits.chars().all(|letter| letter.is_ascii_hexdigit());
        (is_colour && allowed_before(text[..start].chars().next_back())).then(|| format!("#{digits}"))
    })
}

fn function(text: &str) -> Option<String> {
    FUNCTIONS.iter().find_map(|name| {
        let call = format!("{name}(");
        let found = text.match_indices(&call).any(|(start, _)| {
            let is_name =
                !text[..start].ends_with(|before: char| before.is_alphanumeric() || before == '-' || before == '_');
            is_name && !text[start + call.len()..].trim_start().starts_with("from ")
        });
        found.then(|| format!("{name}()"))
    })
}

/// The text with comments blanked out and line numbers kept.
pub(super) fn without_comments(css: &str) -> String {
    let mut result = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((code, comment)) = rest.split_once("/*") {
        result.push_str(code);
        let (comment, after) = comment.split_once("*/").unwrap_or((comment, ""));
        result.extend(comment.chars().filter(|letter| *letter == '\n'));
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n_problems(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn raw_colours_in_css_are_refused_outside_of_the_tokens() {
        for colour in ["#fff", "#a0b1c2d3", "rgb(1 2 3)", "oklch(60% 0.1 20)", "hsl(1 2% 3%)"] {
            let css = format!("/* x */\n.a {{ color: {colour}; }}\n");
            assert_eq!(n_problems("style/components/a.css", &css), 1, "{colour}");
            assert_eq!(n_problems(HOME, &css), 0, "{colour}");
        }
    }

    #[test]
    fn tokens_selectors_references_and_derived_colours_are_allowed() {
        for css in [
            ".a { color: var(--ink); }",
            "#fade { opacity: 0; }",
            "a:hover #face { opacity: 0; }",
            ".a { mask: url(#abc); }",
            ".a { color: color-mix(in oklab, var(--ink) 40%, transparent); }",
            ".a { color: oklch(from var(--ink) l c h / 40%); }",
            "/* was #fff,\n once rgb(0 0 0) */",
        ] {
            assert_eq!(n_problems("style/a.css", css), 0, "{css}");
        }
    }

    #[test]
    fn raw_colours_in_drawing_code_are_refused() {
        assert_eq!(n_problems("crates/canvas/src/paint.rs", "let ink = \"#ff0000\";"), 1);
        assert_eq!(n_problems("app/src/paint.rs", "let ink = \"rgb(0, 0, 0)\";"), 1);
        assert_eq!(n_problems("app/src/paint.rs", "let link = \"#icon-plus\"; // was \"#fff\""), 0);
        assert_eq!(n_problems("crates/store/src/hash.rs", "let hash = \"#ff0000\";"), 0);
    }
}
