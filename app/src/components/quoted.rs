//! Words that quote names between backticks, as validators and the server write them: the names are set as code, the backticks go.

use leptos::prelude::*;

/// The text with what it quotes set as code.
pub fn quoted(text: &str) -> impl IntoView + use<> {
    let part = |(is_code, part): (bool, &str)| {
        let part = part.to_owned();
        if is_code { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    };
    parts(text).into_iter().map(part).collect_view()
}

/// The same where there can be nothing but a text, such as in an attribute.
pub fn unquoted(text: &str) -> String {
    parts(text).into_iter().map(|(_, part)| part).collect()
}

/// What is quoted, and what is between. A backtick without its other one is a letter like any other.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('`')
        && let Some((inside, behind)) = after.split_once('`')
    {
        parts.extend([(false, before), (true, inside)]);
        rest = behind;
    }
    parts.push((false, rest));
    parts.retain(|(_, part)| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::{parts, unquoted};

    #[test]
    fn names_between_backticks_are_code() {
        assert_eq!(
            parts("There is no input `txt`; there are `a`, b"),
            [(false, "There is no input "), (true, "txt"), (false, "; there are "), (true, "a"), (false, ", b")]
        );
        assert_eq!(parts("`a` is a `"), [(true, "a"), (false, " is a `")]);
        assert_eq!((parts(""), parts("plain")), (vec![], vec![(false, "plain")]));
        assert_eq!(unquoted("`{{` is not closed"), "{{ is not closed");
    }
}
