//! An event as the timeline tells it: few words, for events that are read and for those that the feed brings.
//! Must stay small: a page of it is read with hundreds, and an event may be about thousands of steps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use workflow::{
    StepKey,
    api::EventView,
    run::{event::EventKind, state::Verdict},
};

/// Steps that are named before "and N more".
pub const NAMED: usize = 3;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Told {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
    /// The email of whoever asked for it.
    pub by: Option<String>,
    /// The email of who was away, in whose place they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<String>,
    /// The one step that it is about.
    pub step: Option<StepKey>,
    /// The steps that it is about where these are several, the first of them by name.
    pub n_steps: usize,
    pub steps: Vec<StepKey>,
    /// What was said with a rejection.
    pub said: Option<String>,
    /// It began the run of a sub-workflow.
    pub begins_a_run: bool,
    /// Whether auto-run is on now.
    pub auto_run: Option<bool>,
}

impl Told {
    pub fn of(event: &EventView) -> Self {
        let data = &event.data;
        let mut steps: Vec<&StepKey> = match event.kind {
            // The gates that opened by themselves.
            EventKind::AutoRunChanged => {
                data.reviews.iter().filter(|gate| gate.verdict == Verdict::Released).map(|gate| &gate.step).collect()
            }
            EventKind::StepsStarted | EventKind::StepsAdmitted | EventKind::StepsUnreserved | EventKind::Continued => {
                data.steps.iter().map(|step| &step.key).collect()
            }
            _ => Vec::new(),
        };
        let n_steps = steps.len();
        let one = if event.kind != EventKind::AutoRunChanged && n_steps == 1 { steps.pop() } else { None };
        Self {
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            by: event.actor.as_ref().map(|actor| actor.email.clone()),
            acted_for: event.acted_for.clone(),
            step: data.step.as_ref().or(one).cloned(),
            n_steps,
            steps: steps.into_iter().take(NAMED).cloned().collect(),
            said: data.rejections.first().map(|rejection| rejection.text.clone()),
            begins_a_run: data.steps.iter().any(|step| step.child_run.is_some()),
            auto_run: data.run.as_ref().map(|run| run.auto_run),
        }
    }
}
