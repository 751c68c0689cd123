//! Which steps of a run wait for a worker that is not there. Must never ask anything of the page that shows it.

use std::collections::BTreeMap;

use workflow::{StepKey, api::AbsentWorker};

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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn absent(step: &str, minute: i64) -> AbsentWorker {
        AbsentWorker {
            step: step.into(),
            agent_id: "x".into(),
            since: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
        }
    }

    #[test]
    fn a_list_waits_for_the_worker_of_any_of_its_items() {
        let known = by_step(&[absent("write[b]", 2), absent("write[a]", 1), absent("read", 0), absent("writer", 0)]);
        assert_eq!(find(&known, &"write".into(), true), Some(absent("write[a]", 1)));
        assert_eq!(find(&known, &"write[b]".into(), false), Some(absent("write[b]", 2)));
        assert_eq!(find(&known, &"write".into(), false), None);
    }
}
