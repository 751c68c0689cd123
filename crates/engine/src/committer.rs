//! Commits results in natural batches: at once when idle, collected while a commit is under way.
//! Any error is an unknown outcome: the same call is made again, and the fence makes that harmless.

use std::time::Duration;

use rand::Rng;
use store::{
    Store,
    protocol::{AttemptResult, Claims, Finished, Verdict, WorkerId},
};
use tokio_util::sync::CancellationToken;
use workflow::status::Reason;

/// Results in one call at most.
pub(crate) const MAX_BATCH: usize = 200;
/// Inline content in one call at most, roughly.
pub(crate) const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Takes from the front of the queue what fits into one call.
pub(crate) fn take_batch(queue: &mut Vec<Finished>) -> Vec<Finished> {
    let mut bytes = 0;
    let mut n = 0;
    for item in queue.iter().take(MAX_BATCH) {
        bytes += inline_bytes(item);
        if n > 0 && bytes > MAX_BATCH_BYTES {
            break;
        }
        n += 1;
    }
    queue.drain(..n).collect()
}

fn inline_bytes(item: &Finished) -> usize {
    match &item.result {
        AttemptResult::Succeeded(artifacts) => {
            artifacts.iter().filter_map(|artifact| artifact.content.as_ref()).map(Vec::len).sum()
        }
        AttemptResult::Failed { .. } | AttemptResult::Released => 0,
    }
}

/// Commits a batch, however long the database is away; gives up only when this worker is `dead`.
/// Returns what was claimed meanwhile, and what to decide.
pub(crate) async fn commit(
    store: &Store,
    worker: WorkerId,
    batch: &[Finished],
    n_claim: usize,
    dead: &CancellationToken,
) -> Claims {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.complete(worker, batch, n_claim).await {
            Ok(completion) => {
                for (item, verdict) in batch.iter().zip(&completion.verdicts) {
                    if *verdict == Verdict::Fenced {
                        tracing::warn!(
                            step.id = item.step,
                            attempt = item.attempt,
                            "a result came too late and was not taken"
                        );
                    }
                }
                return Claims { claimed: completion.claimed, asked: completion.asked };
            }
            Err(error) if !error.is_refused_value() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    results = batch.len(),
                    "the database is away; committing again soon"
                );
                let wait = pause.mul_f64(rand::rng().random_range(0.5..1.0));
                if dead.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                    return Claims::default();
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    results = batch.len(),
                    "a batch was refused; committing one by one"
                );
                let mut all = Claims::default();
                for item in batch {
                    let n_left = n_claim.saturating_sub(all.claimed.len());
                    let more = Box::pin(commit(store, worker, std::slice::from_ref(item), n_left, dead)).await;
                    all.claimed.extend(more.claimed);
                    all.asked.extend(more.asked);
                }
                return all;
            }
            Err(error) => return refuse(store, worker, &batch[0], &error).await,
        }
    }
}

/// A result that the database refuses for what it is: the step fails, instead of running for ever.
async fn refuse(store: &Store, worker: WorkerId, item: &Finished, error: &store::Error) -> Claims {
    tracing::error!(
        step.id = item.step,
        attempt = item.attempt,
        error = error as &dyn std::error::Error,
        "a result cannot be stored"
    );
    let failed = Finished {
        result: AttemptResult::Failed {
            class: Reason::InvalidOutput,
            error: "The result could not be stored".to_owned(),
            retry: None,
        },
        inputs: Vec::new(),
        usage: None,
        basis: None,
        message: None,
        item_basis: None,
        ..item.clone()
    };
    match store.complete(worker, &[failed], 0).await {
        Ok(completion) => Claims { claimed: completion.claimed, asked: completion.asked },
        Err(error) => {
            // The next beats find the attempt unknown to this worker and give it back.
            tracing::error!(step.id = item.step, error = &error as &dyn std::error::Error, "nor can its failure");
            Claims::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use store::protocol::NewArtifact;
    use workflow::ArtifactId;

    use super::*;

    fn item(step: i64, bytes: usize) -> Finished {
        let artifact = NewArtifact {
            id: ArtifactId(uuid::Uuid::nil()),
            name: "text".into(),
            media_type: "text/plain".into(),
            hash: String::new(),
            value_hash: None,
            size: 0,
            content: Some(vec![0; bytes]),
        };
        Finished {
            step,
            attempt: 1,
            result: AttemptResult::Succeeded(vec![artifact]),
            inputs: vec![],
            usage: None,
            basis: None,
            message: None,
            item_basis: None,
        }
    }

    #[test]
    fn a_batch_is_bounded_in_number_and_bytes_but_never_empty() {
        let mut queue: Vec<Finished> = (0..500).map(|n| item(n, 1)).collect();
        assert_eq!(take_batch(&mut queue).len(), MAX_BATCH);
        let mut queue = vec![item(1, MAX_BATCH_BYTES + 1), item(2, 1)];
        assert_eq!(take_batch(&mut queue).len(), 1);
        assert_eq!(queue.len(), 1);
    }
}
