//! What a history of 1,000,000 steps costs whoever works beside it: the pages that people open most, and the wait for a first step.
//!
//! The same is asked before and after the history is there, each time of a process that did nothing else. Before it there are a few hundred
//! runs, so that the pages are full: else it would be measured how long a page is. The history is made of runs that the server executed
//! (history.sql); it must never hold a row that the server could not have written.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::Method;
use tokio::time::sleep;

use super::{Reading, latency::claims};
use crate::{
    definitions::Shape,
    figures::MILLION,
    lab::{ADMIN, Lab},
    session::Session,
    stats::percentile,
};

const COPY: &str = concat!(include_str!("history.sql"), include_str!("../../day_totals.sql"));
/// Copies of runs of ten steps that are over, and of runs that wait at a gate.
pub(crate) const N_COMPLETED: u32 = 100_000;
pub(crate) const N_GATED: u32 = 2_000;
/// Of each of these, before the history.
const N_BEFORE: u32 = 60;
/// Requests of each page.
const N_ASKED: usize = 200;
const OVER_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A process reads a hundred runs every twenty seconds, and goes on at once while there are more.
const READ_WITHIN: Duration = Duration::from_mins(3);
const READ_LOOK_EVERY: Duration = Duration::from_millis(500);
/// Runs of which words and totals are not those of their last commit.
const UNREAD: &str = "SELECT count(*) FROM workflow_runs r
    LEFT JOIN run_texts t ON t.run_id = r.id LEFT JOIN run_counts c ON c.run_id = r.id
    WHERE (r.finished_at IS NOT NULL OR r.n_waiting > 0)
        AND (t.is_stale IS NULL OR t.as_of < r.committed_at OR c.run_id IS NULL OR c.as_of < r.committed_at)";
/// Somebody without rights of an admin, who has runs of their own.
const OTHER: &str = "reader@example.org";

/// Milliseconds, 95 of a hundred: of each page by its name, and of a first step.
struct Measured {
    pages: BTreeMap<&'static str, f64>,
    claim: f64,
}

pub(super) async fn million(lab: &mut Lab) -> Result<Vec<Reading>> {
    let database = lab.fresh_database().await?;
    let mut session = lab.session_over(database, None).await?;
    let token = lab.token(&session.database.url, OTHER, "user", "read,run").await?;
    fill(&mut session, &token).await?;
    let (before, session) = measured(lab, session, &token).await?;
    make(lab, &session.database.name, N_COMPLETED, N_GATED).await?;
    let (after, session) = measured(lab, session, &token).await?;
    lab.throw_away(session).await?;
    let compared: Vec<(f64, String)> =
        before.iter().zip(&after).map(|(before, after)| compared(before, after)).collect();
    let worst = compared.iter().max_by(|a, b| a.0.total_cmp(&b.0)).context("nothing was repeated")?;
    let note = format!("at worst {}", worst.1);
    Ok(vec![Reading::new(MILLION, compared.into_iter().map(|(ratio, _)| ratio).collect()).noted(note)])
}

/// The history itself, of what [`fill`] left, while a server works on that.
pub(crate) async fn make(lab: &Lab, database: &str, n_completed: u32, n_gated: u32) -> Result<()> {
    until_read(lab, database).await?;
    let began = Instant::now();
    let copy = COPY.replace(":completed", &n_completed.to_string()).replace(":gated", &n_gated.to_string());
    lab.postgres.execute(database, &copy).await?;
    lab.postgres.execute(database, "VACUUM ANALYZE").await?;
    // A history grows over months. That this one's gigabytes are written to disk for minutes yet is not what it costs.
    lab.postgres.execute(database, "CHECKPOINT").await?;
    let n_steps = n_completed * Shape::Dag.n_steps() + n_gated;
    eprintln!("a history of {n_steps} steps was made in {:.0} s", began.elapsed().as_secs_f32());
    Ok(())
}

/// What the server reads of runs after their commits is there, so that the copies have it too.
async fn until_read(lab: &Lab, database: &str) -> Result<()> {
    let began = Instant::now();
    while lab.postgres.ask_anew(database, UNREAD).await? != "0" {
        if began.elapsed() > READ_WITHIN {
            bail!(
                "the runs before the history were not read for searches and charts within {} s",
                READ_WITHIN.as_secs()
            );
        }
        sleep(READ_LOOK_EVERY).await;
    }
    Ok(())
}

/// The worse of pages and claims, and both in words.
fn compared(before: &Measured, after: &Measured) -> (f64, String) {
    let ratio = |(name, before): (&&'static str, &f64)| {
        let after = after.pages.get(name).copied().unwrap_or(f64::INFINITY);
        (after / before, *name, *before, after)
    };
    let worst = before.pages.iter().map(ratio).max_by(|a, b| a.0.total_cmp(&b.0));
    let (page, name, short, long) = worst.unwrap_or((f64::INFINITY, "no page", 0.0, 0.0));
    let claim = after.claim / before.claim;
    let note = format!(
        "{page:.2} x for {name} ({short:.1} and {long:.1} ms), {claim:.2} x for claims ({:.1} and {:.1} ms)",
        before.claim, after.claim
    );
    (page.max(claim), note)
}

/// A full page of everything, for both.
pub(crate) async fn fill(session: &mut Session, other: &str) -> Result<()> {
    let (dag, gate) = (session.template(Shape::Dag).await?, session.template(Shape::Gate).await?);
    for client in [session.client.clone(), session.client.speaking_for(other.to_owned())] {
        client.start_many(&dag, N_BEFORE).await?;
        client.start_many(&gate, N_BEFORE).await?;
    }
    let left = "SELECT count(*) FROM workflow_runs WHERE finished_at IS NULL AND n_waiting = 0";
    let began = Instant::now();
    while session.psql.count(left).await? > 0 {
        if began.elapsed() > OVER_WITHIN {
            bail!("the runs before the history were not over within {} s", OVER_WITHIN.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// By processes that did nothing before, one for each repeat after one to warm up the database.
async fn measured(lab: &Lab, session: Session, other: &str) -> Result<(Vec<Measured>, Session)> {
    let (mut all, mut session) = (Vec::new(), session);
    for repeat in 0..=lab.repeats {
        let Session { database, server, psql, .. } = session;
        drop(psql);
        server.stop().await;
        session = lab.session_over(database, None).await?;
        let pages = pages(&mut session, other).await?;
        let claim = percentile(&claims(&mut session).await?, 95).context("no run was started")?;
        if repeat > 0 {
            all.push(Measured { pages, claim });
        }
    }
    Ok((all, session))
}

/// The oldest, which no process has at hand: half of what is asked is read from the log, the other half from memory.
const OLDEST: &str = "SELECT string_agg(id::text, ' ') FROM (
    SELECT id FROM workflow_runs WHERE finished_at IS NOT NULL ORDER BY id LIMIT 100) oldest";

/// Half way between the newest run of the admin and the oldest.
const MIDDLE: &str = "SELECT (extract(epoch FROM created_at) * 1000000)::bigint || '_' || id FROM (
    SELECT r.created_at, r.id, row_number() OVER (ORDER BY r.created_at DESC, r.id DESC) AS n, count(*) OVER () AS of
    FROM workflow_runs r JOIN users u ON u.id = r.user_id WHERE u.email = 'EMAIL') mine WHERE n = of / 2";

async fn pages(session: &mut Session, other: &str) -> Result<BTreeMap<&'static str, f64>> {
    let runs = session.psql.ask(&in_a_line(OLDEST)).await?;
    let runs: Vec<String> = runs.split(' ').map(|run| format!("/api/workflows/runs/{run}")).collect();
    let timelines: Vec<String> = runs.iter().map(|run| format!("{run}/events")).collect();
    let middle = session.psql.ask(&in_a_line(&MIDDLE.replace("EMAIL", ADMIN))).await?;
    let list = "/api/workflows/runs?limit=50".to_owned();
    let waiting = "/api/workflows/waiting?limit=50".to_owned();
    let (me, other) = (&session.client, &session.client.speaking_for(other.to_owned()));
    let mut found = BTreeMap::new();
    for (name, client, paths) in [
        ("a run", me, runs),
        ("a timeline", me, timelines),
        ("my runs", me, vec![list.clone()]),
        ("my runs from the middle on", me, vec![format!("{list}&after={middle}")]),
        ("everybody's runs", me, vec![format!("{list}&all=true")]),
        ("the runs of somebody else", other, vec![list]),
        ("what waits for an admin", me, vec![waiting.clone()]),
        ("what waits for somebody else", other, vec![waiting]),
        ("the gallery", me, vec!["/api/workflows/gallery".to_owned()]),
    ] {
        let mut taken = Vec::new();
        for path in paths.iter().cycle().take(N_ASKED) {
            let asked = Instant::now();
            let (status, _) = client.send(Method::GET, path, Bytes::new()).await?;
            taken.push(asked.elapsed().as_secs_f64() * 1000.0);
            if !status.is_success() {
                bail!("{path} was answered {status}");
            }
        }
        found.insert(name, percentile(&taken, 95).context("no page was asked for")?);
    }
    Ok(found)
}

/// `psql` is asked by lines.
fn in_a_line(query: &str) -> String {
    query.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_pages_and_claims_is_told_with_both() {
        let measured = |run, list, claim| Measured { pages: [("a run", run), ("my runs", list)].into(), claim };
        let (ratio, note) = compared(&measured(10.0, 2.0, 5.0), &measured(12.0, 5.0, 6.0));
        assert!((ratio - 2.5).abs() < 1e-9, "{ratio}");
        assert_eq!(note, "2.50 x for my runs (2.0 and 5.0 ms), 1.20 x for claims (5.0 and 6.0 ms)");
        let (ratio, _) = compared(&measured(10.0, 2.0, 5.0), &measured(10.0, 2.0, 20.0));
        assert!((ratio - 4.0).abs() < 1e-9, "{ratio}");
    }
}
