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
    /// The list, where it is about items of one list and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items_of: Option<StepKey>,
    /// The versions that it made, approved or went back to, as "text v2"; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
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
        let items_of = items_of(data.step.iter().chain(steps.iter().copied()));
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
            items_of,
            versions: versions_of(event),
            said: data.rejections.first().map(|rejection| rejection.text.clone()),
            begins_a_run: data.steps.iter().any(|step| step.child_run.is_some()),
            auto_run: data.run.as_ref().map(|run| run.auto_run),
        }
    }
}

/// The list that all of these are items of.
fn items_of<'k>(steps: impl Iterator<Item = &'k StepKey>) -> Option<StepKey> {
    let mut lists = steps.map(|key| {
        let (of, item) = key.split();
        item.is_some().then_some(of)
    });
    let first = lists.next()??;
    lists.all(|of| of.as_ref() == Some(&first)).then_some(first)
}

fn versions_of(event: &EventView) -> Vec<String> {
    let is_told = matches!(
        event.kind,
        EventKind::StepCompleted
            | EventKind::StepAwaitingReview
            | EventKind::StepApproved
            | EventKind::StepEdited
            | EventKind::StepSupplied
            | EventKind::ArtifactRolledBack
    );
    let of_step = |key: &StepKey| is_told && event.data.step.as_ref() == Some(key);
    let latest = event.data.artifacts.iter().filter(|made| made.is_latest && of_step(&made.producing_step_id));
    latest.take(NAMED).map(|made| format!("{} v{}", made.name, made.version)).collect()
}

#[cfg(test)]
mod tests {
    use workflow::StepKey;

    use super::items_of;

    #[test]
    fn an_event_is_about_items_where_all_of_its_steps_are_of_one_list() {
        let of = |keys: &[&str]| {
            let keys: Vec<StepKey> = keys.iter().map(|key| StepKey::new(*key)).collect();
            items_of(keys.iter())
        };
        assert_eq!(of(&["each[1]", "each[2]"]), Some(StepKey::new("each")));
        assert_eq!(
            [of(&["each[1]", "other[2]"]), of(&["each[1]", "each"]), of(&["each"]), of(&[])],
            [None, None, None, None]
        );
    }
}
