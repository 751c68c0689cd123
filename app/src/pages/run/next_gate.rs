//! Several gates of one run follow each other: after a decision the next one that waits for this person is chosen, and it is said how many
//! more there are. Must never take the page from somebody who has not decided anything.

use leptos::prelude::*;
use workflow::{RunView, StepKey, access::Actor};

use super::{one_step::OneStep, state::LiveRun, verbs::waits_for};
use crate::{reactive::memo, words};

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
fn waiting(run: &RunView, order: &[StepKey], me: Option<&Actor>) -> Vec<StepKey> {
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

/// "2 more wait for you here". Nothing before the first decision, and nothing in a try, whose gates are in no inbox.
#[component]
pub(super) fn NextGate(one: OneStep) -> impl IntoView {
    let live = one.live;
    let is_test = live.run.with_untracked(|run| run.is_test);
    let words = memo(move || {
        if is_test || !live.has_decided.get() {
            return None;
        }
        let order = live.order.get();
        let waiting = one.session.with_user(|me| live.slowly(|run| waiting(run, &order, me)));
        Some(words_of(&waiting, &one.key()))
    });
    view! {
        <p class="next-gate small muted" role="status" aria-label="What else waits for you">
            {move || words.get().map(|words| view! { {words} " " <a href="/inbox">"Inbox"</a> })}
        </p>
    }
}

fn words_of(waiting: &[StepKey], shown: &StepKey) -> String {
    let n_more = waiting.iter().filter(|key| *key != shown).count();
    match (n_more, waiting.contains(shown)) {
        (0, true) => "This is the last one that waits for you here.".to_owned(),
        (0, false) => "That was the last one that waited for you here.".to_owned(),
        (1, _) => "1 more waits for you here.".to_owned(),
        (n, _) => format!("{} more wait for you here.", words::thousands(i64::try_from(n).unwrap_or(i64::MAX))),
    }
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
            "its own gate, which still wants the votes of others"
        );
    }

    #[test]
    fn it_is_said_how_many_more_there_are() {
        let shown = StepKey::new("a");
        let words = |waiting: &[&str]| words_of(&keys(waiting), &shown);
        assert_eq!(words(&["a", "b", "c"]), "2 more wait for you here.");
        assert_eq!(words(&["b"]), "1 more waits for you here.");
        assert_eq!(words(&["a"]), "This is the last one that waits for you here.");
        assert_eq!(words(&[]), "That was the last one that waited for you here.");
    }
}
