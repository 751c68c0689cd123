//! The end: what was begun has to be over once nothing breaks any more and everybody who is asked has decided; then the processes end, and
//! `weft check` looks at what is left.

use std::{
    ffi::OsStr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::Method;
use tokio::time::sleep;

use super::{faults::Broken, fleet::Fleet};
use crate::{
    client::Client,
    postgres::{Postgres, Psql},
    server::Weft,
};

/// Steps take a second, leases ten, and a step that was lost waits for its turn: what takes longer hangs.
const OVER_WITHIN: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The line of `weft check` that counts.
const COUNT: &str = "violations: ";

/// Waits until all is over and ends the processes. What did not end, or did not end well.
pub(crate) async fn settle(broken: &mut Broken, clients: &[Client]) -> Result<Vec<String>> {
    for member in &broken.fleet.members {
        member.to_database.heal();
    }
    broken.cluster.start().await?;
    finish(&mut broken.fleet, &broken.postgres, &broken.database, clients).await
}

/// The same of processes around which nothing is broken any more.
pub(crate) async fn finish(
    fleet: &mut Fleet,
    postgres: &Postgres,
    database: &str,
    clients: &[Client],
) -> Result<Vec<String>> {
    fleet.look_after().await?;
    let mut violations = Vec::new();
    let (began, mut psql) = (Instant::now(), postgres.connect(database)?);
    while psql.count("SELECT count(*) FROM workflow_runs WHERE finished_at IS NULL").await? > 0 {
        if began.elapsed() > OVER_WITHIN {
            let left =
                "SELECT string_agg(format('%s %s', id, status), ', ') FROM workflow_runs WHERE finished_at IS NULL";
            violations.push(format!(
                "after {} s these were not over: {}",
                OVER_WITHIN.as_secs(),
                psql.ask(left).await?
            ));
            break;
        }
        decide(&mut psql, clients).await?;
        sleep(LOOK_EVERY).await;
        fleet.look_after().await?;
    }
    let ends = "SELECT coalesce(string_agg(n || ' ' || status, ', '), 'none') FROM (
        SELECT status, count(*) AS n FROM workflow_runs GROUP BY status) s";
    println!("runs: {}", psql.ask(ends).await?);
    let attempts = "SELECT coalesce(string_agg(n || ' ' || what, ', '), 'none') FROM (
        SELECT concat_ws(' ', outcome, error_class) AS what, count(*) AS n FROM attempts GROUP BY 1) s";
    println!("attempts: {}", psql.ask(attempts).await?);
    // Nothing here fails by itself: what failed was given up after it had taken processes with it, or was stopped by somebody.
    let failed = "SELECT count(*) FROM attempts WHERE outcome = 'failed' AND coalesce(error_class, '') NOT IN ('crash_loop', 'stopped')";
    let n_failed = psql.count(failed).await?;
    if n_failed > 0 {
        violations.push(format!("{n_failed} attempts failed, and no agent did"));
    }
    drop(psql);
    for n in 0..fleet.members.len() {
        fleet.end(n).await;
    }
    Ok(violations)
}

/// Approves what waits for somebody, and lets go on what somebody paused. What is refused is over by now, or waits for something else.
async fn decide(psql: &mut Psql, clients: &[Client]) -> Result<()> {
    let client = clients.first().context("nobody serves")?;
    let gates = "SELECT coalesce(string_agg(run_id || '/steps/' || step || '/continue', ' '), '') FROM reviews";
    let paused = "SELECT coalesce(string_agg(id || '/resume', ' '), '') FROM workflow_runs WHERE status = 'paused' AND status_reason = 'person'";
    for query in [paused, gates] {
        for what in psql.ask(query).await?.split_whitespace() {
            let path = format!("/api/workflows/runs/{what}");
            // No answer is asked for again at the next look.
            let _ = client.send(Method::POST, &path, Bytes::from_static(b"{}")).await;
        }
    }
    Ok(())
}

/// How many violations `weft check` found; what it says is shown.
pub(crate) async fn check(weft: &Weft, database: &OsStr, told: &Path) -> Result<u32> {
    let file = told.to_str().context("the file of answers has no name in UTF-8")?;
    let said = weft.said(database, &["check", "--settled", "--acknowledged", file]).await?;
    let (report, last) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    println!("{report}");
    match last.strip_prefix(COUNT).and_then(|n| n.parse().ok()) {
        Some(n) => Ok(n),
        None => bail!("`weft check` did not say how many violations there are: {said}"),
    }
}
