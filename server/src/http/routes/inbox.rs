//! What waits for a person across runs, and what was decided.

use workflow::api::{GateAnswer, GatePreview, HistoryItem, InboxItem};

use super::{ASKED, Route, SIGNED_IN, get, post};
use crate::http::{described::Kind, entry::TEXT, inbox};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/inbox",
            inbox::list,
            SIGNED_IN,
            "gates that wait for me: `?scope=mine` or `all` (for admins), `sort=oldest`, `newest`, `due` or \
             `workflow`, `search=`, `workflow=ID`, `due_before=TIME`, `after=&limit=`",
        )
        .list::<InboxItem>()
        .asks("scope", Kind::Word(&["mine", "all"]), "`all` is for admins.")
        .asks("sort", Kind::Word(&["oldest", "newest", "due", "workflow"]), "`oldest` unless said otherwise.")
        .asks("search", Kind::Text, "Words, all of which are there.")
        .asks("workflow", Kind::Id, "Of this workflow.")
        .asks("due_before", Kind::Time, "Only those that are due before.")
        .pages(),
        get(
            "/api/inbox/counts",
            inbox::counts,
            SIGNED_IN,
            "`{n, workflows: [{template_id, name, n}]}`, for the same choice",
        )
        .asks("scope", Kind::Word(&["mine", "all"]), "`all` is for admins.")
        .asks("sort", Kind::Word(&["oldest", "newest", "due", "workflow"]), "`oldest` unless said otherwise.")
        .asks("search", Kind::Text, "Words, all of which are there.")
        .asks("workflow", Kind::Id, "Of this workflow.")
        .asks("due_before", Kind::Time, "Only those that are due before."),
        get(
            "/api/inbox/history",
            inbox::history,
            SIGNED_IN,
            "gates that were closed, newest first: `?all=true` (for admins), `search=`, `workflow=ID`, \
             `verdict=approved`, `rejected`, `released`, `cancelled`, `timed_out` or `superseded`, \
             `after=&limit=`",
        )
        .list::<HistoryItem>()
        .asks("all", Kind::Switch, "Of everybody, for admins.")
        .asks("search", Kind::Text, "Words, all of which are there.")
        .asks("workflow", Kind::Id, "Of this workflow.")
        .asks(
            "verdict",
            Kind::Word(&["approved", "rejected", "released", "cancelled", "timed_out", "superseded"]),
            "How it was closed.",
        )
        .pages(),
        get(
            "/api/inbox/gates/{run_id}/{step_id}",
            inbox::reading,
            ASKED,
            "an open gate: `{item, outputs, previous, sources, content_hash, feedback, asked?, may: {approve, \
             edit, reject, why_not}}`; `asked` is what a form asks for",
        ),
        post(
            "/api/inbox/previews",
            inbox::previews,
            SIGNED_IN,
            "`{gates: [{run_id, step}]}`, 100 at most: the first 500 characters of each output, with the \
             `content_hash` and `generation` to decide by; what is closed or not mine is left out",
        )
        .list::<GatePreview>(),
        post(
            "/api/inbox/decide",
            inbox::decide,
            "signed in, scope `review`",
            "`{decision: approve or reject, feedback?, gates: [{run_id, step, content_hash, \
             expect_generation}]}`, 100 at most, under an `Idempotency-Key`: of each `{run_id, step, outcome: \
             done, counted, changed, gone or refused, message?}`",
        )
        .takes(TEXT)
        .list::<GateAnswer>(),
    ]
}
