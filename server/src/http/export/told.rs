//! What people decided about the steps of a run, as its events tell it, in words.
//! It is words of people: whoever writes it into a page has to escape it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use workflow::{
    StepKey,
    api::EventView,
    run::{event::EventKind, state::Verdict},
    words::shortened,
};

/// Of one step; a gate that went round more often tells of the first.
const MOST: usize = 50;
/// Characters of what somebody asked for.
const TEXT: usize = 4_000;

#[derive(Default)]
pub(super) struct Told(BTreeMap<StepKey, Vec<Decision>>);

pub(super) struct Decision {
    pub(super) at: DateTime<Utc>,
    pub(super) what: String,
    /// What they asked for.
    pub(super) text: Option<String>,
}

impl Told {
    pub(super) fn of(&self, step: &StepKey) -> &[Decision] {
        self.0.get(step).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, event: &EventView) {
        for end in &event.data.reviews {
            let by = |emails: &[String]| {
                let with = |email: &String| match end.approved_for.get(email) {
                    Some(of) => format!("{email} in the place of {of}"),
                    None => email.clone(),
                };
                emails.iter().map(with).collect::<Vec<_>>().join(", ")
            };
            let what = match end.verdict {
                Verdict::Approved if !end.approvals.is_empty() => format!("Approved by {}", by(&end.approvals)),
                Verdict::Approved => by_words("Approved", end.by.as_deref()),
                Verdict::Released => "Went on when auto-run was switched on".to_owned(),
                Verdict::TimedOut => "Nobody decided in time".to_owned(),
                // The rejection itself says more, and the others decide nothing about what was made.
                Verdict::Rejected | Verdict::Cancelled | Verdict::Superseded => continue,
            };
            self.note(&end.step, Decision { at: event.at, what, text: None });
        }
        for rejection in &event.data.rejections {
            let what = format!("Rejected by {}, round {}", rejection.by, rejection.round);
            let text = Some(shortened(&rejection.text, TEXT).into_owned());
            self.note(&rejection.step, Decision { at: event.at, what, text });
        }
        let verb = match event.kind {
            EventKind::StepEdited => "Edited",
            EventKind::StepSkipped => "Skipped",
            EventKind::StepSupplied => "Supplied",
            EventKind::StepStopped => "Stopped",
            _ => return,
        };
        if let (Some(step), Some(actor)) = (&event.data.step, &event.actor) {
            self.note(step, Decision { at: event.at, what: format!("{verb} by {}", actor.email), text: None });
        }
    }

    fn note(&mut self, step: &StepKey, decision: Decision) {
        let of_step = self.0.entry(step.clone()).or_default();
        if of_step.len() < MOST {
            of_step.push(decision);
        }
    }
}

fn by_words(verb: &str, who: Option<&str>) -> String {
    who.map_or_else(|| verb.to_owned(), |who| format!("{verb} by {who}"))
}
