//! What somebody whom a workflow is for no more may still do in their old runs of it: let what is under way end, and decide where they
//! are asked. Must never let work begin on anything new: that would be a start, and starts are for the audience.

use workflow::{
    run::{Command, State, state::Step},
    status::StepStatus,
};

use super::{Call, Earlier};
use crate::{Result, audience, runs::overrides};

/// How far the run and the step were when the asker was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stage {
    is_over: bool,
    /// The step has what it makes.
    is_done: bool,
    /// Somebody is asked at it.
    is_at_gate: bool,
}

impl Stage {
    pub(super) fn of(state: &State, step: Option<&Step>) -> Self {
        let status = step.map(|step| step.status.word());
        Self {
            is_over: state.run.status.is_terminal(),
            is_done: matches!(status, Some(StepStatus::Completed | StepStatus::Skipped)),
            is_at_gate: step.is_some_and(|step| step.review().is_some()),
        }
    }

    /// Whether it would be work that is not under way: on other inputs, on what another version or another run brings, or what was done
    /// before once more.
    fn begins_anew(self, command: &Command) -> bool {
        let Self { is_over, is_done, is_at_gate } = self;
        match command {
            Command::Adopt { .. } | Command::Move(_) | Command::Rerun { .. } => true,
            Command::Trigger { changes, .. } => is_over || is_done || !overrides::is_nothing(changes),
            Command::Edit(_) | Command::Supply { .. } => !is_at_gate,
            Command::Skip { inputs, .. } => !is_at_gate && (is_over || !inputs.is_empty()),
            Command::Rollback { .. } | Command::Resume { .. } => is_over,
            _ => false,
        }
    }
}

impl Call<'_> {
    /// Passes if the workflow is for whoever asks, if it begins nothing new, or if it was asked before.
    pub(crate) async fn refuse_others(&self, command: &Command) -> Result<()> {
        if self.seen.stage.begins_anew(command) { self.refuse_new_work().await } else { Ok(()) }
    }

    /// The same of what always begins something new.
    pub(crate) async fn refuse_new_work(&self) -> Result<()> {
        if self.earlier() != Earlier::No {
            return Ok(());
        }
        audience::refuse_going_on(self.ctx, self.actor, self.run).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use workflow::{
        api::RerunMode,
        run::command::{Changes, Patch},
    };

    use super::*;

    const UNDER_WAY: Stage = Stage { is_over: false, is_done: false, is_at_gate: false };

    fn trigger(changes: Changes) -> Command {
        Command::Trigger { step: "a".into(), changes, expect_generation: None }
    }

    #[test]
    fn what_is_under_way_may_end_and_nothing_else_begins() {
        let (over, done) = (Stage { is_over: true, ..UNDER_WAY }, Stage { is_done: true, ..UNDER_WAY });
        let at_gate = Stage { is_at_gate: true, ..UNDER_WAY };
        let retry = trigger(Changes::default());
        let other = trigger(Changes { prompt: Patch::Set("Other".to_owned()), inputs: Patch::Keep });
        let supply = Command::Supply { step: "a".into(), outputs: Vec::new(), expect_generation: None };
        let skip = Command::Skip { step: "a".into(), inputs: BTreeMap::new(), expect_generation: None };
        let resume = Command::Resume { budget: None };
        for (stage, command) in [
            (UNDER_WAY, &retry),
            (at_gate, &supply),
            (UNDER_WAY, &skip),
            (UNDER_WAY, &resume),
            (over, &Command::Cancel),
        ] {
            assert!(!stage.begins_anew(command), "{stage:?} {command:?}");
        }
        let mode = RerunMode::Downstream;
        let rerun = Command::Rerun { step: "a".into(), mode, changes: Changes::default(), expect_generation: None };
        let adopt = Command::Adopt { versions: BTreeMap::new() };
        for (stage, command) in [
            (over, &retry),
            (done, &retry),
            (UNDER_WAY, &other),
            (UNDER_WAY, &rerun),
            (UNDER_WAY, &adopt),
            (UNDER_WAY, &supply),
            (over, &skip),
            (over, &resume),
        ] {
            assert!(stage.begins_anew(command), "{stage:?} {command:?}");
        }
    }
}
