//! The key that a run input takes from its title while nothing knows it by the key it was made with.
//! Must never touch a key that somebody chose, or by which a step reads the input.

use canvas::edit::reads_run_input;
use workflow::Definition;

/// What a key begins with that nobody chose; a number follows.
pub(super) const UNCHOSEN: &str = "input_";
const MAX_LETTERS: usize = 40;

/// The key that an input takes from its title, if its own was not chosen and no step reads it.
pub(super) fn suggested(definition: &Definition, key: &str) -> Option<String> {
    let number = key.strip_prefix(UNCHOSEN)?;
    let is_unchosen = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = slug(&definition.inputs.get(key)?.title);
    if !is_unchosen || reads_run_input(definition, key) || wanted.is_empty() || wanted == key {
        return None;
    }
    let others = (2..=u32::MAX).map(|n| format!("{wanted}_{n}"));
    std::iter::once(wanted.clone()).chain(others).find(|key| !definition.inputs.contains_key(key))
}

/// Lower-case letters, digits and `_`, beginning with a letter.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' => slug.push(c),
            '0'..='9' if !slug.is_empty() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('_') => slug.push('_'),
            _ => {}
        }
    }
    slug.truncate(MAX_LETTERS);
    slug.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_nobody_chose_follows_the_title_while_nothing_reads_it() {
        let definition = Definition::from_value(&json!({
            "inputs": {
                "input_1": {"title": "Tone of the text!", "schema": {"type": "string"}},
                "input_2": {"title": "Tone", "schema": {"type": "string"}},
                "input_3": {"title": "Read", "schema": {"type": "string"}},
                "input_4": {"title": "", "schema": {"type": "string"}},
                "input_5": {"title": "2. Über", "schema": {"type": "string"}},
                "input_x": {"title": "Mine", "schema": {"type": "string"}},
                "tone": {"title": "Other", "schema": {"type": "string"}}},
            "steps": {"a": {"agent_id": "x", "inputs": {"t": {"from": "run", "key": "input_3"}}}}}))
        .unwrap();
        for (key, expected) in [
            ("input_1", Some("tone_of_the_text")),
            ("input_2", Some("tone_2")),
            ("input_3", None),
            ("input_4", None),
            ("input_5", Some("ber")),
            ("input_x", None),
            ("tone", None),
            ("gone", None),
        ] {
            assert_eq!(suggested(&definition, key).as_deref(), expected, "{key}");
        }
    }
}
