//! The statements of the inbox, made of one another's parts. Their parameters, in this order: the viewer's id, role and email, before when
//! a gate is due, words, and what else each of them takes.
//! Must never let the planner turn around how a run is found for its gate: so it is by `LATERAL .. LIMIT 1`, and the gates that are
//! somebody's are found before anything else.

use workflow::api::InboxSort;

use super::words_left::{has_word_left, words};
use crate::{
    access::{acts_for, gates_of_owners, is_asked, who_can},
    called::called,
};

/// Whose gates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Viewer,
    All,
}

/// Those that ask the viewer, and where nobody in particular is asked those of their own runs; and what does so of somebody in whose place
/// they decide.
macro_rules! mine {
    () => {
        concat!(
            "WITH gates AS MATERIALIZED (
                SELECT v.*, coalesce(v.due_at, 'infinity') AS due FROM reviews v
                WHERE v.user_id = $1::uuid AND v.roles = '{}' AND v.users = '{}'
                UNION ALL
                SELECT v.*, coalesce(v.due_at, 'infinity') AS due FROM reviews v WHERE ",
            is_asked!("1", "2", "3"),
            "
                UNION ALL
                SELECT v.*, coalesce(v.due_at, 'infinity') AS due FROM ",
            gates_of_owners!("1"),
            ")"
        )
    };
}

/// All of them, for an admin. The first condition always holds: it is in the words of the indexes over everybody's gates.
macro_rules! everybodys {
    () => {
        "WITH gates AS NOT MATERIALIZED (
            SELECT v.*, coalesce(v.due_at, 'infinity') AS due FROM reviews v
            WHERE v.opened_at > '-infinity' AND $1::uuid IS NOT NULL AND $2::text = 'admin' AND $3::text IS NOT NULL)"
    };
}

/// Gates that the viewer may decide, with what stands with their runs. `words_left` says what of them that leaves out.
macro_rules! found {
    ($gates:expr) => {
        concat!(
            " FROM ",
            $gates,
            " v CROSS JOIN LATERAL (
                SELECT r.template_id, r.template_name, r.template_version, r.about, r.is_test, r.quarantine
                FROM workflow_runs r WHERE r.id = v.run_id LIMIT 1
            ) r CROSS JOIN LATERAL ",
            words!(),
            " WHERE NOT r.is_test AND r.quarantine IS NULL AND ",
            has_word_left!(),
            " AND ($4::timestamptz IS NULL OR v.due_at < $4)
            AND (cardinality($5::text[]) = 0 OR concat_ws(E'\\n',
                r.template_name, v.title, v.step, r.about, (SELECT l.title FROM run_labels l WHERE l.run_id = v.run_id),
                (SELECT u.email FROM users u WHERE u.id = v.user_id)
            ) ILIKE ALL ($5))"
        )
    };
}

/// The gates of `page` as they are listed. How many of those who are asked can decide is counted once for gates that ask the same people.
macro_rules! items {
    ($order:literal) => {
        concat!(
            ", judged AS MATERIALIZED (
                SELECT g.roles, g.users, g.without, who.n
                FROM (
                    SELECT DISTINCT p.roles, p.users, CASE WHEN NOT p.allow_self THEN p.user_id END AS without
                    FROM page p WHERE p.roles <> '{}' OR p.users <> '{}'
                ) g
                CROSS JOIN LATERAL ",
            who_can!(),
            "
            )
            SELECT v.run_id, v.step, v.title, v.template_id, v.template_name, ",
            called!("v.run_id", "v.about"),
            " AS about, v.user_id,
                coalesce((SELECT u.email FROM users u WHERE u.id = v.user_id), '') AS owner,
                v.generation, v.number, v.is_form, v.round, v.max_rounds, v.opened_at, v.due_at, v.on_timeout, v.quorum, v.allow_self,
                v.roles, v.users, v.votes, v.voted_at, v.voted_for, j.n AS n_asked, ",
            acts_for!("1", "2", "3"),
            " AS acts_for
            FROM page v
            LEFT JOIN judged j ON j.roles = v.roles AND j.users = v.users
                AND j.without IS NOT DISTINCT FROM CASE WHEN NOT v.allow_self THEN v.user_id END
            ORDER BY ",
            $order
        )
    };
}

/// The page of what was found, in this order, which is told of the page too.
macro_rules! list {
    ($gates:ident, $found:expr, $order:literal, $order_of_page:literal) => {
        concat!(
            $gates!(),
            ", page AS MATERIALIZED (SELECT v.*, r.template_id, r.template_name, r.about",
            $found,
            " AND ($6::uuid IS NULL OR r.template_id = $6) ORDER BY ",
            $order,
            " LIMIT $7)",
            items!($order_of_page)
        )
    };
}

/// Gates that are sorted by what they are themselves, from where the page begins: `after`, as one comparison. Those that are somebody's are
/// put in order first, so that no further run is looked at once the page is full; over everybody's gates an index is in that order.
macro_rules! sorted {
    (mine, $after:literal, $order:literal) => {
        list!(
            mine,
            found!(concat!("(SELECT v.* FROM gates v WHERE ", $after, " ORDER BY ", $order, " OFFSET 0)")),
            $order,
            $order
        )
    };
    (everybodys, $after:literal, $order:literal) => {
        list!(everybodys, concat!(found!("gates"), " AND ", $after), $order, $order)
    };
}

macro_rules! oldest {
    ($gates:ident) => {
        sorted!(
            $gates,
            "(v.opened_at, v.run_id, v.step) > (coalesce($8::timestamptz, '-infinity'),
                coalesce($9::uuid, '00000000-0000-0000-0000-000000000000'), coalesce($10::text, ''))",
            "v.opened_at, v.run_id, v.step"
        )
    };
}

macro_rules! newest {
    ($gates:ident) => {
        sorted!(
            $gates,
            "(v.opened_at, v.run_id, v.step) < (coalesce($8::timestamptz, 'infinity'),
                coalesce($9::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), coalesce($10::text, ''))",
            "v.opened_at DESC, v.run_id DESC, v.step DESC"
        )
    };
}

/// What is due never comes last, also where a page begins after one of those.
macro_rules! due {
    ($gates:ident) => {
        sorted!(
            $gates,
            "(v.due, v.opened_at, v.run_id, v.step) > (
                coalesce($11::timestamptz, CASE WHEN $9::uuid IS NULL THEN '-infinity'::timestamptz ELSE 'infinity'::timestamptz END),
                coalesce($8::timestamptz, '-infinity'), coalesce($9::uuid, '00000000-0000-0000-0000-000000000000'),
                coalesce($10::text, ''))",
            "v.due, v.opened_at, v.run_id, v.step"
        )
    };
}

macro_rules! by_workflow {
    ($gates:ident) => {
        list!(
            $gates,
            concat!(
                found!("gates"),
                " AND (lower(r.template_name), r.template_id, v.opened_at, v.run_id, v.step) > (lower(coalesce($11::text, '')),
                coalesce($12::uuid, '00000000-0000-0000-0000-000000000000'), coalesce($8::timestamptz, '-infinity'),
                coalesce($9::uuid, '00000000-0000-0000-0000-000000000000'), coalesce($10::text, ''))"
            ),
            "lower(r.template_name), r.template_id, v.opened_at, v.run_id, v.step",
            "lower(v.template_name), v.template_id, v.opened_at, v.run_id, v.step"
        )
    };
}

/// Each workflow under the name of its newest version that waits.
macro_rules! counts {
    ($gates:ident) => {
        concat!(
            $gates!(),
            " SELECT c.template_id, c.name, c.n FROM (
                SELECT r.template_id, count(*) AS n,
                    substr(max(lpad(r.template_version::text, 10, '0') || r.template_name), 11) AS name",
            found!("gates"),
            " GROUP BY r.template_id
            ) c ORDER BY lower(c.name), c.template_id"
        )
    };
}

pub(super) fn listing(of: Of, sort: InboxSort) -> &'static str {
    match (of, sort) {
        (Of::Viewer, InboxSort::Oldest) => oldest!(mine),
        (Of::Viewer, InboxSort::Newest) => newest!(mine),
        (Of::Viewer, InboxSort::Due) => due!(mine),
        (Of::Viewer, InboxSort::Workflow) => by_workflow!(mine),
        (Of::All, InboxSort::Oldest) => oldest!(everybodys),
        (Of::All, InboxSort::Newest) => newest!(everybodys),
        (Of::All, InboxSort::Due) => due!(everybodys),
        (Of::All, InboxSort::Workflow) => by_workflow!(everybodys),
    }
}

pub(super) fn counting(of: Of) -> &'static str {
    match of {
        Of::Viewer => counts!(mine),
        Of::All => counts!(everybodys),
    }
}

/// Name and text of each that must not cost what others have, and what goes in it, for the test that looks at their plans. Must never be
/// run from here. Counts of everybody's gates, and their list by workflow, look at all of them.
pub const STATEMENTS: [(&str, &str, &str); 10] = [
    ("my gates", oldest!(mine), "user, role, email, none, words, none, limit, time, id, step"),
    ("my newest gates", newest!(mine), "user, role, email, none, words, none, limit, time, id, step"),
    ("my gates by when they are due", due!(mine), "user, role, email, none, words, none, limit, time, id, step, none"),
    (
        "my gates by workflow",
        by_workflow!(mine),
        "user, role, email, none, words, none, limit, time, id, step, none, none",
    ),
    ("how many are mine", counts!(mine), "user, role, email, none, words"),
    ("all gates", oldest!(everybodys), "user, admin, email, none, words, none, limit, time, id, step"),
    ("all newest gates", newest!(everybodys), "user, admin, email, none, words, none, limit, time, id, step"),
    (
        "all gates by when they are due",
        due!(everybodys),
        "user, admin, email, none, words, none, limit, time, id, step, none",
    ),
    super::history::MINE,
    super::history::ALL,
];
