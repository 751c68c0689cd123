//! Dry runs: the same decision as the verb itself, not committed, and what it would do in a form that people read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Command, Context, Refused, State, decide};
use crate::{
    api::{BlastRadius, MovePlan},
    id::StepKey,
    moving, rerun,
};

/// Which steps a re-run would begin a generation of, and what their last attempts cost.
pub fn rerun(state: &State, command: &Command, ctx: &Context<'_>) -> Result<BlastRadius, Refused> {
    let Command::Rerun { step, mode, .. } = command else { return Err(Refused::NotFound) };
    decide(state, command, ctx)?;
    let view = state.view(&BTreeMap::new());
    let keys: BTreeSet<StepKey> = rerun::closure(&view, step, *mode);
    Ok(rerun::blast_radius(&view, &keys))
}

/// Which completed steps would stay valid on another version. It may be asked of a run that cannot move now.
pub fn move_to(state: &State, command: &Command, ctx: &Context<'_>) -> Result<MovePlan, Refused> {
    let Command::Move(to) = command else { return Err(Refused::NotFound) };
    match decide(state, command, ctx) {
        Ok(_) | Err(Refused::RunStatus(_) | Refused::StepRuns) => {
            Ok(moving::plan(&state.view(&BTreeMap::new()), &to.definition))
        }
        Err(refused) => Err(refused),
    }
}
