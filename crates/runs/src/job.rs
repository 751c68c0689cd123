//! What a handle of the runs asks of the task that decides about them.

use tokio::sync::oneshot;
use workflow::{id::RunId, run::State};

use crate::{
    answer::{Answer, Error},
    ask::Ask,
};

pub(crate) type Look = Box<dyn FnOnce(Result<Option<&State>, Error>) + Send>;

pub(crate) struct Read {
    pub(crate) run: RunId,
    /// As it is known, but if it can be not before this event.
    pub(crate) at_least: i64,
    /// Who looks is just about to ask the run for something.
    pub(crate) will_ask: bool,
    pub(crate) look: Look,
}

pub(crate) enum Job {
    Ask(Box<Ask>, oneshot::Sender<Result<Answer, Error>>),
    Read(Read),
}
