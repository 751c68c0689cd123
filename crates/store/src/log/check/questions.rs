//! Invariants that one statement answers, over all rows of a table: each finds the places where it does not hold.
//! What waits for somebody is only wrong where somebody was there to take it and did not: a database that nobody works on may hold it for ever.

use sqlx::PgConnection;

use super::{Invariant, MOST_EXAMPLES, shown};

struct Question {
    name: &'static str,
    says: &'static str,
    /// How many places there are, and some of them.
    sql: &'static str,
}

/// `$sql`: a text for each place.
macro_rules! places {
    ($sql:expr) => {
        concat!(
            "SELECT count(*) OVER () AS n, found.place FROM (",
            $sql,
            ") AS found (place) ORDER BY found.place LIMIT $1"
        )
    };
}

pub(super) use places;

/// Since before then, while somebody was there whose duty it is. Where everything is settled, any time is too late.
macro_rules! late {
    ($since:literal) => {
        concat!(
            "(",
            $since,
            " < now() - CASE WHEN $2::bool THEN interval '0' ELSE interval '2 minutes' END AND ($2 OR EXISTS (
                SELECT FROM workers live WHERE live.token_id IS NULL AND live.state = 'alive' AND live.beat_at > now() - interval '10 seconds'
                    AND live.started_at < now() - interval '2 minutes'
            )))"
        )
    };
}

/// Of what is so whatever happens.
const ALWAYS: [Question; 8] = [
    Question {
        name: "one-attempt-at-a-time",
        says: "a step has one attempt under way at most",
        sql: places!(
            "SELECT format('run %s: %s', a.run_id, a.step) FROM attempts a WHERE a.outcome IS NULL
            GROUP BY a.run_id, a.step HAVING count(*) > 1"
        ),
    },
    Question {
        name: "leases-have-workers",
        says: "what is leased is leased by a worker that there is",
        sql: places!(
            "SELECT format('run %s: attempt %s of %s is leased by %s', a.run_id, a.number, a.step, a.lease_worker)
            FROM attempts a WHERE a.lease_worker IS NOT NULL AND NOT EXISTS (SELECT FROM workers w WHERE w.id = a.lease_worker)"
        ),
    },
    Question {
        name: "rows-have-runs",
        says: "what stands beside a run is of a run that there is, or that was deleted",
        sql: places!(
            "SELECT format('%s of run %s', o.place, o.run_id) FROM (
                SELECT 'events' AS place, run_id FROM run_events UNION SELECT 'steps', run_id FROM steps
                UNION SELECT 'attempts', run_id FROM attempts UNION SELECT 'artifacts', run_id FROM artifacts
                UNION SELECT 'artifact heads', run_id FROM artifact_heads UNION SELECT 'gates', run_id FROM reviews
                UNION SELECT 'closed gates', run_id FROM review_ends
            ) o
            WHERE NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = o.run_id)
                AND NOT EXISTS (SELECT FROM deleted_runs d WHERE d.run_id = o.run_id)"
        ),
    },
    Question {
        name: "deciders-have-gates",
        says: "who decided did so at a gate that was closed",
        sql: places!(
            "SELECT format('run %s: %s of %s, generation %s', d.run_id, d.number, d.step, d.generation) FROM review_deciders d
            WHERE NOT EXISTS (
                SELECT FROM review_ends e
                WHERE e.run_id = d.run_id AND e.step = d.step AND e.generation = d.generation AND e.number = d.number
            ) AND NOT EXISTS (SELECT FROM deleted_runs g WHERE g.run_id = d.run_id)"
        ),
    },
    Question {
        name: "gates-are-counted",
        says: "as many steps of a run await review as gates of it are open",
        sql: places!(
            "SELECT format('run %s: %s await review, %s gates are open', r.id, r.n_waiting, g.n) FROM workflow_runs r
            CROSS JOIN LATERAL (SELECT count(*) AS n FROM reviews v WHERE v.run_id = r.id) g
            WHERE r.quarantine IS NULL AND r.n_waiting <> g.n"
        ),
    },
    Question {
        name: "places-are-counted",
        says: "a key counts as many places as steps hold or gave back",
        sql: places!(
            "SELECT format('%s counts %s, and %s are there', l.key, l.used, h.n) FROM key_limits l
            CROSS JOIN LATERAL (SELECT count(*) AS n FROM key_reservations r WHERE l.key = ANY (r.keys)) h
            WHERE l.used <> h.n"
        ),
    },
    Question {
        name: "contents-have-hashes",
        says: "the bytes of an artifact are there and have its hash",
        sql: places!(
            "SELECT format('run %s: %s.%s#%s', a.run_id, a.step, a.name, a.version) FROM artifacts a
            LEFT JOIN artifacts c ON c.id = a.copy_of AND a.content IS NULL
            CROSS JOIN LATERAL (SELECT coalesce(a.content, c.content) AS bytes) found
            WHERE CASE WHEN found.bytes IS NULL THEN NOT EXISTS (SELECT FROM blobs b WHERE b.hash = a.content_hash)
                ELSE length(found.bytes) <> a.size OR encode(sha256(found.bytes), 'hex') <> a.content_hash END
                AND NOT EXISTS (SELECT FROM deleted_runs d WHERE d.run_id = a.run_id)"
        ),
    },
    Question {
        name: "batches-have-runs",
        says: "a row of a batch that was started names a run that there is, or that was deleted",
        sql: places!(
            "SELECT format('batch %s, row %s: run %s', b.batch_id, b.n, b.run_id) FROM batch_rows b
            WHERE b.state = 'started' AND NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = b.run_id)
                AND NOT EXISTS (SELECT FROM deleted_runs d WHERE d.run_id = b.run_id)"
        ),
    },
];

/// Of what somebody has to come for.
const IN_TIME: [Question; 7] = [
    Question {
        name: "dead-hold-nothing",
        says: "nothing is leased by a worker that has been dead for minutes",
        sql: places!(concat!(
            "SELECT format('run %s: attempt %s of %s is leased by %s', a.run_id, a.number, a.step, w.id)
            FROM attempts a JOIN workers w ON w.id = a.lease_worker WHERE w.state = 'dead' AND ",
            late!("w.beat_at + coalesce(w.lease, interval '10 seconds')")
        )),
    },
    Question {
        name: "silent-are-dead",
        says: "a worker that has been silent for minutes is dead",
        sql: places!(concat!(
            "SELECT format('worker %s, silent since %s', w.id, w.beat_at) FROM workers w
            WHERE NOT $2 AND w.state <> 'dead' AND ",
            late!("w.beat_at + coalesce(w.lease, interval '10 seconds')")
        )),
    },
    Question {
        name: "messages-arrive",
        says: "what a run has to tell another is taken within minutes",
        sql: places!(concat!(
            "SELECT format('run %s: event %s of run %s', i.run_id, i.sender_seq, i.sender) FROM run_inbox i
            WHERE NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id IN (i.run_id, i.sender) AND r.quarantine IS NOT NULL) AND ",
            late!("i.sent_at")
        )),
    },
    Question {
        name: "due-is-done",
        says: "what is due by itself is done within minutes",
        sql: places!(concat!(
            "SELECT format('run %s, due at %s', r.id, r.due_at) FROM workflow_runs r
            WHERE r.quarantine IS NULL AND r.due_at IS NOT NULL AND ",
            late!("r.due_at")
        )),
    },
    Question {
        name: "judged",
        says: "what wants judging is judged within minutes",
        sql: places!(concat!(
            "SELECT format('run %s', r.id) FROM workflow_runs r WHERE r.quarantine IS NULL AND r.wants_judgement AND ",
            late!("r.committed_at")
        )),
    },
    Question {
        name: "places-have-owners",
        says: "a place under a key is held by a step that waits or runs",
        // One that nobody came for is taken back after half a minute.
        sql: places!(concat!(
            "SELECT format('run %s: %s holds %s', k.run_id, k.step, k.keys) FROM key_reservations k
            WHERE NOT k.is_over AND k.reserved_at < now() - interval '1 minute'
                AND NOT EXISTS (SELECT FROM steps s WHERE s.run_id = k.run_id AND s.step = k.step)
                AND NOT EXISTS (
                    SELECT FROM attempts a WHERE a.run_id = k.run_id AND a.step = k.step AND a.lease_worker IS NOT NULL
                ) AND ",
            late!("k.reserved_at")
        )),
    },
    Question {
        name: "runs-end",
        says: "where everything is settled every run is over",
        sql: places!(
            "SELECT format('run %s is %s', r.id, r.status) FROM workflow_runs r WHERE $2::bool AND r.finished_at IS NULL"
        ),
    },
];

pub(super) async fn ask(connection: &mut PgConnection, is_settled: bool) -> sqlx::Result<Vec<Invariant>> {
    let most = i64::try_from(MOST_EXAMPLES).unwrap_or(i64::MAX);
    let mut answers = Vec::with_capacity(ALWAYS.len() + IN_TIME.len());
    for &Question { name, says, sql } in &ALWAYS {
        let found: Vec<(i64, String)> = sqlx::query_as(sql).bind(most).fetch_all(&mut *connection).await?;
        answers.push(answer(name, says, found));
    }
    for &Question { name, says, sql } in &IN_TIME {
        let asked = sqlx::query_as(sql).bind(most).bind(is_settled);
        let found: Vec<(i64, String)> = asked.fetch_all(&mut *connection).await?;
        answers.push(answer(name, says, found));
    }
    Ok(answers)
}

pub(super) fn answer(name: &'static str, says: &'static str, found: Vec<(i64, String)>) -> Invariant {
    let n = found.first().map_or(0, |(n, _)| *n);
    let examples = found.into_iter().map(|(_, place)| shown(&place)).collect();
    Invariant { name, says, n_violations: u64::try_from(n).unwrap_or_default(), examples }
}
