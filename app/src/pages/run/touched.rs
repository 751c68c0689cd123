//! Who follows a single step hears of that one alone: following the whole run, each of thousands of rows would be worked out anew with
//! each event, and the run would look for each of them among its readers. Must be told of every change of the view.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::StepKey;

/// Counts up with each change of the step.
type Changes = ArcRwSignal<u32>;

#[derive(Clone, Copy)]
pub(super) struct Touched(StoredValue<BTreeMap<StepKey, Changes>>);

impl Touched {
    pub(super) fn new() -> Self {
        Self(StoredValue::new(BTreeMap::new()))
    }

    /// From now on whoever calls this is called again when the step has changed.
    pub(super) fn follow(self, key: &StepKey) {
        if let Some(changes) = self.0.try_update_value(|known| known.entry(key.clone()).or_default().clone()) {
            changes.track();
        }
    }

    pub(super) fn tell<'a>(self, keys: impl IntoIterator<Item = &'a StepKey>) {
        tell(self.0.try_with_value(|known| keys.into_iter().filter_map(|key| known.get(key).cloned()).collect()));
    }

    pub(super) fn tell_all(self) {
        tell(self.0.try_with_value(|known| known.values().cloned().collect()));
    }
}

/// Nobody is left to be told once the page is gone.
fn tell(followed: Option<Vec<Changes>>) {
    for changes in followed.into_iter().flatten() {
        changes.update(|n| *n = n.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactive::memo;

    #[test]
    fn who_follows_a_step_hears_of_that_one_alone() {
        Owner::new().with(|| {
            let touched = Touched::new();
            let readers = ["a", "b"].map(|key| {
                let n_readings = StoredValue::new(0_u32);
                memo(move || {
                    touched.follow(&StepKey::from(key));
                    n_readings.update_value(|n| *n += 1);
                    n_readings.get_value()
                })
            });
            let read = || readers.map(|reader| reader.get_untracked());
            assert_eq!(read(), [1, 1]);
            touched.tell(&[StepKey::from("a"), StepKey::from("nobody")]);
            assert_eq!(read(), [2, 1]);
            touched.tell_all();
            assert_eq!(read(), [3, 2]);
        });
    }
}
