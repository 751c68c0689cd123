//! A command on its way to a run, with all that deciding it needs. Everything in it was authorized or made by the engine.

use std::sync::Arc;

use workflow::{
    AgentCatalog,
    access::Actor,
    id::RunId,
    run::{Command, Voters, event::Request},
};

use crate::{
    commit::{Content, StartKey},
    message::MessageKey,
};

#[derive(Clone, Debug)]
pub struct Ask {
    pub run: RunId,
    pub command: Command,
    pub by: By,
    /// The agent versions that the run is pinned to. Only skipping and moving look at them.
    pub agents: Arc<AgentCatalog>,
    /// Those who voted at the gate, as they stand now.
    pub voters: Arc<Voters>,
    /// Content of what the command brings.
    pub contents: Vec<Content>,
    /// The inbox row that it answers: taken away with its commit, or where it changes nothing.
    pub message: Option<MessageKey>,
    /// Of a start: under which the person may begin one run.
    pub start: Option<StartKey>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum By {
    Itself,
    Person {
        actor: Actor,
        /// They were let in as somebody asked at a gate, which may have closed since.
        was_asked: bool,
        request: Option<Request>,
    },
}

impl Ask {
    /// What happens by itself.
    pub fn itself(run: RunId, command: Command) -> Self {
        Self {
            run,
            command,
            by: By::Itself,
            agents: Arc::default(),
            voters: Arc::default(),
            contents: Vec::new(),
            message: None,
            start: None,
        }
    }

    pub(crate) fn is_by_person(&self) -> bool {
        matches!(self.by, By::Person { .. })
    }
}
