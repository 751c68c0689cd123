//! The gate that a step waits at: who may decide and who has, until when, and how often its result was sent back.

use leptos::prelude::*;

use super::one_step::OneStep;
use crate::reactive::memo;
use crate::{
    components::{Avatar, RelativeTime, Size},
    words,
};

/// Who may decide at the gate, who has, and until when.
#[component]
pub(super) fn GateFacts(one: OneStep) -> impl IntoView {
    let review = memo(move || one.step.with(|step| step.as_ref().and_then(|step| step.review.clone())));
    let facts = move || {
        let review = review.get()?;
        let mut who: Vec<String> = review.users.clone();
        who.extend(review.groups.iter().map(|group| format!("group {}", one.live.group_name(group))));
        who.extend(review.roles.iter().map(|role| if role == "admin" { "admins" } else { "all users" }.to_owned()));
        let rounds = Rounds::of(one);
        // The usual gate needs no words.
        let is_usual =
            who.is_empty() && review.quorum <= 1 && review.due_at.is_none() && review.allow_self && rounds.used == 0;
        if is_usual {
            return None;
        }
        let asked = if who.is_empty() { "The run's owner and admins".to_owned() } else { words::list(&who, 4) };
        let n_votes = review.approvals.len();
        let votes = (review.quorum > 1).then(|| {
            let names: Vec<AnyView> = review
                .approvals
                .iter()
                .map(|email| {
                    view! { <span class="row"><Avatar name=email.clone() size=Size::Sm/> {email.clone()}</span> }
                        .into_any()
                })
                .collect();
            view! {
                <div><dt>"Approvals"</dt><dd>{format!("{n_votes} of {}", review.quorum)} {names}</dd></div>
            }
        });
        let due = review.due_at.map(|at| {
            let then = one.definition(|step| step.review.on_timeout.as_str());
            let then = if then == "approve" { "then it is approved by itself" } else { "then it fails" };
            view! { <div><dt>"Due"</dt><dd><RelativeTime at/> ", " {then}</dd></div> }
        });
        let round = (rounds.used > 0).then(|| view! { <div><dt>"Sent back"</dt><dd>{rounds.words()}</dd></div> });
        let own = (!review.allow_self)
            .then(|| view! { <div><dt>"Not by"</dt><dd>"who started the run or wrote this version"</dd></div> });
        Some(view! {
            <dl class="facts gate-facts">
                <div><dt>"May decide"</dt><dd>{asked}</dd></div>
                {votes} {due} {round} {own}
            </dl>
        })
    };
    view! { {facts} }
}

/// How often a result was sent back at its gate, and how often it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rounds {
    pub used: i32,
    pub most: i32,
}

impl Rounds {
    pub(super) fn of(one: OneStep) -> Self {
        let used = one.read(|step| step.feedback.as_ref().map_or(0, |feedback| feedback.round));
        let most = one.definition(|step| step.review.max_rounds);
        Self { used, most: i32::try_from(most).unwrap_or(i32::MAX) }
    }

    /// One more rejection fails the step.
    pub(super) fn are_used_up(self) -> bool {
        self.used >= self.most
    }

    /// "Sent back 2 of 3 times".
    pub(super) fn words(self) -> String {
        format!("{} of {}", self.used.min(self.most), words::count(self.most, "time"))
    }

    /// What a rejection does now.
    pub(super) fn description(self) -> &'static str {
        if self.are_used_up() {
            "What it wrote stays as a version. The step fails, and keeps your feedback for whoever goes on with it."
        } else {
            "What it wrote stays as a version. The step begins again with your feedback."
        }
    }

    /// The last rejection is none that asks for changes.
    pub(super) fn feedback_title(self, by: &str) -> String {
        if self.used > self.most {
            format!("{by} rejected it, and no round was left")
        } else {
            format!("{by} asked for changes, round {}", self.used)
        }
    }

    pub(super) fn help(self) -> String {
        match (self.are_used_up(), self.most) {
            (true, 0) => "There is no other round".to_owned(),
            (true, 1) => "The one round is used up".to_owned(),
            (true, most) => format!("All {most} rounds are used up"),
            (false, most) => {
                format!(
                    "Round {} of {most}. The agent does it again and sees this beside what it wrote.",
                    self.used + 1
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rounds;

    #[test]
    fn no_round_is_counted_beyond_the_last() {
        let rounds = |used| Rounds { used, most: 3 };
        assert_eq!(
            [0, 1, 3, 4].map(|used| rounds(used).words()),
            ["0 of 3 times", "1 of 3 times", "3 of 3 times", "3 of 3 times"]
        );
        assert!(rounds(2).help().starts_with("Round 3 of 3."));
        assert_eq!(Rounds { used: 1, most: 1 }.words(), "1 of 1 time");
        assert_eq!(
            [0, 1].map(|most| Rounds { used: 1, most }.help()),
            ["There is no other round", "The one round is used up"]
        );
        for used in [3, 4] {
            assert_eq!(rounds(used).help(), "All 3 rounds are used up");
        }
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
