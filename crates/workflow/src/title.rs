//! What a run is called: people know runs by what they are about, not by their ids. Lists, the head of its page and the tab say the same.
//! Must never hold a whole input that is long: reading the inputs for every list would read megabytes. Nor one that is secret: a title
//! stands in lists, tabs and messages, and is searched.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    definition::Definition,
    view::RunView,
    words::{is_direction, shortened},
};

/// Inputs that it tells of.
const INPUTS: usize = 4;
/// Of one of them, before the sign that there was more.
const CHARS: usize = 79;
/// So much of an input is looked at.
const LOOKED_AT: usize = 400;
/// Of a title where it stands beside other words, as in a tab, before that sign.
const BESIDE: usize = 59;

/// What a run is about, in a line: the beginnings of what it was started on. Runs of one workflow look alike without it.
pub fn about(inputs: &BTreeMap<String, Value>, of: &Definition) -> Option<String> {
    let is_secret = |key: &String| of.inputs.get(key).is_some_and(|input| input.schema.holds_secret());
    let told = inputs.iter().filter(|(key, _)| !is_secret(key)).map(|(_, value)| value);
    let texts = told.filter_map(|value| match value {
        Value::String(text) => Some(text.chars().take(LOOKED_AT).collect::<String>()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let lines = texts.take(INPUTS).map(|text| line(&text)).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(" · "))
}

/// What the run is called wherever one run is shown: as somebody called it, else what it is about, and its workflow where it was started on
/// nothing that tells.
pub fn title_of(run: &RunView, called: Option<&str>) -> String {
    own_title(run, called).unwrap_or_else(|| run.template_name.clone())
}

/// The title with the name of the workflow, for a tab among others.
pub fn with_workflow(run: &RunView, called: Option<&str>) -> String {
    let name = &run.template_name;
    own_title(run, called).map_or_else(|| name.clone(), |title| format!("{} · {name}", shortened(&title, BESIDE)))
}

/// What it is called apart from its workflow.
fn own_title(run: &RunView, called: Option<&str>) -> Option<String> {
    called.and_then(plain).or_else(|| own(&run.inputs, &run.run_definition))
}

fn own(inputs: &BTreeMap<String, Value>, of: &Definition) -> Option<String> {
    plain(&about(inputs, of)?)
}

/// Signs of direction are left out: in a tab they would turn around what stands behind them. None where nothing is left.
fn plain(title: &str) -> Option<String> {
    let title: String = title.chars().filter(|c| !is_direction(*c)).collect();
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

/// In one line, without what a line cannot show.
fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    shortened(&words.collect::<Vec<_>>().join(" "), CHARS).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn inputs(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn it_is_the_beginnings_of_the_first_texts_and_numbers() {
        let of = |value: Value| about(&inputs(value), &Definition::default());
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({"a": " \n ", "b": [1]})), None);
        assert_eq!(of(json!({"b": "two\n\twords", "a": 1.5})).as_deref(), Some("1.5 · two words"));
        let five = json!({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"});
        assert_eq!(of(five).as_deref(), Some("1 · 2 · 3 · 4"));
        let long = of(json!({"a": "é".repeat(500)})).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (80, true));
    }

    #[test]
    fn a_title_turns_nothing_behind_it_and_is_never_blank() {
        let own = |text: &str| own(&inputs(json!({ "a": text })), &Definition::default());
        assert_eq!(own("evil\u{202E}txt.exe").as_deref(), Some("eviltxt.exe"));
        assert_eq!(own("\u{202E} \u{2066}\u{61C}"), None);
        assert_eq!(own("<b>שלום</b> 🧵").as_deref(), Some("<b>שלום</b> 🧵"), "text is text");
    }

    #[test]
    fn what_somebody_called_it_goes_before_what_it_is_about() {
        let mut run = testing::run(&json!({"a": {"agent_id": "x"}}));
        run.template_name = "Reports".to_owned();
        assert_eq!(title_of(&run, None), "Reports");
        run.inputs = inputs(json!({"topic": "rain"}));
        assert_eq!((title_of(&run, None).as_str(), with_workflow(&run, None).as_str()), ("rain", "rain · Reports"));
        let called = Some(" evil\u{202E}May ");
        assert_eq!(title_of(&run, called), "evilMay");
        assert_eq!(with_workflow(&run, called), "evilMay · Reports");
        assert_eq!(title_of(&run, Some("\u{202E} ")), "rain", "nothing of it is left");
    }

    #[test]
    fn a_secret_is_in_no_title() {
        let of: Definition = serde_json::from_value(json!({"steps": {}, "inputs": {
            "a": {"schema": {"type": "string", "format": "password"}},
            "b": {"schema": {"type": "string", "format": "secret"}},
            "c": {"schema": {"type": "string"}}
        }}))
        .unwrap();
        let given = inputs(json!({"a": "hunter2", "b": "t0ken", "c": "rain", "d": "of another version"}));
        assert_eq!(about(&given, &of).as_deref(), Some("rain · of another version"));
        let mut run = testing::run(&json!({"a": {"agent_id": "x"}}));
        run.template_name = "Reports".to_owned();
        run.inputs = inputs(json!({"a": "hunter2"}));
        run.run_definition = std::sync::Arc::new(of);
        assert_eq!(title_of(&run, None), "Reports");
    }

    #[test]
    fn beside_other_words_it_is_shorter() {
        assert_eq!(shortened("short", BESIDE), "short");
        let words = "word ".repeat(40);
        let long = shortened(&words, BESIDE);
        assert!(long.chars().count() <= BESIDE + 1 && long.ends_with('…'), "{long}");
    }
}
