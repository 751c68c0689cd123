//! Which rows are ticked, and where one goes from a row: rules over the order of the list alone.

use std::collections::BTreeSet;

use super::asked::Key;

/// Ticks a row or takes its tick away; with Shift all between it and the one before become alike.
pub(super) fn tick(ticked: &mut BTreeSet<Key>, order: &[Key], anchor: Option<&Key>, at: &Key, is_on: bool) {
    for key in between(order, anchor, at) {
        if is_on {
            ticked.insert(key.clone());
        } else {
            ticked.remove(key);
        }
    }
}

/// From one to the other, in whichever order they stand; the one alone where the other has gone.
fn between<'a>(order: &'a [Key], from: Option<&Key>, to: &'a Key) -> &'a [Key] {
    let place = |key: &Key| order.iter().position(|known| known == key);
    match (from.and_then(place), place(to)) {
        (Some(from), Some(to)) => &order[from.min(to)..=from.max(to)],
        _ => std::slice::from_ref(to),
    }
}

/// The one after or before; the first where there is none yet. At an end one stays.
pub(super) fn step(order: &[Key], at: Option<&Key>, is_forward: bool) -> Option<Key> {
    let Some(place) = at.and_then(|at| order.iter().position(|known| known == at)) else {
        return order.first().cloned();
    };
    let next = if is_forward { (place + 1).min(order.len() - 1) } else { place.saturating_sub(1) };
    order.get(next).cloned()
}

/// The one to read once this one is decided, or gone: the next of its list that is still there, or the one before where it was the last.
/// `known`: the list as it was when it was in it.
pub(super) fn follower(known: &[Key], there: &[Key], at: &Key) -> Option<Key> {
    let still: BTreeSet<&Key> = there.iter().filter(|key| *key != at).collect();
    let place = known.iter().position(|key| key == at);
    let beside = place.and_then(|place| {
        let mut behind = known[place + 1..].iter();
        let mut before = known[..place].iter().rev();
        behind.find(|key| still.contains(key)).or_else(|| before.find(|key| still.contains(key)))
    });
    beside.or_else(|| there.iter().find(|key| *key != at)).cloned()
}

#[cfg(test)]
mod tests {
    use workflow::RunId;

    use super::*;

    fn key(step: &str) -> Key {
        (RunId(uuid::Uuid::nil()), step.into())
    }

    fn order() -> Vec<Key> {
        ["a", "b", "c", "d"].map(key).to_vec()
    }

    fn steps(ticked: &BTreeSet<Key>) -> String {
        ticked.iter().map(|(_, step)| step.as_str()).collect()
    }

    #[test]
    fn shift_makes_all_between_two_rows_alike() {
        let mut ticked = BTreeSet::new();
        tick(&mut ticked, &order(), None, &key("c"), true);
        assert_eq!(steps(&ticked), "c");
        tick(&mut ticked, &order(), Some(&key("c")), &key("a"), true);
        assert_eq!(steps(&ticked), "abc", "upwards too");
        tick(&mut ticked, &order(), Some(&key("b")), &key("d"), false);
        assert_eq!(steps(&ticked), "a");
        tick(&mut ticked, &order(), Some(&key("gone")), &key("d"), true);
        assert_eq!(steps(&ticked), "ad", "where it began has gone");
        tick(&mut ticked, &order(), Some(&key("a")), &key("x"), true);
        assert_eq!(steps(&ticked), "adx");
    }

    #[test]
    fn one_walks_from_row_to_row_and_stays_at_the_ends() {
        let from = |at: &str, is_forward| step(&order(), Some(&key(at)), is_forward).map(|(_, step)| step.to_string());
        assert_eq!(from("a", true).as_deref(), Some("b"));
        assert_eq!(from("d", true).as_deref(), Some("d"));
        assert_eq!(from("a", false).as_deref(), Some("a"));
        assert_eq!(from("gone", true).as_deref(), Some("a"));
        assert_eq!(step(&[], None, true), None);
    }

    #[test]
    fn after_a_decision_the_next_one_is_read() {
        let after = |there: &[Key], at: &str| follower(&order(), there, &key(at)).map(|(_, step)| step.to_string());
        assert_eq!(after(&order(), "a").as_deref(), Some("b"));
        assert_eq!(after(&order(), "d").as_deref(), Some("c"), "the one before the last");
        assert_eq!(after(&["a", "d"].map(key), "b").as_deref(), Some("d"), "it and its next have gone already");
        assert_eq!(after(&["a"].map(key), "b").as_deref(), Some("a"));
        assert_eq!(after(&["x", "y"].map(key), "b").as_deref(), Some("x"), "another list by now");
        assert_eq!(after(&["a"].map(key), "a"), None, "it is the only one");
        assert_eq!(after(&order(), "elsewhere").as_deref(), Some("a"));
    }
}
