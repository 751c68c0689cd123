//! How soon something happens: a first step after its start, and a person's verb on a run that is busy.
//! Times that the product tells are differences on the database's clock alone; a request is measured on ours.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use axum::body::Bytes;
use chrono::DateTime;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Reading;
use crate::{
    client::Client,
    definitions::{OUT, SOURCE, Shape, artifact},
    figures::{HOT_VERB, START_TO_CLAIM},
    lab::Lab,
    session::Session,
    stats::{per_second, percentile},
    watch::{At, Watch},
};

const N_STARTS: u32 = 100;
/// Far enough apart that one run is over before the next.
const START_EVERY: Duration = Duration::from_millis(100);
const VERB_EVERY: Duration = Duration::from_millis(20);

pub(super) async fn start_to_claim(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let mut slowest = Vec::new();
    for repeat in 0..=lab.repeats {
        let waits = claims(&mut session).await?;
        if repeat > 0 {
            slowest.extend(percentile(&waits, 95));
        }
    }
    lab.give_back(session).await;
    Ok(vec![Reading::new(START_TO_CLAIM, slowest).noted(format!("of {N_STARTS} starts, ten a second"))])
}

/// Milliseconds from the request of each start to the run's first attempt: until the answer, since an attempt that begins with the start
/// is written by the same commit, and by the database's clock from the start on where it begins later.
pub(super) async fn claims(session: &mut Session) -> Result<Vec<f64>> {
    let template = session.template(Shape::Dag).await?;
    let awaited = session.awaited(N_STARTS).await?;
    let mut runs = Vec::new();
    for _ in 0..N_STARTS {
        let asked = Instant::now();
        let run = session.client.start(&template).await?;
        runs.push((run, asked.elapsed().as_secs_f64() * 1000.0));
        sleep(START_EVERY).await;
    }
    session.until_over(Shape::Dag, &awaited).await?;
    let mut waits = Vec::new();
    for (run, answered) in runs {
        let waited = waited(&session.client, &run).await?;
        waits.push(answered + waited.with_context(|| format!("the run {run} is over without an attempt"))?);
    }
    Ok(waits)
}

/// Milliseconds from a run's start to its first attempt; nothing while there is none.
pub(super) async fn waited(client: &Client, run: &str) -> Result<Option<f64>> {
    let view = client.get(&format!("/api/workflows/runs/{run}")).await?;
    let steps = view["steps"].as_array().context("a run without steps")?;
    let attempts = steps.iter().filter_map(|step| step["attempts"].as_array()).flatten();
    let first = attempts.filter_map(|attempt| micros(&attempt["started_at"])).min();
    let created = micros(&view["created_at"]).context("a run without a beginning")?;
    let waited =
        first.map(|first| i32::try_from(first - created)).transpose().context("a wait of more than half an hour")?;
    Ok(waited.map(|micros| f64::from(micros) / 1000.0))
}

fn micros(time: &Value) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(time.as_str()?).ok()?.timestamp_micros())
}

/// Edits of a completed step while the 9,998 behind it are committed.
pub(super) async fn hot_verb(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let (mut slowest, mut rates) = (Vec::new(), Vec::new());
    for repeat in 0..=lab.repeats {
        let (taken, rate) = edits(&mut session).await?;
        if repeat > 0 {
            slowest.extend(percentile(&taken, 95));
            rates.push(rate);
        }
    }
    lab.give_back(session).await;
    let rate = percentile(&rates, 50).unwrap_or_default();
    Ok(vec![Reading::new(HOT_VERB, slowest).noted(format!("on a run that committed {rate:.0} results a second"))])
}

/// Milliseconds of each edit, and the results that the run committed in a second.
async fn edits(session: &mut Session) -> Result<(Vec<f64>, f64)> {
    let template = session.template(Shape::Big).await?;
    let awaited = session.awaited(1).await?;
    let run = session.client.start(&template).await?;
    let watch = Watch::open(&session.client, At::Run(&run)).await?;
    let path = format!("/api/workflows/runs/{run}/steps/{SOURCE}/edit");
    let client = session.client.clone();
    let mut taken = Vec::new();
    let over = tokio::select! {
        over = session.until_over(Shape::Big, &awaited) => over?,
        refused = edit_again_and_again(&client, &path, &mut taken) => return Err(refused),
    };
    drop(watch);
    Ok((taken, per_second(Shape::Big.n_steps(), over)))
}

/// Until it is dropped, or comes back with the reason why it cannot go on.
async fn edit_again_and_again(client: &Client, path: &str, taken: &mut Vec<f64>) -> anyhow::Error {
    let body = Bytes::from(json!({"artifacts": {OUT: artifact()}}).to_string());
    loop {
        let asked = Instant::now();
        match client.send(Method::POST, path, body.clone()).await {
            Ok((status, _)) if status.is_success() => taken.push(asked.elapsed().as_secs_f64() * 1000.0),
            // The step is not completed yet.
            Ok((StatusCode::CONFLICT, _)) if taken.is_empty() => {}
            Ok((status, bytes)) => {
                return anyhow!("an edit was answered {status}: {}", String::from_utf8_lossy(&bytes));
            }
            Err(error) => return error,
        }
        sleep(VERB_EVERY).await;
    }
}
