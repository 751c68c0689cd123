//! The invariants of the design, counted by SQL, and the reducer held against the tables.
//! Each query must return no row.

use serde_json::json;
use workflow::{Progress, RunView, view::Applied};

use crate::support::World;

const INVARIANTS: [(&str, &str); 13] = [
    (
        "the run's counters are the counts of its steps",
        "SELECT r.id::text FROM workflow_runs r JOIN LATERAL (
            SELECT count(*) FILTER (WHERE step_state_v2(s) IN ('ready', 'running', 'deciding')) AS active,
                count(*) FILTER (WHERE status = 'awaiting_review') AS review,
                count(*) FILTER (WHERE step_state_v2(s) = 'failed') AS failed,
                count(*) FILTER (WHERE status IN ('completed', 'failed', 'skipped', 'cancelled')) AS done,
                count(*) FILTER (WHERE s.parent_id IS NOT NULL) AS items,
                count(*) AS n FROM steps s WHERE s.run_id = r.id AND NOT s.superseded) c ON true
        WHERE (r.n_active, r.n_review, r.n_failed, r.n_done, r.n_steps, r.n_items) IS DISTINCT FROM
            (c.active, c.review, c.failed, c.done, c.n, c.items)",
    ),
    (
        "dependency counters are the counts of dependencies",
        "SELECT s.key FROM steps s JOIN workflow_runs r ON r.id = s.run_id AND r.status <> 'cancelled' JOIN LATERAL (
            SELECT count(*) FILTER (WHERE p.status NOT IN ('completed', 'failed', 'skipped', 'cancelled')) AS open,
                count(*) FILTER (WHERE dependency_class_v2(p.status, p.reason, p.on_error) = 'failed') AS failed,
                count(*) FILTER (WHERE dependency_class_v2(p.status, p.reason, p.on_error) = 'done') AS done
            FROM step_deps d JOIN steps p ON p.id = d.depends_on WHERE d.step_id = s.id) c ON true
        WHERE NOT s.superseded AND (s.deps_left, s.deps_failed, s.deps_done) IS DISTINCT FROM (c.open, c.failed, c.done)",
    ),
    (
        "nothing waits for nothing, and nothing is queued that must wait",
        "SELECT concat_ws(' ', key, status, reason, deps_left, deps_failed, deps_done, undecided, decides, forced) FROM steps WHERE NOT superseded AND (
            (status = 'pending' AND deps_left = 0 AND NOT undecided) OR (status = 'ready' AND deps_left > 0)
            OR (status = 'pending' AND undecided AND deps_left > 0))",
    ),
    (
        "a running step has one open attempt, its last, and others have none",
        "SELECT s.key FROM steps s LEFT JOIN attempts a ON a.step_id = s.id AND a.outcome IS NULL
        WHERE (s.status = 'running') <> (a.number IS NOT NULL) OR a.number <> s.attempt",
    ),
    (
        "attempt numbers are 1 to the last",
        "SELECT s.key FROM steps s WHERE s.attempt <> (SELECT count(*) FROM attempts a WHERE a.step_id = s.id)",
    ),
    (
        "a step is completed or waiting by one success of its generation, or by a person, a default or another run",
        "SELECT s.key FROM steps s WHERE s.status IN ('completed', 'awaiting_review') AND NOT s.superseded AND 1 <> (
            SELECT count(*) FROM attempts a
            WHERE a.step_id = s.id AND a.generation = s.generation AND a.outcome = 'succeeded')
        AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.step_id = s.id AND a.origin <> 'agent')",
    ),
    (
        "versions are 1 to n, and one is the latest",
        "SELECT step_id::text FROM artifacts GROUP BY step_id, name
        HAVING count(*) <> max(version) OR count(*) FILTER (WHERE is_latest) <> 1",
    ),
    (
        "events are numbered without a gap",
        "SELECT r.id::text FROM workflow_runs r WHERE r.event_seq <> (
            SELECT count(*) FROM run_events e WHERE e.run_id = r.id AND e.seq BETWEEN 1 AND r.event_seq)",
    ),
    (
        "a waiting step has one open review, and others have none",
        "SELECT s.key FROM steps s WHERE (s.status = 'awaiting_review') <> EXISTS (
            SELECT 1 FROM reviews v WHERE v.step_id = s.id AND v.generation = s.generation AND v.decision IS NULL)",
    ),
    (
        "a map knows how many of its items are open, and asks when none is",
        "SELECT p.key FROM steps p JOIN LATERAL (
            SELECT count(*) FILTER (WHERE i.status NOT IN ('completed', 'failed', 'skipped', 'cancelled')) AS open
            FROM steps i WHERE i.parent_id = p.id AND NOT i.superseded) c ON true
        WHERE p.is_map AND p.status = 'running' AND (p.items_left <> c.open OR p.undecided <> (c.open = 0))",
    ),
    (
        "in a run without limits that nobody holds everything ready may be claimed",
        "SELECT s.key FROM steps s JOIN workflow_runs r ON r.id = s.run_id
        WHERE s.status = 'ready' AND NOT s.admitted AND r.held IS NULL AND NOT r.limited",
    ),
    (
        "only what runs or may be claimed holds a slot, and what holds one waits for none",
        "SELECT s.key FROM slots l JOIN steps s ON s.id = l.step_id
        WHERE NOT (s.status = 'running' OR (s.status = 'ready' AND s.admitted)) OR EXISTS (SELECT FROM slot_waits w WHERE w.step_id = s.id)",
    ),
    (
        "no more steps hold a key than it allows",
        "SELECT k.key FROM concurrency_keys k WHERE k.max < (
            SELECT count(*) FROM slots l WHERE l.key = k.key)",
    ),
];

impl World {
    /// Checks every invariant, and that folding the new events gives exactly what the tables say.
    pub(crate) async fn check(&mut self) {
        for (name, query) in INVARIANTS {
            let broken: Vec<String> = sqlx::query_scalar(query).fetch_all(&self.pool).await.unwrap();
            assert!(broken.is_empty(), "{name}: {broken:?}");
        }
        for event in self.store.events_after(self.run, self.folded.seq, 100_000).await.unwrap() {
            assert_eq!(self.folded.apply(&event), Applied::Changed, "{event:?}");
        }
        self.folded.apply_attempts(&self.store.running_attempts(self.run).await.unwrap());
        let view = self.view().await;
        same(&self.folded, &view);
        for listed in self.store.run_summaries_of(&[self.run], &self.actor).await.unwrap() {
            assert_eq!(listed.progress, Progress::of_run(&view), "a list counts otherwise than the run");
        }
    }
}

/// Compares part by part, so that a failure shows the part.
fn same(folded: &RunView, tables: &RunView) {
    for step in &tables.steps {
        let known = folded.step(&step.key);
        assert_eq!(known.map(|known| json!(known)), Some(json!(step)), "the fold differs");
    }
    for (known, artifact) in folded.artifacts.iter().zip(&tables.artifacts) {
        assert_eq!(json!(known), json!(artifact), "the fold differs");
    }
    let (known, tables) = (json!(folded), json!(tables));
    for (part, value) in tables.as_object().unwrap() {
        assert!(known.get(part) == Some(value), "the fold differs in `{part}`");
    }
}
