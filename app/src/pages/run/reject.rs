//! Send a result back with words about what to do better. The agent sees them beside what it wrote.

use leptos::prelude::*;
use workflow::api::RejectStep;

use super::{
    one_step::{Ask, OneStep, Sender},
    restored::Restored,
    seen::{Overtaken, Seen},
    step_panel::VerbError,
};
use crate::components::{Banner, Button, Dialog, Field, Kind, TextArea, Variant};
use crate::{reactive::effect, words};

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
    fn are_used_up(self) -> bool {
        self.used >= self.most
    }

    /// "Sent back 2 of 3 times".
    pub(super) fn words(self) -> String {
        format!("{} of {}", self.used.min(self.most), words::count(self.most, "time"))
    }

    /// What a rejection does now.
    fn description(self) -> &'static str {
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

    fn help(self) -> String {
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

#[component]
pub(super) fn RejectDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let text = one.draft("reject");
    let sender = Sender::new(one, move || {
        open.set(false);
        text.set(String::new());
    });
    let fault = RwSignal::new(None::<String>);
    let seen = Seen::versions(one, open, sender);
    effect(move || {
        if open.get() {
            seen.look();
            sender.clear();
            fault.set(None);
        }
    });
    effect(move || {
        text.track();
        fault.set(None);
    });
    let is_last = move || Rounds::of(one).are_used_up();
    let help = Signal::derive(move || Rounds::of(one).help());
    let send = move || {
        let feedback = text.with_untracked(|text| text.trim().to_owned());
        if feedback.is_empty() {
            fault.set(Some("Write what should be different".to_owned()));
            return;
        }
        sender.send(Ask::Reject(RejectStep {
            feedback,
            content_hash: seen.digest(),
            expect_generation: seen.generation(),
        }));
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="undo-2"
                loading=sender.pending()
                disabled=seen.is_overtaken
                on_click=move |()| send()
            >
                "Reject"
            </Button>
        }
    };
    view! {
        <Dialog
            id="reject"
            open
            title=Signal::derive(move || format!("Reject “{}”", one.title()))
            description=Signal::derive(move || Rounds::of(one).description().to_owned())
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=sender.error/>
                <Restored one form="reject"/>
                <Overtaken
                    seen
                    text="You would reject something that you have not seen. Close this, read what is there now, then open it again: what you typed stays."
                />
                <Show when=is_last>
                    <Banner kind=Kind::Warn>"One more rejection fails the step. You can retry it or supply the output after that."</Banner>
                </Show>
                <Field id="reject-feedback" label="What should be different?" help error=fault>
                    <TextArea value=text rows=5/>
                </Field>
            </div>
        </Dialog>
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
