//! One thing that is another one, as a list of differences tells it: of agents, of workflows, of two drafts.
//! Must never show more of a long text than a person compares at a glance; whoever wants all of it has both sides.

mod values;

pub use values::{MOST, of_values};

/// Characters of a long text, from a little before the first one that differs.
const EXCERPT: usize = 160;
const BEFORE: usize = 30;

/// Without a `before` it is new, without an `after` it is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// "Input tone", "Prompt".
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The parts of two texts in which they differ; nothing of an empty one.
pub fn excerpts(before: &str, after: &str) -> (Option<String>, Option<String>) {
    let alike = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    let is_long = before.chars().count().max(after.chars().count()) > EXCERPT;
    let from = if is_long { alike.saturating_sub(BEFORE) } else { 0 };
    let part = |text: &str| {
        let shown: String = text.chars().skip(from).take(EXCERPT).collect();
        let head = if from > 0 { "…" } else { "" };
        let tail = if text.chars().count() > from + EXCERPT { "…" } else { "" };
        (!text.is_empty()).then(|| format!("{head}{shown}{tail}"))
    };
    (part(before), part(after))
}

#[cfg(test)]
mod tests {
    use super::excerpts;

    #[test]
    fn a_long_text_is_told_from_where_it_differs() {
        let common = "é".repeat(500);
        let (before, after) = excerpts(&format!("{common}old"), &format!("{common}new"));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        assert!(before.starts_with('…') && before.ends_with("éold"), "{before}");
        assert!(after.ends_with("énew") && after.chars().count() < 50, "{after}");
        assert_eq!(excerpts("", "new"), (None, Some("new".to_owned())));
    }
}
