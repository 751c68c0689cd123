//! The slug of a workflow: by what files, and people at a terminal, know it. Made from its first name, and then never changed.
//! Must never be made of what only one Weft knows, unless every better one is taken.

use crate::id::TemplateId;

/// What a workflow is called until somebody names it; nobody could tell slugs of these apart, so they have none.
pub const UNTITLED: &str = "Untitled workflow";

const MAX_CHARS: usize = 64;
/// Room for what tells two of one name apart.
const MAX_BASE_CHARS: usize = 48;
/// Numbered ones; after these comes one that is surely free.
const MOST_NUMBERED: usize = 9;

/// `[a-z][a-z0-9-]*`, at most 64 characters, and nothing that could be an id: where both are taken, it would name another workflow.
pub fn is_slug(text: &str) -> bool {
    has_form(text) && text.parse::<TemplateId>().is_err()
}

fn has_form(text: &str) -> bool {
    text.len() <= MAX_CHARS
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The slugs that a workflow of this name may have, the best first; none while it has no name of its own.
pub fn candidates(name: &str, id: TemplateId) -> Vec<String> {
    if name == UNTITLED {
        return Vec::new();
    }
    let hex = id.0.simple().to_string();
    // The end of an id is what is drawn by lot.
    let end = hex.get(20..).unwrap_or(&hex);
    let mut base = base(name);
    if !is_slug(&base) || !is_slug(&format!("{base}-{end}")) {
        base = format!("workflow-{base}");
    }
    let numbered = (2..=MOST_NUMBERED).map(|n| format!("{base}-{n}"));
    let own = format!("{base}-{end}");
    std::iter::once(base.clone()).chain(numbered).chain(std::iter::once(own)).collect()
}

fn base(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= MAX_BASE_CHARS {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.starts_with(|c: char| c.is_ascii_lowercase()) {
        return slug.to_owned();
    }
    // Names in other scripts, and numbers.
    let joined = format!("workflow-{slug}");
    joined.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_slug_is_made_of_the_name() {
        let id = TemplateId(Uuid::from_u128(0xABCD));
        for (name, slug) in [
            ("Brief", "brief"),
            ("  Support: triage & answer! ", "support-triage-answer"),
            ("2026 report", "workflow-2026-report"),
            ("דוח", "workflow"),
            ("---", "workflow"),
            ("Café", "caf"),
            ("abcdef00-1111-2222-3333-444444444444", "workflow-abcdef00-1111-2222-3333-444444444444"),
            ("ABCDEF00111122223333444444444444", "workflow-abcdef00111122223333444444444444"),
            // With the end of the id it would be one.
            ("abcdef00-1111-2222-3333", "workflow-abcdef00-1111-2222-3333"),
        ] {
            let made = candidates(name, id);
            assert_eq!(made[0], slug, "{name}");
            assert!(made.iter().all(|slug| is_slug(slug)), "{made:?}");
        }
        assert_eq!(candidates("Brief", id)[1], "brief-2");
        assert_eq!(candidates("Brief", id).last().unwrap(), "brief-00000000abcd");
        assert!(candidates(&"long name ".repeat(20), id).iter().all(|slug| is_slug(slug)));
        assert!(candidates(UNTITLED, id).is_empty());
    }

    #[test]
    fn what_is_no_slug_is_told() {
        for text in ["", "A", "1a", "-a", "a_b", "a b", "a\0", "ä", "__proto__", &"a".repeat(65)] {
            assert!(!is_slug(text), "{text}");
        }
        for id in ["abcdef00-1111-2222-3333-444444444444", "abcdef00111122223333444444444444"] {
            assert!(!is_slug(id), "{id} could be an id");
        }
        assert!(is_slug("a") && is_slug("a-1") && is_slug("constructor"));
    }
}
