//! Which steps of a run wait for a worker that is not there, or run at one that is silent. Must never ask anything of the page that shows it.

use std::collections::BTreeMap;

use workflow::{StepKey, StepStatus, api::AbsentWorker};

/// By step.
pub(in crate::pages) type Absent = BTreeMap<StepKey, AbsentWorker>;

pub(super) fn by_step(absent: &[AbsentWorker]) -> Absent {
    absent.iter().map(|absent| (absent.step.clone(), absent.clone())).collect()
}

/// The worker that this step waits for; a list waits for that of any of its items, the longest absent one.
pub(super) fn find(absent: &Absent, key: &StepKey, is_map: bool) -> Option<AbsentWorker> {
    if !is_map {
        return absent.get(key).cloned();
    }
    absent.values().filter(|absent| absent.step.split().0 == *key).min_by_key(|absent| absent.since).cloned()
}

/// Whether this is still so in a step of this status. The feed says only a moment later that it is not.
pub(super) fn is_of(absent: &AbsentWorker, status: StepStatus, is_map: bool) -> bool {
    match status {
        StepStatus::Ready => !absent.is_silent,
        StepStatus::Running => absent.is_silent || is_map,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn absent(step: &str, minute: i64) -> AbsentWorker {
        AbsentWorker {
            step: step.into(),
            agent_id: "x".into(),
            since: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
            is_silent: false,
        }
    }

    #[test]
    fn a_list_waits_for_the_worker_of_any_of_its_items() {
        let known = by_step(&[absent("write[b]", 2), absent("write[a]", 1), absent("read", 0), absent("writer", 0)]);
        assert_eq!(find(&known, &"write".into(), true), Some(absent("write[a]", 1)));
        assert_eq!(find(&known, &"write[b]".into(), false), Some(absent("write[b]", 2)));
        assert_eq!(find(&known, &"write".into(), false), None);
    }

    #[test]
    fn what_is_ready_has_no_silent_worker_and_what_runs_waits_for_none() {
        let (missing, silent) = (absent("a", 1), AbsentWorker { is_silent: true, ..absent("a", 1) });
        for (status, is_missing, is_silent) in
            [(StepStatus::Ready, true, false), (StepStatus::Running, false, true), (StepStatus::Failed, false, false)]
        {
            assert_eq!((is_of(&missing, status, false), is_of(&silent, status, false)), (is_missing, is_silent));
        }
        assert!(is_of(&missing, StepStatus::Running, true), "an item of it waits");
    }
}
