//! Where the page stands: what was asked for last is true at once, and the address follows it, as it follows Back and links.
//! Must never let an address that is still on its way take back what was asked for after it.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};

use super::asked::{Asked, Key, PATH};
use crate::reactive::{effect, memo};

#[derive(Clone, Copy)]
pub(super) struct Place {
    asked: RwSignal<Asked>,
    /// What the router was told and has not come to yet.
    sent: StoredValue<Vec<Asked>>,
    navigate: Callback<(String, bool)>,
    path: Memo<String>,
    /// So often the filters were cleared.
    n_cleared: RwSignal<u32>,
}

impl Place {
    pub(super) fn new() -> Self {
        let query = use_query_map();
        let path = use_location().pathname;
        let navigate = use_navigate();
        let address = memo(move || query.with(Asked::of_address));
        let place = Self {
            asked: RwSignal::new(address.get_untracked()),
            sent: StoredValue::new(Vec::new()),
            navigate: Callback::new(move |(href, replace): (String, bool)| {
                navigate(&href, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
            }),
            path,
            n_cleared: RwSignal::new(0),
        };
        effect(move || {
            let now = address.get();
            // The address of another page says nothing of this one.
            if path.with_untracked(|path| path != PATH) {
                return;
            }
            let is_ours = place.sent.try_update_value(|sent| is_ours(sent, &now)) == Some(true);
            if !is_ours && place.asked.with_untracked(|asked| *asked != now) {
                place.asked.set(now);
            }
        });
        place
    }

    pub(super) fn asked(self) -> RwSignal<Asked> {
        self.asked
    }

    /// Whether a link to another page was followed, of which the program may still be on its way. Only a person may call that off.
    pub(super) fn is_left(self) -> bool {
        self.path.try_with_untracked(|path| path != PATH) != Some(false)
    }

    /// The one that is read. Not followed.
    pub(super) fn gate(self) -> Option<Key> {
        self.asked.with_untracked(|asked| asked.gate.clone())
    }

    pub(super) fn go(self, change: impl FnOnce(&mut Asked)) {
        let Some(before) = self.asked.try_get_untracked() else { return };
        let mut now = before.clone();
        change(&mut now);
        if now == before {
            return;
        }
        let href = now.address();
        // What cannot be seen in the address, such as a blank at the end, is no other place.
        if href != before.address() {
            self.sent.update_value(|sent| sent.push(now.clone()));
        }
        self.asked.set(now.clone());
        if href != before.address() {
            self.navigate.run((href, !is_step(&before, &now)));
        }
    }

    /// Without filters, also without what is being typed and was not asked for yet.
    pub(super) fn clear(self) {
        self.go(Asked::clear);
        self.n_cleared.update(|n| *n = n.wrapping_add(1));
    }

    /// Another number once the filters were cleared.
    pub(super) fn n_cleared(self) -> u32 {
        self.n_cleared.get()
    }

    /// Reads this one.
    pub(super) fn choose(self, gate: Option<Key>) {
        self.go(|asked| asked.gate = gate);
    }
}

/// Whether Back leads to where one was before. Filters and walking from one review to the next are no steps of their own: nobody wants to
/// go back through all of them.
fn is_step(before: &Asked, now: &Asked) -> bool {
    before.tab != now.tab || (before.gate.is_none() && now.gate.is_some())
}

/// Whether the address only comes to where the page is already. What was passed on the way is done with.
fn is_ours(sent: &mut Vec<Asked>, now: &Asked) -> bool {
    let found = sent.iter().position(|sent| sent.address() == now.address());
    if let Some(found) = found {
        sent.drain(..=found);
    }
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searching(search: &str) -> Asked {
        Asked { search: search.to_owned(), ..Asked::default() }
    }

    #[test]
    fn an_address_that_comes_late_takes_nothing_back() {
        let mut sent = vec![searching("b"), searching("bl "), searching("blue")];
        assert!(is_ours(&mut sent, &searching("bl")), "the address drops the blank");
        assert_eq!(sent, [searching("blue")], "the first one was passed");
        assert!(!is_ours(&mut sent, &searching("red")), "somebody pressed Back");
        assert!(is_ours(&mut sent, &searching("blue")));
        assert!(!is_ours(&mut sent, &searching("blue")), "once");
    }

    #[test]
    fn back_leads_out_of_a_review_and_not_through_all_of_them() {
        let reading = |step: &str| Asked {
            gate: Some(("00000000-0000-0000-0000-000000000007".parse().unwrap(), step.into())),
            ..Asked::default()
        };
        let nothing = Asked::default();
        assert!(is_step(&nothing, &reading("a")));
        assert!(!is_step(&reading("a"), &reading("b")));
        assert!(!is_step(&reading("a"), &nothing));
        assert!(!is_step(&nothing, &searching("x")));
    }
}
