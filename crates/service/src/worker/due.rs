//! Tasks whose time is over: any process ends them, whoever handed them out.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Workers, limits};

/// Of one look.
const AT_ONCE: i64 = 200;

pub(super) async fn look(workers: &Workers, stop: &CancellationToken) {
    while stop.run_until_cancelled(sleep(limits::LOOK_AT_DUE)).await.is_some() {
        let due = match workers.0.store.due_tasks(AT_ONCE).await {
            Ok(due) => due,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "what is due was not looked at; the next look does it");
                continue;
            }
        };
        for task in due {
            if let Err(error) = workers.time_out(&task).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(run.id = %task.place.run, error, "a task was not ended; the next look does it");
            }
        }
    }
}
