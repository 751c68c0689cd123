//! How often a result was sent back at its gate, how often it may be, and what one more rejection does, in words.

use workflow::definition::OnReviewTimeout;

use crate::words;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pages) struct Rounds {
    pub used: i32,
    pub most: i32,
}

impl Rounds {
    /// One more rejection fails the step.
    pub(in crate::pages) fn are_used_up(self) -> bool {
        self.used >= self.most
    }

    /// "Sent back 2 of 3 times".
    pub(in crate::pages) fn words(self) -> String {
        format!("{} of {}", self.used.min(self.most), words::count(self.most, "time"))
    }

    /// What a rejection does now.
    pub(in crate::pages) fn description(self) -> &'static str {
        if self.are_used_up() {
            "What it wrote stays as a version. The step fails, and keeps your feedback for whoever goes on with it."
        } else {
            "What it wrote stays as a version. The step begins again, and your feedback is kept with it."
        }
    }

    /// The last rejection is none that asks for changes.
    pub(in crate::pages) fn feedback_title(self, by: &str) -> String {
        if self.used > self.most {
            format!("{by} rejected it, and no round was left")
        } else {
            format!("{by} asked for changes, round {}", self.used)
        }
    }

    /// `kind` is that of the step's agent; empty where it is not known.
    pub(in crate::pages) fn help(self, kind: &str) -> String {
        match (self.are_used_up(), self.most) {
            (true, 0) => "There is no other round".to_owned(),
            (true, 1) => "The one round is used up".to_owned(),
            (true, most) => format!("All {most} rounds are used up"),
            (false, most) => {
                format!("Round {} of {most}. {}", self.used + 1, who_reads(kind))
            }
        }
    }
}

/// Who reads what is written at a rejection: not every agent does. `kind` is empty where it is not known, or there are several.
pub(in crate::pages) fn who_reads(kind: &str) -> &'static str {
    match kind {
        "llm" => "The model does it again and sees this beside what it wrote.",
        "worker" => "Its worker does it again and is given this: whether it reads it is up to its program.",
        "human" => "Whoever answers again sees this.",
        "template" | "http" => {
            "It is done again, and comes out the same unless the agent's own text uses {{ feedback }}: if it does not, edit the result instead."
        }
        "workflow" => "The workflow in it runs again and does not see this: it is for people to read.",
        _ => "It is done again, and an agent that reads feedback sees this beside what it wrote.",
    }
}

/// What happens when nobody decides in time, behind the deadline.
pub(in crate::pages) fn then_words(then: OnReviewTimeout) -> &'static str {
    match then {
        OnReviewTimeout::Approve => "then it is approved by itself",
        OnReviewTimeout::Fail => "then it fails",
    }
}

#[cfg(test)]
mod tests {
    use super::{Rounds, who_reads};

    #[test]
    fn no_round_is_counted_beyond_the_last() {
        let rounds = |used| Rounds { used, most: 3 };
        assert_eq!(
            [0, 1, 3, 4].map(|used| rounds(used).words()),
            ["0 of 3 times", "1 of 3 times", "3 of 3 times", "3 of 3 times"]
        );
        assert!(rounds(2).help("llm").starts_with("Round 3 of 3."));
        assert_eq!(Rounds { used: 1, most: 1 }.words(), "1 of 1 time");
        assert_eq!(
            [0, 1].map(|most| Rounds { used: 1, most }.help("llm")),
            ["There is no other round", "The one round is used up"]
        );
        for used in [3, 4] {
            assert_eq!(rounds(used).help(""), "All 3 rounds are used up");
        }
    }

    #[test]
    fn nobody_is_told_that_an_agent_reads_what_it_ignores() {
        for kind in ["template", "http", "workflow"] {
            assert!(!who_reads(kind).contains("beside what it wrote"), "{kind}");
        }
        assert!(who_reads("llm").contains("sees this beside what it wrote"));
        assert!(who_reads("").contains("an agent that reads feedback"), "in the inbox the kind is not known");
    }

    #[test]
    fn the_last_round_does_not_promise_another() {
        let rounds = |used| Rounds { used, most: 3 };
        assert!(rounds(2).description().contains("begins again"));
        assert!(rounds(3).description().contains("fails, and keeps your feedback"));
        assert_eq!(rounds(3).feedback_title("ada"), "ada asked for changes, round 3");
        assert_eq!(rounds(4).feedback_title("ada"), "ada rejected it, and no round was left");
    }
}
