//! Limits across runs: who may hold a key next. Counted on the key's own row, which only this locks, and told to the run by a commit of
//! its own (`Reserved`), which finds the reservation there or loses.
//! Must never be part of a commit: two runs share a key's row. Counting reservations instead would admit too many, lock or not.

use std::collections::BTreeMap;

use runs::Want;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;
use workflow::{RunId, StepKey};

use super::{Log, failed};

impl Log {
    /// As `grant`. Of wants of which the database does not take one, that one alone waits on.
    pub(super) async fn grant_each(&self, wants: &[Want]) -> sqlx::Result<Vec<(RunId, StepKey)>> {
        let (mut granted, mut waiting) = (Vec::new(), vec![wants]);
        while let Some(part) = waiting.pop() {
            match self.grant(part).await {
                Ok(found) => granted.extend(found),
                Err(error) => match (failed::refused_value(&error), part) {
                    (None, _) => return Err(error),
                    (Some(reason), [] | [_]) => {
                        let run = part.first().map(|want| want.run.0);
                        tracing::error!(
                            ?run,
                            reason,
                            "a concurrency key cannot be kept, and its step waits for it in vain"
                        );
                    }
                    (Some(_), _) => {
                        let (first, then) = part.split_at(part.len() / 2);
                        waiting.extend([then, first]);
                    }
                },
            }
        }
        Ok(granted)
    }

    /// All keys of as many of these as there is room for, in their order; those that have theirs already are among the answer. One that has
    /// others, which somebody wanted as its run just moved, has to wait until these are an orphan's.
    async fn grant(&self, wants: &[Want]) -> sqlx::Result<Vec<(RunId, StepKey)>> {
        // The newest limit of a key is the one that holds.
        let limits: BTreeMap<&str, i32> = wants
            .iter()
            .flat_map(|want| &want.limits)
            .map(|limit| (limit.key.as_str(), i32::try_from(limit.max).unwrap_or(i32::MAX)))
            .collect();
        let (keys, maxima): (Vec<&str>, Vec<i32>) = limits.into_iter().unzip();
        let (runs, steps) = places(wants);
        let mut tx = self.reader.begin().await?;
        sqlx::query(
            "INSERT INTO key_limits (key, max, used) SELECT key, max, 0 FROM unnest($1::text[], $2::int[]) AS k (key, max)
            ON CONFLICT DO NOTHING",
        )
        .bind(&keys)
        .bind(&maxima)
        .execute(&mut *tx)
        .await?;
        // Locked from here on, in order: these keys, those that were given back together with one of them, and those that the same steps
        // gave back, perhaps before their run moved.
        let locked: Vec<String> = sqlx::query_scalar(
            "SELECT key FROM key_limits
            WHERE key = ANY ($1::text[] || ARRAY(
                SELECT unnest(r.keys) FROM key_reservations r WHERE r.is_over AND (r.keys && $1::text[]
                    OR (r.run_id, r.step) IN (SELECT w.run_id, w.step FROM unnest($2::uuid[], $3::text[]) AS w (run_id, step)))
            ))
            ORDER BY key FOR UPDATE",
        )
        .bind(&keys)
        .bind(runs)
        .bind(steps)
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE key_limits l SET max = k.max FROM unnest($1::text[], $2::int[]) AS k (key, max)
            WHERE l.key = k.key AND l.max <> k.max",
        )
        .bind(keys)
        .bind(maxima)
        .execute(&mut *tx)
        .await?;
        let rooms = strike_off(&mut tx, &locked).await?;
        let had = renewed(&mut tx, wants).await?;
        let mut rooms: BTreeMap<String, i32> = rooms.into_iter().collect();
        let (mut granted, mut new): (Vec<&Want>, Vec<&Want>) = (Vec::new(), Vec::new());
        for want in wants {
            if let Some(is_its) = had.get(&(want.run.0, want.step.to_string())) {
                granted.extend(is_its.then_some(want));
            } else if want.limits.iter().all(|limit| rooms.get(&limit.key).is_some_and(|room| *room > 0)) {
                for limit in &want.limits {
                    rooms.entry(limit.key.clone()).and_modify(|room| *room -= 1);
                }
                granted.push(want);
                new.push(want);
            }
        }
        for want in new {
            sqlx::query(
                "WITH held AS (
                    INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over) VALUES ($1, $2, $3, clock_timestamp(), false)
                )
                UPDATE key_limits SET used = used + 1 WHERE key = ANY ($3)",
            )
            .bind(want.run.0)
            .bind(want.step.as_str())
            .bind(names(want))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(granted.into_iter().map(|want| (want.run, want.step.clone())).collect())
    }
}

/// Strikes off what was given back under keys that nobody wanted since, and forgets keys under which nothing is. A key may be made of what
/// a run is given, so that there is one for every run. What somebody has locked is left for the next time: this waits for nobody.
pub(super) async fn tidy(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    let locked: Vec<String> = sqlx::query_scalar(
        "SELECT key FROM key_limits
        WHERE used = 0 OR key = ANY (ARRAY(
            SELECT unnest(r.keys) FROM key_reservations r
            WHERE r.is_over AND r.reserved_at < clock_timestamp() - interval '10 minutes' LIMIT 1000
        ))
        ORDER BY key LIMIT 1000 FOR UPDATE SKIP LOCKED",
    )
    .fetch_all(&mut *tx)
    .await?;
    if locked.is_empty() {
        return tx.commit().await;
    }
    strike_off(&mut tx, &locked).await?;
    sqlx::query("DELETE FROM key_limits WHERE key = ANY ($1) AND used = 0").bind(locked).execute(&mut *tx).await?;
    tx.commit().await
}

/// What was given back under these keys, which are locked, leaves room. A statement of its own: it sees what was there once they were.
async fn strike_off(connection: &mut PgConnection, locked: &[String]) -> sqlx::Result<Vec<(String, i32)>> {
    sqlx::query_as(
        "WITH over AS (
            DELETE FROM key_reservations WHERE is_over AND keys <@ $1 RETURNING keys
        ), struck AS (
            SELECT key, count(*)::int AS n FROM over CROSS JOIN LATERAL unnest(over.keys) AS key GROUP BY key
        )
        UPDATE key_limits l SET used = l.used - coalesce((SELECT s.n FROM struck s WHERE s.key = l.key), 0)
        WHERE l.key = ANY ($1) RETURNING l.key, l.max - l.used",
    )
    .bind(locked)
    .fetch_all(connection)
    .await
}

/// Which of these have a reservation, and whether it is of their keys. Who has their own has it from now on: whoever looks for orphans sees
/// that it is wanted. Under other keys it is not, unless it is held: then it is this want that is old.
async fn renewed(connection: &mut PgConnection, wants: &[Want]) -> sqlx::Result<BTreeMap<(Uuid, String), bool>> {
    let (runs, steps) = places(wants);
    let keys: Vec<String> = wants.iter().map(|want| Value::from(names(want)).to_string()).collect();
    let had: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "UPDATE key_reservations r SET
            reserved_at = CASE WHEN r.keys = w.keys THEN clock_timestamp() ELSE r.reserved_at END,
            is_over = r.keys <> w.keys AND r.reserved_at < clock_timestamp() - interval '30 seconds'
                AND NOT EXISTS (SELECT FROM steps s WHERE s.run_id = r.run_id AND s.step = r.step AND s.kind IS NOT NULL)
                AND NOT EXISTS (
                    SELECT FROM attempts a WHERE a.run_id = r.run_id AND a.step = r.step AND a.lease_worker IS NOT NULL
                )
        FROM (
            SELECT u.run_id, u.step, ARRAY(SELECT json_array_elements_text(u.keys::json)) AS keys
            FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u (run_id, step, keys)
        ) w
        WHERE r.run_id = w.run_id AND r.step = w.step AND NOT r.is_over
        RETURNING r.run_id, r.step, r.keys = w.keys",
    )
    .bind(runs)
    .bind(steps)
    .bind(keys)
    .fetch_all(connection)
    .await?;
    Ok(had.into_iter().map(|(run, step, is_its)| ((run, step), is_its)).collect())
}

fn places(wants: &[Want]) -> (Vec<Uuid>, Vec<&str>) {
    wants.iter().map(|want| (want.run.0, want.step.as_str())).unzip()
}

fn names(want: &Want) -> Vec<&str> {
    want.limits.iter().map(|limit| limit.key.as_str()).collect()
}
