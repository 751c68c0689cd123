//! What is written when a result is sent back: a text, and the usual reasons as chips that put their sentence into it.
//! Must never take away what somebody wrote: a chip that is pressed again takes out its own sentence alone.

use leptos::prelude::*;

use super::rounds::{Rounds, who_reads};
use crate::{
    components::{Banner, Field, Kind, TextArea},
    reactive::{effect, memo},
};

/// A usual reason: what its chip says, and the sentence that the agent reads.
struct Reason {
    label: &'static str,
    sentence: &'static str,
}

static REASONS: [Reason; 6] = [
    Reason { label: "Too long", sentence: "This is too long: shorten it." },
    Reason { label: "Too short", sentence: "This is too short: say more." },
    Reason { label: "Facts are wrong", sentence: "Some facts are wrong: check each against the sources." },
    Reason { label: "Wrong tone", sentence: "The tone is wrong for those who will read this." },
    Reason { label: "Sources missing", sentence: "Say for each claim where it comes from." },
    Reason { label: "Does not answer the question", sentence: "This does not answer what was asked: begin with that." },
];

/// The text with the sentence at its end, or without it where it was in there already.
fn toggled(text: &str, sentence: &str) -> String {
    match text.split_once(sentence) {
        Some((before, after)) => match (before.trim_end(), after.trim_start()) {
            ("", rest) | (rest, "") => rest.to_owned(),
            (before, after) => format!("{before} {after}"),
        },
        None => match text.trim_end() {
            "" => sentence.to_owned(),
            text => format!("{text} {sentence}"),
        },
    }
}

#[component]
fn Chips(text: RwSignal<String>) -> impl IntoView {
    let chip = |reason: &'static Reason| {
        let is_in = memo(move || text.with(|text| text.contains(reason.sentence)));
        view! {
            <button
                class="btn chip"
                type="button"
                data-size="sm"
                data-variant="default"
                aria-pressed=move || if is_in.get() { "true" } else { "false" }
                on:click=move |_| text.update(|text| *text = toggled(text, reason.sentence))
            >
                {reason.label}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="chips" role="group" aria-label="Usual reasons">
            {REASONS.iter().map(chip).collect_view()}
        </div>
    }
}

/// The fields of a rejection. `fault` is shown under the text, and goes with the next change.
#[component]
pub(in crate::pages) fn RejectFields(
    /// Of the text.
    id: &'static str,
    text: RwSignal<String>,
    fault: RwSignal<Option<String>>,
    /// Of the one gate; absent where several are sent back at once.
    #[prop(optional, into)]
    rounds: Signal<Option<Rounds>>,
    /// Of the one step's agent, where it is known.
    #[prop(optional, into)]
    kind: Signal<String>,
) -> impl IntoView {
    effect(move || {
        text.track();
        fault.set(None);
    });
    let is_last = move || rounds.get().is_some_and(Rounds::are_used_up);
    let help = Signal::derive(move || {
        kind.with(|kind| rounds.get().map_or_else(|| who_reads(kind).to_owned(), |rounds| rounds.help(kind)))
    });
    view! {
        <Show when=is_last>
            <Banner kind=Kind::Warn>"One more rejection fails the step. You can retry it or enter the result yourself after that."</Banner>
        </Show>
        <Chips text/>
        <Field id label="What should be different?" help error=fault>
            <TextArea value=text rows=5/>
        </Field>
    }
}

/// What is sent, or none: the fault is said then.
pub(in crate::pages) fn read_reason(text: RwSignal<String>, fault: RwSignal<Option<String>>) -> Option<String> {
    let reason = text.with_untracked(|text| text.trim().to_owned());
    if reason.is_empty() {
        fault.set(Some("Write what should be different".to_owned()));
        return None;
    }
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_adds_its_sentence_and_takes_it_out_again() {
        let sentence = REASONS[0].sentence;
        assert_eq!(toggled("", sentence), sentence);
        let both = toggled("The second paragraph.\n", sentence);
        assert_eq!(both, format!("The second paragraph. {sentence}"));
        assert_eq!(toggled(&both, sentence), "The second paragraph.");
        assert_eq!(toggled(&format!("Before. {sentence} After."), sentence), "Before. After.");
        assert_eq!(toggled(sentence, sentence), "");
    }

    #[test]
    fn no_reason_is_a_part_of_another() {
        for (n, one) in REASONS.iter().enumerate() {
            let mut others = REASONS.iter().enumerate().filter(|(other, _)| *other != n);
            assert!(others.all(|(_, other)| !other.sentence.contains(one.sentence)), "{}", one.label);
        }
    }
}
