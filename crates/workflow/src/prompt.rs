//! Names that a prompt template inserts, found without rendering it: enough to say in the editor what would fail in every run.
//! Must never call a good prompt bad, so it looks only at plain insertions, and not at all where a template makes names of its own.

use std::collections::BTreeSet;

/// What every prompt may name besides the agent's inputs.
const ALWAYS: [&str; 8] = ["feedback", "previous", "true", "false", "none", "True", "False", "None"];

/// Names that the template inserts and that nobody gives: neither an input nor one that is always there.
pub fn unknown_names<'a>(template: &str, inputs: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known: BTreeSet<&str> = inputs.into_iter().chain(ALWAYS).collect();
    inserted(template).into_iter().filter(|name| !known.contains(name.as_str())).collect()
}

/// The names at the heads of `{{ name … }}`, in writing order.
fn inserted(template: &str) -> Vec<String> {
    // Statements may bring names; comments and raw parts hold anything.
    if template.contains("{%") || template.contains("{#") {
        return Vec::new();
    }
    let mut names = Vec::new();
    for part in template.split("{{").skip(1) {
        let Some((inside, _)) = part.split_once("}}") else { continue };
        let head = inside.trim_start_matches(['-', '+']).trim();
        let end = head.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(head.len());
        let (name, rest) = head.split_at(end);
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // A plain name, one of its fields or a filter of it; a call or an operator is left to the renderer.
        let is_plain = rest.trim_start().is_empty() || rest.trim_start().starts_with(['.', '|', '-']);
        if begins_well && is_plain && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: &[&str]) {
        assert_eq!(unknown_names(template, ["text", "audience"]), expected, "{template}");
    }

    #[test]
    fn a_name_that_nobody_gives_is_told_and_nothing_else() {
        check("Read {{ text }} for {{audience}}", &[]);
        check("Read {{ summary }} and {{ summary|upper }} and {{ titles.first }}", &["summary", "titles"]);
        check("{{ text|replace('{', '}') }} {{ feedback }} {{- previous.text -}}", &[]);
        check("{% for t in texts %}{{ t }}{% endfor %}", &[]);
        check("{{ range(3) }} {{ 'quoted' }} {{ 3 }} {{ text ~ audience }} {{ open", &[]);
        check("{# {{ note }} #}", &[]);
    }
}
