//! What a verb came to, and how it is shown: the events alone to those who fold them, or the run as it is then.
//! A `Done` is only made of what was decided for whoever asked, so nobody is asked again whether they may see it: what somebody did at
//! a gate may have closed it, and with it ends what they see. This answer is the last of it.

use std::{collections::BTreeSet, sync::Arc};

use runs::Answer;
use workflow::{
    RunId, RunView, UserId,
    run::{RunEvent, state::Emails},
};

use super::looking;
use crate::{OpContext, Result};

#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    pub run: RunId,
    /// The last event of the run when it was answered.
    pub seq: i64,
    /// What it came to; none where it was so already, or the same request was answered before under its key.
    pub events: Vec<Arc<RunEvent>>,
}

/// A run that was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Started {
    pub done: Done,
    /// False when the same request was answered before.
    pub is_new: bool,
}

/// The answer to a verb that can be tried dry.
#[derive(Clone, PartialEq, Debug)]
pub enum Tried<T> {
    Dry(T),
    Done(Done),
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self { run: answer.run, seq: answer.seq, events: answer.events }
    }
}

/// The run after a verb, at least as new as what that came to.
pub async fn view_after(ctx: &OpContext, done: &Done) -> Result<RunView> {
    let state = looking::read(ctx, done.run, done.seq, Clone::clone).await?;
    looking::view(ctx, state).await
}

/// What a verb came to, for those who fold it into what they have.
pub async fn wire_after(ctx: &OpContext, done: &Done) -> Result<(Vec<RunEvent>, Emails)> {
    let people: BTreeSet<UserId> = done.events.iter().flat_map(|event| event.people()).collect();
    let emails = looking::emails_of(ctx, people).await?;
    Ok((done.events.iter().map(|event| event.for_wire()).collect(), emails))
}
