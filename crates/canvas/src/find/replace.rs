//! Search and replace in the texts of a draft: every place that holds the words, what it would become, and whether that would break it.
//! The validator judges what is replaced, on its own words. What would break something is never replaced unless it was asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use workflow::{AgentCatalog, Definition};

use super::texts::{Of, Spot, each_text, of_input, of_step};
use crate::edit::Edit;

/// Letters of the text that are shown on each side of what was found.
const AROUND: usize = 32;

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    pub text: String,
    pub match_case: bool,
    pub whole_word: bool,
}

/// One place that holds the words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    pub spot: Spot,
    /// Which one in this text.
    pub nth: usize,
    /// What stands there, with what is around it in one line.
    pub before: String,
    pub found: String,
    pub after: String,
    /// What would be wrong with the field if this one were replaced.
    pub fault: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hits {
    /// As many of them as were asked for.
    pub shown: Vec<Hit>,
    pub n_all: usize,
}

/// What is to be replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// Everything but what would break its field.
    All,
    /// This one, whatever comes of it.
    One { spot: Spot, nth: usize },
}

/// What replacing comes to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Replaced {
    /// Nothing changes: none.
    pub edit: Option<Edit>,
    pub n_replaced: usize,
    /// Left as they are, because they would break their fields.
    pub n_left: usize,
}

impl Wanted {
    /// Where the words stand in a text, one behind the other.
    fn in_text(&self, text: &str) -> Vec<Range<usize>> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let found: Vec<Range<usize>> = if self.match_case {
            text.match_indices(&self.text).map(|(at, found)| at..at + found.len()).collect()
        } else {
            in_any_case(&self.text, text)
        };
        let is_of_word = |char: char| char.is_alphanumeric() || char == '_';
        let stands_alone = |range: &Range<usize>| {
            !text[..range.start].chars().next_back().is_some_and(is_of_word)
                && !text[range.end..].chars().next().is_some_and(is_of_word)
        };
        found.into_iter().filter(|range| !self.whole_word || stands_alone(range)).collect()
    }
}

fn in_any_case(wanted: &str, text: &str) -> Vec<Range<usize>> {
    let fold = |char: char| char.to_lowercase();
    let wanted: Vec<char> = wanted.chars().flat_map(fold).collect();
    let mut found = Vec::new();
    let mut end = 0;
    for (at, _) in text.char_indices() {
        if at < end {
            continue;
        }
        // Letter by letter, and to the end of a letter: one may be compared as two.
        let (mut left, mut length) = (wanted.as_slice(), 0);
        for char in text[at..].chars() {
            let mut folded = fold(char);
            if left.is_empty() || !folded.all(|char| left.split_off_first().is_some_and(|first| *first == char)) {
                break;
            }
            length += char.len_utf8();
            if left.is_empty() {
                end = at + length;
                found.push(at..end);
            }
        }
    }
    found
}

/// Every place that holds the words, in the order of the definition; with what it would become judged for as many as are shown.
pub fn search(
    definition: &Definition,
    agents: &AgentCatalog,
    wanted: &Wanted,
    replacement: Option<&str>,
    most: usize,
) -> Hits {
    let mut hits = Hits::default();
    each_text(definition, &mut |spot, text| {
        for (nth, range) in wanted.in_text(text).into_iter().enumerate() {
            hits.n_all += 1;
            if hits.shown.len() < most {
                let (before, after) = around(text, &range);
                let found = one_line(&text[range]);
                hits.shown.push(Hit { spot: spot.clone(), nth, before, found, after, fault: None });
            }
        }
    });
    if let Some(replacement) = replacement {
        for hit in &mut hits.shown {
            let texts = one(wanted, replacement, &hit.spot, hit.nth);
            hit.fault = fault(definition, agents, &hit.spot.of, texts);
        }
    }
    hits
}

/// Replaces, as one edit.
pub fn replaced(
    definition: &Definition,
    agents: &AgentCatalog,
    wanted: &Wanted,
    replacement: &str,
    which: &Which,
) -> Replaced {
    let mut done = Replaced::default();
    let edits = match which {
        Which::One { spot, nth } => {
            let mut replace = one(wanted, replacement, spot, *nth);
            each_text(definition, &mut |at, text| {
                done.n_replaced += usize::from(replace(at, text));
            })
        }
        Which::All => {
            // By field, because what stands in one is judged together.
            let mut fields: BTreeMap<(Of, String), usize> = BTreeMap::new();
            each_text(definition, &mut |spot, text| {
                let n = wanted.in_text(text).len();
                if n > 0 {
                    *fields.entry((spot.of.clone(), spot.field.clone())).or_default() += n;
                }
            });
            let broken: BTreeSet<(Of, String)> = fields
                .iter()
                .filter(|((of, field), _)| {
                    let texts = |spot: &Spot, text: &mut String| spot.field == *field && all(wanted, replacement, text);
                    fault(definition, agents, of, texts).is_some()
                })
                .map(|(place, _)| place.clone())
                .collect();
            for (place, n) in fields {
                if broken.contains(&place) {
                    done.n_left += n;
                } else {
                    done.n_replaced += n;
                }
            }
            each_text(definition, &mut |spot, text| {
                if !broken.contains(&(spot.of.clone(), spot.field.clone())) {
                    all(wanted, replacement, text);
                }
            })
        }
    };
    done.edit = match edits.len() {
        0 => None,
        1 => edits.into_iter().next(),
        _ => Some(Edit::Batch(edits)),
    };
    done
}

/// Replaces the one place; says whether a text was it.
fn one(wanted: &Wanted, replacement: &str, spot: &Spot, nth: usize) -> impl FnMut(&Spot, &mut String) -> bool {
    move |at, text| {
        let range = if at == spot { wanted.in_text(text).into_iter().nth(nth) } else { None };
        let is_it = range.is_some();
        if let Some(range) = range {
            text.replace_range(range, replacement);
        }
        is_it
    }
}

/// Replaces every place in a text; says whether there is any.
fn all(wanted: &Wanted, replacement: &str, text: &mut String) -> bool {
    let found = wanted.in_text(text);
    for range in found.iter().rev() {
        text.replace_range(range.clone(), replacement);
    }
    !found.is_empty()
}

/// What would be wrong with a step, or an input of the run, that is right before these texts are replaced.
fn fault(
    definition: &Definition,
    agents: &AgentCatalog,
    of: &Of,
    mut replace: impl FnMut(&Spot, &mut String) -> bool,
) -> Option<String> {
    // Alone: what it reads of others is missing before and after, so it makes no difference.
    let mut alone = Definition { inputs: definition.inputs.clone(), ..Definition::default() };
    if let Of::Step(key) = of {
        alone.steps.insert(key.clone(), definition.steps.get(key)?.clone());
    }
    let errors = |alone: &Definition| {
        let (_, problems) = workflow::validate(alone, agents);
        problems.into_iter().filter(workflow::Problem::is_error).collect::<Vec<_>>()
    };
    let before = errors(&alone);
    let mut visit = |spot: &Spot, text: &mut String| {
        replace(spot, text);
    };
    match of {
        Of::Step(key) => of_step(key, alone.steps.get_mut(key)?, &mut visit),
        Of::Input(key) => of_input(key, alone.inputs.get_mut(key)?, &mut visit),
    }
    let new = errors(&alone).into_iter().find(|problem| !before.contains(problem));
    new.map(|problem| problem.message)
}

/// What stands on both sides, in one line, cut at letters.
fn around(text: &str, range: &Range<usize>) -> (String, String) {
    let (head, tail) = (&text[..range.start], &text[range.end..]);
    let start = head.char_indices().rev().nth(AROUND - 1).map_or(0, |(at, _)| at);
    let end = tail.char_indices().nth(AROUND).map_or(tail.len(), |(at, _)| at);
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    (
        format!("{}{}", cut(start > 0), one_line(&head[start..])),
        format!("{}{}", one_line(&tail[..end]), cut(end < tail.len())),
    )
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_whitespace() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use workflow::AgentSpec;

    use super::*;
    use crate::{Document, edit::apply, find::What};

    fn agents() -> AgentCatalog {
        let agent: AgentSpec = serde_json::from_value(json!({
            "id": "writer", "version": 1, "name": "Writer", "description": "",
            "inputs": [{"name": "topic", "schema": {"type": "string", "enum": ["cats", "dogs"]}},
                       {"name": "notes", "schema": {"type": "object"}}],
            "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "template", "template": "{{ topic }}"}}))
        .unwrap();
        AgentCatalog::new([agent])
    }

    fn definition() -> Definition {
        Definition::from_value(&json!({
            "inputs": {"cats": {"title": "Cats, and more cats", "schema": {"type": "string"}, "default": "cats"}},
            "steps": {
                "a": {"agent_id": "writer", "title": "Write on Cats", "prompt": "On {{ topic }}:\n{% if topic %}cats{% endif %} concat",
                      "inputs": {"topic": {"const": "cats"}, "notes": {"const": {"cats": ["no", {"x/y": "Cats"}]}}}},
                "b": {"agent_id": "writer", "depends_on": ["a"],
                      "inputs": {"topic": {"from": "step", "step": "a", "artifact": "text"}},
                      "when": {"eq": [{"from": "run", "key": "cats"}, {"const": "cats"}]}}}}))
        .unwrap()
    }

    fn wanted(text: &str) -> Wanted {
        Wanted { text: text.to_owned(), ..Wanted::default() }
    }

    fn places(wanted: &Wanted) -> Vec<String> {
        let hits = search(&definition(), &agents(), wanted, None, 100);
        hits.shown.iter().map(|hit| format!("{} {} {}", hit.spot.field, hit.spot.pointer, hit.nth)).collect()
    }

    #[test]
    fn every_title_prompt_and_constant_is_looked_through_and_no_key() {
        assert_eq!(
            places(&wanted("cats")),
            [
                "inputs.cats.title  0",
                "inputs.cats.title  1",
                "inputs.cats.default  0",
                "title  0",
                "prompt  0",
                "inputs.notes /cats/1/x~1y 0",
                "inputs.topic  0",
                "when.eq.1  0",
            ]
        );
        assert_eq!(places(&Wanted { match_case: true, ..wanted("Cats") }).len(), 3);
        assert_eq!(places(&Wanted { whole_word: true, ..wanted("cat") }), [] as [&str; 0]);
        assert_eq!(places(&wanted("cat")).len(), 9, "and the one in a longer word");
        assert_eq!(places(&wanted("")), [] as [&str; 0]);
        let hits = search(&definition(), &agents(), &wanted("cats"), None, 1);
        assert_eq!((hits.shown.len(), hits.n_all), (1, 8));
    }

    #[test]
    fn a_hit_is_shown_with_what_is_around_it_in_one_line() {
        let hits = search(&definition(), &agents(), &wanted("endif"), None, 9);
        let [hit] = hits.shown.as_slice() else { panic!("{hits:?}") };
        assert_eq!(hit.before, "… topic }}: {% if topic %}cats{% ");
        assert_eq!((hit.found.as_str(), hit.after.as_str()), ("endif", " %} concat"));
        assert_eq!((hit.spot.what, &hit.spot.of), (What::Prompt, &Of::Step("a".into())));
    }

    #[test]
    fn what_a_replacement_would_break_is_told_and_left_out() {
        let (definition, agents) = (definition(), agents());
        let hits = search(&definition, &agents, &wanted("topic"), Some("subject"), 9);
        let faults: Vec<bool> = hits.shown.iter().map(|hit| hit.fault.is_some()).collect();
        assert_eq!(faults, [true, true], "{hits:?}");
        assert!(hits.shown[0].fault.as_deref().unwrap().contains("subject"));
        let done = replaced(&definition, &agents, &wanted("topic"), "subject", &Which::All);
        assert_eq!((done.edit, done.n_replaced, done.n_left), (None, 0, 2));

        // A constant that is one of a few, and a text where anything goes.
        let done = replaced(&definition, &agents, &Wanted { match_case: true, ..wanted("cats") }, "mice", &Which::All);
        assert_eq!((done.n_replaced, done.n_left), (4, 1), "{done:?}");
        let mut document = Document::from(definition.clone());
        apply(&mut document, &done.edit.unwrap()).unwrap();
        let text = document.definition.to_value().to_string();
        assert!(text.contains(r#""topic":{"const":"cats"}"#) && text.contains("%}mice{%"), "{text}");
    }

    #[test]
    fn one_is_replaced_if_it_is_asked_for_even_if_it_breaks() {
        let (definition, agents) = (definition(), agents());
        let hits = search(&definition, &agents, &wanted("topic"), Some("subject"), 9);
        let Hit { spot, nth, .. } = hits.shown[1].clone();
        let done = replaced(&definition, &agents, &wanted("topic"), "subject", &Which::One { spot, nth });
        assert_eq!((done.n_replaced, done.n_left), (1, 0));
        let mut document = Document::from(definition.clone());
        let inverse = apply(&mut document, &done.edit.unwrap()).unwrap();
        let prompt = document.definition.steps["a"].prompt.clone().unwrap();
        assert!(prompt.contains("{{ topic }}") && prompt.contains("{% if subject %}"), "{prompt}");
        apply(&mut document, &inverse).unwrap();
        assert_eq!(document.definition, definition);
    }

    #[test]
    fn letters_are_compared_whole() {
        for (typed, text, expected) in [
            ("STRASSE", "Straße", vec![]),
            ("i", "İi", std::iter::once(2..3).collect()),
            ("aa", "aaaaa", vec![0..2, 2..4]),
            ("É", "Café é", vec![3..5, 6..8]),
        ] {
            assert_eq!(wanted(typed).in_text(text), expected, "{typed} in {text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_after_everything_was_replaced_and_one_step_takes_it_back(
            typed in "[a-c]{1,3}", replacement in "[x-z {}%]{0,4}", match_case: bool, whole_word: bool, title in "[a-cA-C _]{0,20}",
            note in "[a-cA-C _]{0,20}",
        ) {
            let mut definition = definition();
            let step = definition.steps.get_mut("b").unwrap();
            step.title = title;
            step.default_output = Some(json!({"a": note}));
            let wanted = Wanted { text: typed, match_case, whole_word };
            let hits = search(&definition, &agents(), &wanted, None, usize::MAX);
            let done = replaced(&definition, &agents(), &wanted, &replacement, &Which::All);
            prop_assert_eq!(done.n_replaced + done.n_left, hits.n_all);
            let mut document = Document::from(definition.clone());
            if let Some(edit) = &done.edit {
                let inverse = apply(&mut document, edit).unwrap();
                // What is left at the seams of a shorter text may be found anew; letters that were not there before may not.
                let left = search(&document.definition, &agents(), &wanted, None, usize::MAX);
                prop_assert!(replacement.is_empty() || left.n_all == done.n_left || whole_word, "{:?}", left);
                let (_, before) = workflow::validate(&definition, &agents());
                let (_, after) = workflow::validate(&document.definition, &agents());
                prop_assert!(after.iter().filter(|problem| problem.is_error()).all(|problem| before.contains(problem)));
                apply(&mut document, &inverse).unwrap();
            }
            prop_assert_eq!(document.definition, definition);
        }
    }
}
