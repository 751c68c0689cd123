//! After a decision: how many more gates of the run wait for this person, with the way to the inbox.
//! Must say nothing to somebody who has not decided anything, nor in a try, whose gates are in no inbox.

use leptos::prelude::*;
use workflow::StepKey;

use super::{next_gate::waiting, one_step::OneStep};
use crate::{reactive::memo, words};

/// "2 more wait for you here."
#[component]
pub(super) fn GatesLeft(one: OneStep) -> impl IntoView {
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
    fn it_is_said_how_many_more_there_are() {
        let shown = StepKey::new("a");
        let words = |waiting: &[&str]| words_of(&keys(waiting), &shown);
        assert_eq!(words(&["a", "b", "c"]), "2 more wait for you here.");
        assert_eq!(words(&["b"]), "1 more waits for you here.");
        assert_eq!(words(&["a"]), "This is the last one that waits for you here.");
        assert_eq!(words(&[]), "That was the last one that waited for you here.");
    }
}
