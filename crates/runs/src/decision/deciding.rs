//! One decision: `decide` is called by this and by nobody beside it, and may panic without harm.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use workflow::run::{Context, Refused, RunEvent, State, decide};

use crate::{
    ask::{Ask, By},
    shared::{Stats, Surroundings},
};

/// What every decision of one commit has in common.
pub(super) struct Deciding<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) stats: &'a Stats,
    pub(super) now: DateTime<Utc>,
}

impl Deciding<'_> {
    /// The outer error: it panicked.
    pub(super) fn decide(&self, state: &State, ask: &Ask) -> Result<Result<Vec<RunEvent>, Refused>, String> {
        Stats::count(&self.stats.decisions, 1);
        let (actor, was_asked, request) = match &ask.by {
            By::Itself => (None, false, None),
            By::Person { actor, was_asked, request } => (Some(actor), *was_asked, request.as_ref()),
        };
        let decide = || {
            let ctx = Context {
                now: self.now,
                random: (self.around.random)(),
                actor,
                was_asked,
                request,
                voters: &ask.voters,
                agents: &ask.agents,
            };
            decide(state, &ask.command, &ctx)
        };
        // It changes nothing, so there is nothing that a panic could leave half done.
        catch_unwind(AssertUnwindSafe(decide)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("decide panicked").to_owned()
        })
    }
}
