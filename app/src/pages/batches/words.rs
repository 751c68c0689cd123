//! What batches say to people.

use workflow::{
    api::{BatchRowState, BatchState, BatchView},
    words::count,
};

use crate::{components::Tone, words::number};

/// The state of a batch. One that waits for a quota says so beside it.
pub(super) fn state(batch: &BatchView) -> (Tone, &'static str) {
    match batch.state {
        BatchState::Running if batch.reason.is_some() => (Tone::Warn, "Waits"),
        BatchState::Running => (Tone::Accent, "Starting"),
        BatchState::Paused => (Tone::Neutral, "Paused"),
        BatchState::Stopped => (Tone::Error, "Stopped"),
        BatchState::Cancelled => (Tone::Neutral, "Cancelled"),
        BatchState::Done => (Tone::Success, "All started"),
    }
}

/// "3 of 10 rows started, 1 refused, 2 finished".
pub(super) fn progress(batch: &BatchView) -> String {
    let started = format!("{} of {} started", number(batch.n_started), count(batch.n_rows, "row"));
    let refused = (batch.n_refused > 0).then(|| format!("{} refused", number(batch.n_refused)));
    let finished = (batch.n_started > 0).then(|| format!("{} finished", number(batch.n_over)));
    [Some(started), refused, finished].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether nothing of it changes any more: no row begins, and every run that began is over.
pub(super) fn is_settled(batch: &BatchView) -> bool {
    batch.state.is_over() && batch.n_over >= batch.n_started
}

/// The state of a row whose run is not there: it has none yet, or it was deleted. In a batch that is over, what waits never begins.
pub(super) fn row_state(row: BatchRowState, batch: BatchState) -> &'static str {
    match row {
        BatchRowState::Waiting if batch.is_over() => "Not started",
        BatchRowState::Waiting => "Waits",
        BatchRowState::Started => "Run deleted",
        BatchRowState::Refused => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_says_how_far_it_is() {
        let batch = |state: &str, n_started: i64, n_refused: i64, n_over: i64| -> BatchView {
            serde_json::from_value(json!({
                "id": uuid::Uuid::nil(), "template_id": uuid::Uuid::nil(), "template_name": "T", "template_version": 1,
                "name": "t.csv", "owner": "a@example.org", "state": state, "reason": null, "n_rows": 10,
                "n_waiting": 10 - n_started - n_refused, "n_started": n_started, "n_refused": n_refused, "n_over": n_over,
                "created_at": "2026-01-01T00:00:00Z", "ended_at": null
            }))
            .unwrap()
        };
        assert_eq!(progress(&batch("running", 0, 0, 0)), "0 of 10 rows started");
        assert_eq!(progress(&batch("running", 3, 1, 2)), "3 of 10 rows started, 1 refused, 2 finished");
        let large = BatchView { n_rows: 10_000, n_started: 1_005, ..batch("running", 0, 0, 0) };
        assert_eq!(progress(&large), "1,005 of 10,000 rows started, 0 finished");
        let settled = ["running", "done", "cancelled"].map(|state| is_settled(&batch(state, 3, 0, 3)));
        assert_eq!(settled, [false, true, true]);
        assert!(!is_settled(&batch("done", 3, 0, 2)), "a run goes on");
        assert_eq!(state(&batch("running", 0, 0, 0)).1, "Starting");
        let waits = BatchView { reason: Some("You have 1 run under way".into()), ..batch("running", 0, 0, 0) };
        assert_eq!(state(&waits).1, "Waits");
        assert_eq!(row_state(BatchRowState::Waiting, BatchState::Running), "Waits");
        assert_eq!(row_state(BatchRowState::Waiting, BatchState::Cancelled), "Not started");
        assert_eq!(row_state(BatchRowState::Started, BatchState::Done), "Run deleted");
    }
}
