//! What a handle of the runs asks of the task that decides about them.

use tokio::sync::oneshot;
use workflow::{id::RunId, run::State};

use crate::{
    answer::{Answer, Error},
    ask::Ask,
};

pub(crate) type Look = Box<dyn FnOnce(Result<Option<&State>, Error>) + Send>;

pub(crate) enum Job {
    Ask(Box<Ask>, oneshot::Sender<Result<Answer, Error>>),
    /// As it is known, but if it can be not before this event.
    Read(RunId, i64, Look),
}
