//! Several gates of one run follow each other: after a decision the next one that waits for this person is chosen.
//! Must never take the page from somebody who has not decided anything.

use leptos::prelude::*;
use workflow::{RunView, StepKey, access::Actor};

use super::{state::LiveRun, verbs::waits_for};

impl LiveRun {
    /// This person has decided at that gate. The next one that waits for them is chosen; where none does yet, the page goes to it by
    /// itself once it opens.
    pub(super) fn lead_on(self, from: &StepKey, me: Option<&Actor>) {
        self.has_decided.set(true);
        let now = self.selected.get_untracked();
        let waiting = self.order.with_untracked(|order| self.run.with_untracked(|run| waiting(run, order, me)));
        let next = after(&waiting, from).or_else(|| now.clone());
        self.proposed.set_value(next.clone());
        if next != now {
            self.selected.set(next);
        }
    }
}

/// The gates that wait for this person, in the order of the steps; the items of a list in its order.
pub(super) fn waiting(run: &RunView, order: &[StepKey], me: Option<&Actor>) -> Vec<StepKey> {
    let mut found = Vec::new();
    for key in order {
        if run.step(key).is_some_and(|step| waits_for(run, step, me)) {
            found.push(key.clone());
        }
        let mut items: Vec<_> = run.items(key).iter().filter(|item| waits_for(run, item, me)).collect();
        items.sort_unstable_by_key(|item| item.item_index);
        found.extend(items.into_iter().map(|item| item.key.clone()));
    }
    found
}

/// The first of another step; of an item, the first of the same list before any other.
fn after(waiting: &[StepKey], from: &StepKey) -> Option<StepKey> {
    let others = || waiting.iter().filter(move |key| *key != from);
    let of_same = others().find(|key| key.split().0 == from.split().0);
    of_same.or_else(|| others().next()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<StepKey> {
        keys.iter().map(|key| StepKey::new(*key)).collect()
    }

    #[test]
    fn the_next_item_of_a_list_comes_before_other_steps() {
        let waiting = keys(&["plan", "write[b]", "write[c]"]);
        let next = |from: &str| after(&waiting, &StepKey::new(from));
        assert_eq!(next("write[a]"), Some("write[b]".into()));
        assert_eq!(next("write[b]"), Some("write[c]".into()));
        assert_eq!(next("plan"), Some("write[b]".into()));
        assert_eq!(
            after(&keys(&["plan"]), &"plan".into()),
            None,
            "its own review, which still wants the approvals of others"
        );
    }
}
