//! "Nothing waits for ever": once nothing goes wrong and nobody does anything, every run is soon over, held, or waits for somebody outside.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::sleep;
use workflow::run::{
    State,
    state::{Admission, Status, Step, Wait, Work},
};

use super::world::World;
use crate::memory::Stored;

/// While nothing goes wrong.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
const AN_HOUR: Duration = Duration::from_hours(1);

pub(crate) async fn until_nothing_moves(world: &World) {
    let begun = tokio::time::Instant::now();
    loop {
        sleep(Duration::from_secs(5)).await;
        let now = world.memory.now();
        let moving = world.memory.with(|stored, checks| {
            if !checks.violations.is_empty() {
                return None;
            }
            moves(stored, now).or_else(|| world.unanswered(ANSWERED_WITHIN)).or_else(|| world.left())
        });
        let Some(what) = moving else { return };
        if begun.elapsed() > AN_HOUR {
            world.memory.with(|_, checks| checks.violated(format!("after an hour {what}")));
            return;
        }
    }
}

/// Something that has yet to happen by itself.
fn moves(stored: &Stored, now: DateTime<Utc>) -> Option<String> {
    if let Some(key) = stored.inbox.keys().next() {
        return Some(format!("run {} did not answer {}", key.to, key.from));
    }
    stored.runs.iter().filter(|(_, row)| !row.state.run.status.is_terminal()).find_map(|(run, row)| {
        let state = &row.state;
        if state.run.deadline_at.is_some() {
            return Some(format!("run {run} is not over, and {} s past its deadline", now.timestamp()));
        }
        let step = state.steps().find(|step| has_to_move(stored, state, step))?;
        Some(format!("run {run}: {} is {:?}", step.key, step.status))
    })
}

fn has_to_move(stored: &Stored, state: &State, step: &Step) -> bool {
    match &step.status {
        Status::Ready { admission } => matches!(admission, Admission::Claimable | Admission::Reserving),
        Status::Running(Work::Attempt { .. }) => true,
        Status::Running(Work::Child {}) => {
            let child = step.child_run.and_then(|child| stored.runs.get(&child));
            child.is_none_or(|child| child.state.run.status.is_terminal())
        }
        Status::Running(Work::Suspended { wait }) => match wait {
            Wait::Until { .. } => true,
            Wait::Over { admission } => *admission == Admission::Claimable && state.run.held.is_none(),
            Wait::Callback { .. } | Wait::Person {} => false,
        },
        Status::AwaitingReview { review } => review.due_at.is_some(),
        status => status.needs_decision(),
    }
}
