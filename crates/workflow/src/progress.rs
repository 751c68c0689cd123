//! How far a run is: the one way in which its steps, and the items of a map step, are counted and told.
//! Every list, page, canvas and command asks here, and none may count by itself: two ways of counting never agree.
//!
//! A step counts once, whatever list it is mapped over: its items count with it, not beside it.
//! Only what completed is done; what was skipped, failed or was cancelled is told beside it, so that the numbers add up.

use serde::{Deserialize, Serialize};

use crate::{
    id::StepKey,
    status::StepStatus,
    view::{RunView, Tally},
    words::{plural, thousands},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    pub total: i64,
    pub completed: i64,
    pub skipped: i64,
    /// Whatever the failure means for the run.
    pub failed: i64,
    pub cancelled: i64,
}

impl Progress {
    /// Of the steps of a run.
    pub fn of_run(run: &RunView) -> Self {
        if let Some(left_out) = &run.left_out {
            return Self::of_tally(&left_out.steps);
        }
        run.steps.iter().filter(|step| step.item_of.is_none()).map(|step| step.status).collect()
    }

    /// Of the items of a map step; none before its list is known.
    pub fn of_items(run: &RunView, map: &StepKey) -> Self {
        if let Some(left_out) = &run.left_out {
            return left_out.items.get(map).map(Self::of_tally).unwrap_or_default();
        }
        run.items(map).iter().map(|step| step.status).collect()
    }

    fn of_tally(tally: &Tally) -> Self {
        let mut progress = Self::default();
        for (status, n) in tally {
            progress.add_many(*status, *n);
        }
        progress
    }

    pub fn add(&mut self, status: StepStatus) {
        self.add_many(status, 1);
    }

    fn add_many(&mut self, status: StepStatus, n: i64) {
        self.total += n;
        match status {
            StepStatus::Completed => self.completed += n,
            StepStatus::Skipped => self.skipped += n,
            StepStatus::Failed => self.failed += n,
            StepStatus::Cancelled => self.cancelled += n,
            StepStatus::Pending | StepStatus::Ready | StepStatus::Running | StepStatus::AwaitingReview => {}
        }
    }

    /// How many are over, in whatever way.
    pub fn over(self) -> i64 {
        self.completed + self.skipped + self.failed + self.cancelled
    }

    /// How much is over, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a bar shows no digits")]
    pub fn share(self) -> f32 {
        if self.total == 0 { 0.0 } else { self.over() as f32 / self.total as f32 }
    }

    /// "1 of 6 steps done, 4 skipped, 1 failed".
    pub fn words(self) -> String {
        let noun = plural(self.total, "step");
        format!("{} of {} {noun} done{}", thousands(self.completed), thousands(self.total), self.beside())
    }

    /// "1 of 6 done, 4 skipped, 1 failed": beside the name of what is counted.
    pub fn brief(self) -> String {
        format!("{} of {} done{}", thousands(self.completed), thousands(self.total), self.beside())
    }

    /// What is over without being done.
    fn beside(self) -> String {
        let told = [(self.skipped, "skipped"), (self.failed, "failed"), (self.cancelled, "cancelled")];
        told.into_iter()
            .filter(|(n, _)| *n > 0)
            .fold(String::new(), |said, (n, word)| format!("{said}, {} {word}", thousands(n)))
    }
}

impl FromIterator<StepStatus> for Progress {
    fn from_iter<T: IntoIterator<Item = StepStatus>>(statuses: T) -> Self {
        let mut progress = Self::default();
        for status in statuses {
            progress.add(status);
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::testing::{add_items, run};

    fn check(statuses: &[StepStatus], words: &str, brief: &str) {
        let progress: Progress = statuses.iter().copied().collect();
        assert_eq!((progress.words().as_str(), progress.brief().as_str()), (words, brief));
    }

    #[test]
    fn what_is_told_adds_up() {
        use StepStatus::{AwaitingReview, Cancelled, Completed, Failed, Pending, Ready, Running, Skipped};
        check(&[], "0 of 0 steps done", "0 of 0 done");
        check(&[Running], "0 of 1 step done", "0 of 1 done");
        check(&[Completed, Running, Pending, Ready, AwaitingReview], "1 of 5 steps done", "1 of 5 done");
        check(
            &[Completed, Skipped, Skipped, Skipped, Skipped, Skipped],
            "1 of 6 steps done, 5 skipped",
            "1 of 6 done, 5 skipped",
        );
        check(
            &[Completed, Skipped, Failed, Cancelled, Cancelled],
            "1 of 5 steps done, 1 skipped, 1 failed, 2 cancelled",
            "1 of 5 done, 1 skipped, 1 failed, 2 cancelled",
        );
        check(&[Completed; 1200], "1,200 of 1,200 steps done", "1,200 of 1,200 done");
        for status in StepStatus::ALL {
            let progress: Progress = [*status].into_iter().collect();
            assert_eq!(progress.over() == 1, status.is_terminal(), "{status}");
        }
    }

    #[test]
    fn items_count_with_their_step() {
        let mut run = run(&json!({"each": {"agent_id": "a", "depends_on": ["list"]}, "list": {"agent_id": "a"}}));
        add_items(&mut run, "each", &["a", "b", "c"]);
        let statuses = [StepStatus::Running, StepStatus::Completed, StepStatus::Failed, StepStatus::Running];
        for (step, status) in run.steps.iter_mut().zip(statuses.into_iter().chain([StepStatus::Completed])) {
            Arc::make_mut(step).status = status;
        }
        assert_eq!(Progress::of_run(&run).words(), "1 of 2 steps done");
        let items = Progress::of_items(&run, &"each".into());
        assert_eq!(items.brief(), "1 of 3 done, 1 failed");
        assert!((items.share() - 2.0 / 3.0).abs() < f32::EPSILON);
        assert_eq!(Progress::of_items(&run, &"list".into()), Progress::default());
    }
}
