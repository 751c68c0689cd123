//! What was worked out once and is kept for whoever asks next, within a bound: what was asked for longest ago goes first.
//! Only for what never changes: nothing in it is ever taken back for being wrong.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    most: usize,
    kept: Mutex<Kept<K, V>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    values: BTreeMap<K, Entry<V>>,
    weight: usize,
    /// Moves with everything that is asked for.
    tick: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    asked_at: u64,
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    /// `most`: what all values may weigh together.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { values: BTreeMap::new(), weight: 0, tick: 0 }) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tick += 1;
        let tick = kept.tick;
        let found = kept.values.get_mut(key)?;
        found.asked_at = tick;
        Some(found.value.clone())
    }

    /// One that is heavier than all may be together is kept alone.
    pub(crate) fn put(&self, key: K, value: V, weight: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tick += 1;
        let asked_at = kept.tick;
        let before = kept.values.insert(key, Entry { value, weight, asked_at });
        kept.weight = kept.weight + weight - before.map_or(0, |before| before.weight);
        while kept.weight > self.most && kept.values.len() > 1 {
            let oldest = kept.values.iter().min_by_key(|(_, value)| value.asked_at).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| kept.values.remove(&key)) else { return };
            kept.weight -= gone.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let recent = Recent::new(10);
        recent.put("a", 1, 4);
        recent.put("b", 2, 4);
        assert_eq!(recent.get(&"a"), Some(1));
        recent.put("c", 3, 4);
        assert_eq!((recent.get(&"a"), recent.get(&"b"), recent.get(&"c")), (Some(1), None, Some(3)));
        recent.put("c", 4, 6);
        assert_eq!((recent.get(&"a"), recent.get(&"c")), (Some(1), Some(4)), "in place of the one before");
        recent.put("whole", 5, 100);
        assert_eq!((recent.get(&"c"), recent.get(&"whole")), (None, Some(5)));
    }
}
