//! What a verb takes up of what one person may: a place among their runs under way where it lets one go on that was over, and what it
//! stores of their day. Must never count what is refused, nor the repetition of what was asked before.

use ::runs::Ask;
use workflow::{RunId, run::RunEvent};

use super::{Call, Earlier};
use crate::{OpContext, Result};

/// A place that was taken, perhaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Taken(Option<RunId>);

impl Taken {
    /// Nothing came of it. A place that cannot be given back is free again in a minute.
    pub(super) async fn give_back(self, ctx: &OpContext) {
        if let Some(run) = self.0
            && let Err(error) = ctx.store().leave_place(run).await
        {
            tracing::debug!(run.id = %run, error = &error as &dyn std::error::Error, "a place was not given back");
        }
    }
}

impl Call<'_> {
    pub(super) async fn take_up(&self, ask: &Ask, n_bytes: usize) -> Result<Taken> {
        let nothing = Taken(None);
        if self.seen.earlier != Earlier::No || (n_bytes == 0 && !self.seen.is_over) {
            return Ok(nothing);
        }
        // Refused, it takes nothing up: it is then asked in earnest, and told why.
        let events = match self.would(ask).await? {
            Some(Ok(events)) if !events.is_empty() => events,
            _ => return Ok(nothing),
        };
        let mut taken = nothing;
        if self.seen.is_over && goes_on(&events) {
            self.ctx.store().take_place(self.actor.id, self.run).await?;
            taken = Taken(Some(self.run));
        }
        if let Err(error) = self.ctx.store().charge(self.actor.id, n_bytes).await {
            taken.give_back(self.ctx).await;
            return Err(error.into());
        }
        Ok(taken)
    }
}

/// Whether a run that was over is not any more after these.
fn goes_on(events: &[RunEvent]) -> bool {
    let last = events.iter().rev().find_map(|event| event.data.run.as_ref());
    last.is_some_and(|run| !run.status.is_terminal())
}
