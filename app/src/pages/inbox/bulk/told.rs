//! What one decision about many did: how many are decided, and which were left and why, by name.

use workflow::api::{Decision, GateAnswer, GateOutcome, InboxItem};

use crate::words;

/// A row that was not decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Left {
    pub name: String,
    pub why: String,
}

/// Whether it still waits for this person, and so stays ticked.
pub(super) fn stays(outcome: GateOutcome) -> bool {
    matches!(outcome, GateOutcome::Changed | GateOutcome::Refused)
}

/// "10 approved, 1 changed meanwhile, 1 was decided by somebody".
pub(super) fn said(decision: Decision, answers: &[GateAnswer]) -> String {
    let n = |outcome: GateOutcome| answers.iter().filter(|answer| answer.outcome == outcome).count();
    let done = match decision {
        Decision::Approve => "approved",
        Decision::Reject => "sent back",
    };
    let verb = |n: usize| if n == 1 { "was" } else { "were" };
    let parts: Vec<String> = [
        (GateOutcome::Done, done.to_owned()),
        (GateOutcome::Counted, "approved by you, and more approvals are wanted".to_owned()),
        (GateOutcome::Changed, "changed meanwhile".to_owned()),
        (GateOutcome::Gone, format!("{} decided by somebody", verb(n(GateOutcome::Gone)))),
        (GateOutcome::Refused, format!("{} refused", verb(n(GateOutcome::Refused)))),
    ]
    .into_iter()
    .filter(|(outcome, _)| n(*outcome) > 0)
    .map(|(outcome, what)| format!("{} {what}", words::thousands(i64::try_from(n(outcome)).unwrap_or(i64::MAX))))
    .collect();
    parts.join(", ")
}

/// Those that were left, in the order of the list.
pub(super) fn left(items: &[InboxItem], answers: &[GateAnswer]) -> Vec<Left> {
    let is_left = |outcome: GateOutcome| stays(outcome) || outcome == GateOutcome::Gone;
    items
        .iter()
        .filter_map(|item| {
            let is_of = |answer: &&GateAnswer| answer.run_id == item.run_id && answer.step == item.step;
            let answer = answers.iter().find(is_of).filter(|answer| is_left(answer.outcome))?;
            let why = answer.message.clone().unwrap_or_else(|| {
                let why = match answer.outcome {
                    GateOutcome::Changed => "It changed after it was shown.",
                    GateOutcome::Gone => "Somebody decided before.",
                    _ => "It was not decided.",
                };
                why.to_owned()
            });
            Some(Left { name: name_of(item), why })
        })
        .collect()
}

/// What tells it from the other rows.
fn name_of(item: &InboxItem) -> String {
    let list = item.step.split().1.map(|name| format!(" › {name}")).unwrap_or_default();
    let about =
        item.about.as_ref().map(|about| format!(" ({})", workflow::words::shortened(about, 60))).unwrap_or_default();
    format!("{} › {}{list}{about}", item.template_name, item.title)
}

/// "10 of “Blog post”, 2 of “Contract”".
pub(super) fn by_workflow(items: &[InboxItem]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for item in items {
        match counts.iter_mut().find(|(name, _)| *name == item.template_name) {
            Some((_, n)) => *n += 1,
            None => counts.push((item.template_name.as_str(), 1)),
        }
    }
    let named: Vec<String> = counts.into_iter().map(|(name, n)| format!("{} of “{name}”", words::number(n))).collect();
    words::list(&named, 6)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(workflow: &str, step: &str) -> InboxItem {
        serde_json::from_value(json!({
            "run_id": uuid::Uuid::nil(), "step": step, "title": "Draft", "template_id": uuid::Uuid::nil(),
            "template_name": workflow, "about": "rain", "owner": "a@b.c", "generation": 1, "number": 1, "is_form": false,
            "round": 0, "max_rounds": 3, "opened_at": "2026-01-01T00:00:00Z", "due_at": null, "on_timeout": "fail",
            "quorum": 1, "votes": [], "n_asked": null, "groups": []
        }))
        .unwrap()
    }

    fn answer(step: &str, outcome: GateOutcome) -> GateAnswer {
        serde_json::from_value(json!({
            "run_id": uuid::Uuid::nil(), "step": step, "outcome": serde_json::to_value(outcome).unwrap()
        }))
        .unwrap()
    }

    #[test]
    fn it_is_said_how_many_are_decided_and_what_became_of_the_rest() {
        let answers = [
            answer("a", GateOutcome::Done),
            answer("b", GateOutcome::Done),
            answer("c", GateOutcome::Changed),
            answer("d", GateOutcome::Gone),
        ];
        assert_eq!(said(Decision::Approve, &answers), "2 approved, 1 changed meanwhile, 1 was decided by somebody");
        assert_eq!(said(Decision::Reject, &answers[..1]), "1 sent back");
        let others = ["a", "b"].map(|step| answer(step, GateOutcome::Gone));
        assert_eq!(said(Decision::Approve, &others), "2 were decided by somebody");
    }

    #[test]
    fn those_that_were_left_are_named() {
        let items = [item("Post", "write[one]"), item("Post", "write[two]"), item("Post", "draft")];
        let answers = [
            answer("draft", GateOutcome::Gone),
            answer("write[two]", GateOutcome::Changed),
            answer("write[one]", GateOutcome::Done),
        ];
        let left = left(&items, &answers);
        let names: Vec<&str> = left.iter().map(|left| left.name.as_str()).collect();
        assert_eq!(names, ["Post › Draft › two (rain)", "Post › Draft (rain)"]);
        assert_eq!(left[0].why, "It changed after it was shown.");
        assert!(stays(GateOutcome::Changed) && !stays(GateOutcome::Gone));
    }

    #[test]
    fn the_question_says_how_many_of_which_workflows() {
        let items = [item("Post", "a"), item("Contract", "b"), item("Post", "c")];
        assert_eq!(by_workflow(&items), "2 of “Post” and 1 of “Contract”");
    }
}
