//! How the engine begins a task. Nothing else of it may spawn one: a simulation has to end all tasks of a process with it, at any wait.

#[cfg(any(test, feature = "testing"))]
mod life;

use tokio::task::JoinHandle;

#[cfg(any(test, feature = "testing"))]
pub(crate) use life::{Life, ON_PURPOSE, owned};

/// Begins a task beside this one.
pub(crate) fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(owned(task))
}

/// The task as its process has it, for whoever keeps tasks together.
#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn owned<F: Future>(task: F) -> F {
    task
}
