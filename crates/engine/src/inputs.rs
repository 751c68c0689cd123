//! The values that the agent of an attempt is given: what its task says of them, read from the shelf.
//! Whoever begins the run of a sub-workflow works the same out again: what an attempt reads was recorded with its start.

use agents::{AgentError, Revision};
use serde_json::Value;
use workflow::{
    AgentSpec,
    content::Read,
    resolve::Resolved,
    run::task::{ItemFrom, Task, Unresolved},
    status::Reason,
};

use crate::{shared::Shared, shelf};

/// What the agent made last and what a person wants changed, if this generation began with a rejection.
pub(crate) fn revision(task: &Task, spec: &AgentSpec, read: &[Read]) -> Option<Revision> {
    let (rejection, _) = task.rejected.as_ref()?;
    let made = task.sent_back(spec, read).into_iter();
    let previous = made.filter_map(|read| Some((read.meta.name.clone(), read.value.as_deref()?.clone()))).collect();
    Some(Revision { previous, feedback: rejection.text.clone() })
}

/// The value of its item, where it is one.
pub(crate) async fn item(task: &Task, shared: &Shared) -> shelf::Result<Option<Value>> {
    match task.item_from() {
        ItemFrom::Nowhere => Ok(None),
        ItemFrom::Value(value) => Ok(value),
        ItemFrom::List(meta) => {
            let list = shared.cache.contents.list(&*shared.shelf, meta).await?;
            Ok(list.and_then(|list| task.item_of(&list)))
        }
    }
}

pub(crate) fn resolve(
    task: &Task,
    spec: &AgentSpec,
    read: &[Read],
    item: Option<&Value>,
) -> Result<Resolved, AgentError> {
    task.resolve(spec, read, item).map_err(|error| {
        let reason = match &error {
            Unresolved::Gone => Reason::Permanent,
            Unresolved::Missing(_) => Reason::MissingInput,
            Unresolved::Unreadable(_) => Reason::InvalidOutput,
        };
        AgentError::new(reason, error.to_string())
    })
}

/// Its agent, or its step, is not there.
pub(crate) fn gone() -> AgentError {
    AgentError::new(Reason::Permanent, Unresolved::Gone.to_string())
}
