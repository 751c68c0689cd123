//! The words of a row: until when and what happens then, how often it was sent back, who else is asked, and how a gate was closed.
//! The same on both sides: dates come from whoever draws, since only a browser knows a time zone.

use workflow::{
    api::{HistoryItem, InboxItem},
    definition::OnReviewTimeout,
    run::state::Verdict,
};

use crate::{clock, words};

/// Until a deadline is near it is one fact among others.
const NEAR_MS: i64 = 24 * 3_600_000;

/// "in 2 d, then fails"; with the date where it is farther than a week away, or no clock is known yet.
pub(super) fn deadline(
    due_ms: i64,
    now_ms: Option<i64>,
    then: OnReviewTimeout,
    date: impl FnOnce() -> String,
) -> String {
    let then = match then {
        OnReviewTimeout::Fail => "fails",
        OnReviewTimeout::Approve => "is approved by itself",
    };
    let when = match now_ms {
        Some(now) if due_ms <= now => return format!("time is up: it {then}"),
        Some(now) if due_ms - now < 45_000 => "in less than a minute".to_owned(),
        Some(now) => clock::relative(due_ms, now).unwrap_or_else(|| format!("until {}", date())),
        None => format!("until {}", date()),
    };
    format!("{when}, then {then}")
}

/// Whether it is so near that it should be seen first.
pub(super) fn is_near(due_ms: i64, now_ms: Option<i64>) -> bool {
    now_ms.is_some_and(|now| due_ms - now < NEAR_MS)
}

/// "round 2 of 3", of what was sent back.
pub(super) fn round(item: &InboxItem) -> Option<String> {
    (item.round > 0).then(|| format!("round {} of {}", item.round, item.max_rounds.max(item.round)))
}

/// "1 of 2 approvals", where one is not enough.
pub(super) fn approvals(item: &InboxItem) -> Option<String> {
    (item.quorum > 1).then(|| format!("{} of {} approvals", item.votes.len(), item.quorum))
}

/// "asks legal, one of 4": who else may do it, or does it too where one approval is not enough.
pub(super) fn asked(item: &InboxItem) -> Option<String> {
    let groups = (!item.groups.is_empty()).then(|| words::list(&item.groups_called(), 2));
    let several = item
        .n_asked
        .filter(|n| *n > 1)
        .map(|n| if item.quorum > 1 { words::people(n) } else { format!("one of {}", words::thousands(n)) });
    let asked: Vec<String> = groups.into_iter().chain(several).collect();
    (!asked.is_empty()).then(|| format!("asks {}", asked.join(", ")))
}

/// "3 reviews wait for you"; of everybody's the person is not meant.
pub(super) fn waits(n: i64, is_all: bool, is_filtered: bool) -> String {
    let of_whom = if is_all { "" } else { " for you" };
    match (n, is_filtered) {
        (0, true) => "Nothing that waits matches".to_owned(),
        (0, false) => format!("Nothing waits{of_whom}"),
        (1, true) => "1 review that waits matches".to_owned(),
        (n, true) => format!("{} that wait match", words::count(n, "review")),
        (1, false) => format!("1 review waits{of_whom}"),
        (n, false) => format!("{} wait{of_whom}", words::count(n, "review")),
    }
}

/// What was decided, before "by whom".
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "Approved",
        Verdict::Rejected => "Sent back",
        Verdict::Released => "Released: auto-run was switched on",
        Verdict::Cancelled => "Closed: the run was cancelled",
        Verdict::TimedOut => "Time ran out",
        Verdict::Superseded => "Closed: the step was run, skipped or stopped instead",
    }
}

pub(super) fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "circle-check",
        Verdict::Rejected => "rotate-ccw",
        Verdict::Released => "zap",
        Verdict::Cancelled => "circle-stop",
        Verdict::TimedOut => "hourglass",
        Verdict::Superseded => "skip-forward",
    }
}

/// Who approved beside whoever closed the gate.
pub(super) fn others(item: &HistoryItem) -> Option<String> {
    let others: Vec<String> = item.votes.iter().filter(|vote| Some(*vote) != item.by.as_ref()).cloned().collect();
    (!others.is_empty()).then(|| format!("with {}", words::list(&others, 3)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pages::inbox::samples::item;

    #[test]
    fn a_deadline_says_what_happens_then() {
        let now = 1_000_000_000_000;
        let check = |in_seconds: i64, then, expected: &str| {
            assert_eq!(deadline(now + in_seconds * 1000, Some(now), then, || "28 Nov 2026".into()), expected);
        };
        check(2 * 86_400, OnReviewTimeout::Fail, "in 2 d, then fails");
        check(3 * 3600, OnReviewTimeout::Approve, "in 3 h, then is approved by itself");
        check(20, OnReviewTimeout::Fail, "in less than a minute, then fails");
        check(-90, OnReviewTimeout::Fail, "time is up: it fails");
        check(30 * 86_400, OnReviewTimeout::Fail, "until 28 Nov 2026, then fails");
        assert_eq!(deadline(now, None, OnReviewTimeout::Fail, || "x".into()), "until x, then fails", "no clock yet");
        assert!(is_near(now + 3_600_000, Some(now)) && is_near(now - 1, Some(now)));
        assert!(!is_near(now + 2 * NEAR_MS, Some(now)) && !is_near(now, None));
    }

    #[test]
    fn the_usual_gate_needs_no_words() {
        let usual = item(&json!({}));
        assert_eq!((round(&usual), approvals(&usual), asked(&usual)), (None, None, None));
    }

    #[test]
    fn rounds_approvals_and_groups_are_said_as_they_are() {
        let asking = item(&json!({
            "round": 2, "quorum": 2, "votes": ["a@b.c"], "groups": ["legal"], "n_asked": 4
        }));
        assert_eq!(round(&asking).as_deref(), Some("round 2 of 3"));
        assert_eq!(approvals(&asking).as_deref(), Some("1 of 2 approvals"));
        assert_eq!(asked(&asking).as_deref(), Some("asks legal, 4 people"));
        assert_eq!(asked(&item(&json!({"groups": ["legal"], "n_asked": 4}))).as_deref(), Some("asks legal, one of 4"));
        let named = item(&json!({"groups": ["legal", "gone"], "group_names": {"legal": "Legal team"}}));
        assert_eq!(asked(&named).as_deref(), Some("asks Legal team and gone"));
        assert_eq!(asked(&item(&json!({"n_asked": 2}))).as_deref(), Some("asks one of 2"));
        assert_eq!(asked(&item(&json!({"n_asked": 1}))), None, "me alone");
        assert_eq!(asked(&item(&json!({"groups": ["a", "b", "c"]}))).as_deref(), Some("asks a, b and 1 more"));
    }

    #[test]
    fn how_many_wait_is_said_in_a_sentence() {
        assert_eq!(waits(0, false, false), "Nothing waits for you");
        assert_eq!(waits(1, false, false), "1 review waits for you");
        assert_eq!(waits(10_000, true, false), "10,000 reviews wait");
        assert_eq!(waits(2, false, true), "2 reviews that wait match");
    }

    #[test]
    fn those_who_approved_before_are_named_beside_the_last() {
        let closed: HistoryItem = serde_json::from_value(json!({
            "run_id": uuid::Uuid::nil(), "step": "draft", "title": "Draft", "template_id": uuid::Uuid::nil(),
            "template_name": "T", "about": null, "owner": "a@b.c", "generation": 1, "number": 1,
            "opened_at": "2026-01-01T00:00:00Z", "closed_at": "2026-01-01T00:00:00Z", "verdict": "approved",
            "by": "c@b.c", "votes": ["b@b.c", "c@b.c"], "text": null
        }))
        .unwrap();
        assert_eq!(others(&closed).as_deref(), Some("with b@b.c"));
        assert_eq!(others(&HistoryItem { votes: Vec::new(), ..closed }), None);
    }
}
