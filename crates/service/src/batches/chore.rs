//! Starts the rows of batches, in every server on the database: each takes a batch for a while, starts some of its rows as whoever
//! uploaded it, and gives it back. What they may do then counts, not what they might when they uploaded it.
//! Must never lose a row to a quota, nor start one twice: a row has a key of its own.

use std::{collections::BTreeSet, time::Duration};

use store::batches::{Claimed, WaitingRow};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use workflow::api::StartRun;

use super::key_of_row;
use crate::{Error, OpContext, RequestInfo, Result, Service, runs};

/// Between two looks where nothing is to do.
const LOOK: Duration = Duration::from_millis(500);
/// Rows of a batch that are started before the turn of the next one.
const ROWS: i64 = 25;
/// Until a place among somebody's runs under way may be free, or the database is back.
const WAIT: Duration = Duration::from_secs(2);
/// A day's quota is asked again at least so often: it may have been raised.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What becomes of a row.
enum Next {
    Started(workflow::RunId),
    Refused(String),
    /// The batch waits, for so long; why, if that is anybody's business.
    Wait(Duration, String),
    /// Nobody may start the rest.
    Stop(String),
}

/// Until it is told to stop: it ends between two rows.
pub async fn run(service: Service, stop: CancellationToken) {
    let nobody = service.context(None, RequestInfo::default());
    while !stop.is_cancelled() {
        let is_busy = match turn(&service, &nobody, &stop).await {
            Ok(is_busy) => is_busy,
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a batch did not go on; the next look does it"
                );
                false
            }
        };
        if !is_busy && stop.run_until_cancelled(sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

/// Some rows of one batch; false where none is to go on.
async fn turn(service: &Service, nobody: &OpContext, stop: &CancellationToken) -> Result<bool> {
    let store = nobody.store();
    let Some(batch) = store.claim_batch().await? else { return Ok(false) };
    let person = store.voters(&BTreeSet::from([batch.user])).await?;
    let Some(actor) = person.now(batch.user) else {
        store
            .stop_batch(batch.id, "Whoever uploaded it cannot sign in any more, so nothing is started for them.")
            .await?;
        return Ok(true);
    };
    let ctx = service.errand_of(actor.clone());
    for row in store.waiting_rows(batch.id, ROWS).await? {
        if stop.is_cancelled() {
            break;
        }
        let n = row.n;
        let goes_on = match start(&ctx, &batch, row).await {
            Next::Started(run) => store.row_started(batch.id, n, run).await?,
            Next::Refused(reason) => store.row_refused(batch.id, n, &reason).await?,
            Next::Wait(wait, reason) => {
                store.batch_waits(batch.id, &reason, wait).await?;
                return Ok(true);
            }
            Next::Stop(reason) => {
                store.stop_batch(batch.id, &reason).await?;
                return Ok(true);
            }
        };
        if !goes_on {
            break;
        }
    }
    store.leave_batch(batch.id).await?;
    Ok(true)
}

async fn start(ctx: &OpContext, batch: &Claimed, row: WaitingRow) -> Next {
    let Some(inputs) = workflow::json::kept(row.inputs.as_bytes()) else {
        return Next::Refused("What is stored of this row cannot be read.".to_owned());
    };
    let serde_json::Value::Object(inputs) = inputs else {
        return Next::Refused("What is stored of this row cannot be read.".to_owned());
    };
    let start = StartRun {
        template_id: batch.template,
        version: None,
        inputs: inputs.into_iter().collect(),
        auto_run: batch.auto_run,
    };
    match runs::start_row(ctx, start, batch.version, key_of_row(batch.id, row.n)).await {
        Ok(started) => Next::Started(started.done.run),
        Err(error) => next(&error),
    }
}

fn next(error: &Error) -> Next {
    match error {
        Error::NotFound | Error::Forbidden | Error::NotYours(_) => Next::Stop(
            "The workflow is for others now, or is gone, so nothing more is started. Ask an admin.".to_owned(),
        ),
        Error::NotPublished | Error::Conflict(_) | Error::InvalidDefinition { .. } => Next::Stop(error.to_api().detail),
        Error::Quota(store::quotas::Spent::RunningRuns { .. }) => Next::Wait(WAIT, error.to_api().detail),
        _ => {
            let told = error.to_api();
            match error.retry_after() {
                Some(wait) => Next::Wait(wait.clamp(WAIT, LONGEST_WAIT), told.detail),
                // A fault of the server's is none of the row's: it waits until a person lets the batch go on.
                None if told.status >= 500 => Next::Stop(told.detail),
                None => Next::Refused(told.detail),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn becomes(error: &Error) -> &'static str {
        match next(error) {
            Next::Started(_) => "started",
            Next::Refused(_) => "refused",
            Next::Wait(..) => "waits",
            Next::Stop(_) => "stops",
        }
    }

    #[test]
    fn a_row_is_refused_for_what_is_in_it_alone() {
        for (error, expected) in [
            (Error::invalid("inputs.n", "It is no number."), "refused"),
            (Error::Unstorable("a NUL".into()), "refused"),
            (Error::Quota(store::quotas::Spent::RunningRuns { max: 1 }), "waits"),
            (Error::Busy("later".into()), "waits"),
            (Error::TooManyRequests { retry_after: Duration::from_secs(2) }, "waits"),
            (Error::Runs(::runs::Error::Unavailable), "waits"),
            (Error::Runs(::runs::Error::ReservationGone), "stops"),
            (Error::NotFound, "stops"),
            (Error::NotPublished, "stops"),
        ] {
            assert_eq!(becomes(&error), expected, "{error}");
        }
    }
}
