//! What a decision did, in the words of its toast.

use workflow::{api::InboxItem, run::RunEvent};

use crate::api::Done;

/// What an approval did, and whether it closed the gate.
pub(super) fn approved(item: &InboxItem, done: &Done) -> (String, bool) {
    let n_votes = i32::try_from(item.votes.len()).unwrap_or(i32::MAX).saturating_add(1);
    // A request that was answered before tells no events again.
    let is_closed = if done.events.is_empty() { n_votes >= item.quorum } else { closes(item, &done.events) };
    (approved_words(n_votes, item.quorum, is_closed), is_closed)
}

fn closes(item: &InboxItem, events: &[RunEvent]) -> bool {
    events.iter().any(|event| event.data.reviews.iter().any(|closed| closed.step == item.step))
}

/// "Approved. 1 of 2 approvals": others are still wanted then.
fn approved_words(n_votes: i32, quorum: i32, is_closed: bool) -> String {
    match (is_closed, quorum) {
        (true, ..=1) => "Approved".to_owned(),
        (true, quorum) => format!("Approved. {quorum} of {quorum} approvals: it goes on"),
        (false, quorum) => format!("Approved. {} of {quorum} approvals", n_votes.min(quorum)),
    }
}

/// What a rejection did.
pub(super) fn rejected(item: &InboxItem) -> &'static str {
    if item.round >= item.max_rounds { "Rejected. No round was left, so the step failed" } else { "Sent back" }
}

#[cfg(test)]
mod tests {
    use super::approved_words;

    #[test]
    fn an_approval_says_whether_more_are_wanted() {
        assert_eq!(approved_words(1, 1, true), "Approved");
        assert_eq!(approved_words(1, 2, false), "Approved. 1 of 2 approvals");
        assert_eq!(approved_words(2, 2, true), "Approved. 2 of 2 approvals: it goes on");
        assert_eq!(approved_words(3, 2, false), "Approved. 2 of 2 approvals", "others have voted meanwhile");
    }
}
