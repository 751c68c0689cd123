//! The steps of a definition, by their keys. A copy shares each step with what it is a copy of, until one of the two changes it: an editor
//! has a draft many times (what is shown, what the server has, what a crash would write down), and a person changes one step of thousands.
//! Must never be told from a plain map by what is written, read or hashed of it.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, btree_map},
    fmt,
    iter::Map,
    ops::Index,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::Step;
use crate::id::StepKey;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(BTreeMap<StepKey, Arc<Step>>);

type Pair<'a> = (&'a StepKey, &'a Step);
type PairMut<'a> = (&'a StepKey, &'a mut Step);
type Keys<'a> = btree_map::Keys<'a, StepKey, Arc<Step>>;
// Named, and no opaque types: what is opaque borrows until the end of its scope.
type Iter<'a> = Map<btree_map::Iter<'a, StepKey, Arc<Step>>, fn((&'a StepKey, &'a Arc<Step>)) -> Pair<'a>>;
type IterMut<'a> = Map<btree_map::IterMut<'a, StepKey, Arc<Step>>, fn((&'a StepKey, &'a mut Arc<Step>)) -> PairMut<'a>>;
type Values<'a> = Map<btree_map::Values<'a, StepKey, Arc<Step>>, fn(&'a Arc<Step>) -> &'a Step>;
type ValuesMut<'a> = Map<btree_map::ValuesMut<'a, StepKey, Arc<Step>>, fn(&'a mut Arc<Step>) -> &'a mut Step>;
type IntoIter = Map<btree_map::IntoIter<StepKey, Arc<Step>>, fn((StepKey, Arc<Step>)) -> (StepKey, Step)>;

impl Steps {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        StepKey: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Step>
    where
        StepKey: Borrow<Q>,
    {
        self.0.get(key).map(plain)
    }

    /// The step to be changed. Of one that is shared this makes a copy, so it is asked for only where something is changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut Step>
    where
        StepKey: Borrow<Q>,
    {
        self.0.get_mut(key).map(own)
    }

    /// The step, to be shared with another definition.
    pub fn shared<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Arc<Step>>
    where
        StepKey: Borrow<Q>,
    {
        self.0.get(key)
    }

    pub fn first_key_value(&self) -> Option<Pair<'_>> {
        self.0.first_key_value().map(plain_pair)
    }

    pub fn keys(&self) -> Keys<'_> {
        self.0.keys()
    }

    pub fn values<'a>(&'a self) -> Values<'a> {
        self.0.values().map(plain as fn(&'a Arc<Step>) -> &'a Step)
    }

    /// All of them, to be changed. Where some are, `change_where` leaves the others shared.
    pub fn values_mut<'a>(&'a mut self) -> ValuesMut<'a> {
        self.0.values_mut().map(own as fn(&'a mut Arc<Step>) -> &'a mut Step)
    }

    pub fn iter<'a>(&'a self) -> Iter<'a> {
        self.0.iter().map(plain_pair as fn((&'a StepKey, &'a Arc<Step>)) -> Pair<'a>)
    }

    /// As `values_mut`.
    pub fn iter_mut<'a>(&'a mut self) -> IterMut<'a> {
        self.0.iter_mut().map(own_pair as fn((&'a StepKey, &'a mut Arc<Step>)) -> PairMut<'a>)
    }

    /// Changes the steps that are meant; the others stay shared.
    pub fn change_where(
        &mut self,
        is_meant: impl Fn(&StepKey, &Step) -> bool,
        mut change: impl FnMut(&StepKey, &mut Step),
    ) {
        for (key, step) in &mut self.0 {
            if is_meant(key, plain(step)) {
                change(key, own(step));
            }
        }
    }

    pub fn insert(&mut self, key: StepKey, step: Step) -> Option<Arc<Step>> {
        self.share(key, Arc::new(step))
    }

    /// Takes in a step of another definition, without a copy of it.
    pub fn share(&mut self, key: StepKey, step: Arc<Step>) -> Option<Arc<Step>> {
        self.0.insert(key, step)
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<Arc<Step>>
    where
        StepKey: Borrow<Q>,
    {
        self.0.remove(key)
    }

    pub fn retain(&mut self, mut stays: impl FnMut(&StepKey, &Step) -> bool) {
        self.0.retain(|key, step| stays(key, plain(step)));
    }

    pub fn into_values(self) -> impl Iterator<Item = Step> {
        self.0.into_values().map(Arc::unwrap_or_clone)
    }

    /// The steps as they are shared.
    pub fn into_shared(self) -> btree_map::IntoIter<StepKey, Arc<Step>> {
        self.0.into_iter()
    }
}

fn plain(step: &Arc<Step>) -> &Step {
    step
}

fn own(step: &mut Arc<Step>) -> &mut Step {
    Arc::make_mut(step)
}

fn plain_pair<'a>((key, step): (&'a StepKey, &'a Arc<Step>)) -> Pair<'a> {
    (key, step)
}

fn own_pair<'a>((key, step): (&'a StepKey, &'a mut Arc<Step>)) -> PairMut<'a> {
    (key, own(step))
}

fn owned((key, step): (StepKey, Arc<Step>)) -> (StepKey, Step) {
    (key, Arc::unwrap_or_clone(step))
}

impl PartialEq for Steps {
    /// What is shared is not looked into.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.0.iter().zip(&other.0).all(|((key, step), (other_key, other))| {
                key == other_key && (Arc::ptr_eq(step, other) || step == other)
            })
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<Q: Ord + ?Sized> Index<&Q> for Steps
where
    StepKey: Borrow<Q>,
{
    type Output = Step;

    /// # Panics
    /// If there is no such step, as that of any map.
    fn index(&self, key: &Q) -> &Step {
        &self.0[key]
    }
}

impl<'a> IntoIterator for &'a Steps {
    type Item = Pair<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Steps {
    type Item = PairMut<'a>;
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}

impl IntoIterator for Steps {
    type Item = (StepKey, Step);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        self.0.into_iter().map(owned as fn((StepKey, Arc<Step>)) -> (StepKey, Step))
    }
}

impl FromIterator<(StepKey, Arc<Step>)> for Steps {
    fn from_iter<I: IntoIterator<Item = (StepKey, Arc<Step>)>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl FromIterator<(StepKey, Step)> for Steps {
    fn from_iter<I: IntoIterator<Item = (StepKey, Step)>>(steps: I) -> Self {
        steps.into_iter().map(|(key, step)| (key, Arc::new(step))).collect()
    }
}

impl Extend<(StepKey, Arc<Step>)> for Steps {
    fn extend<I: IntoIterator<Item = (StepKey, Arc<Step>)>>(&mut self, steps: I) {
        self.0.extend(steps);
    }
}

impl Extend<(StepKey, Step)> for Steps {
    fn extend<I: IntoIterator<Item = (StepKey, Step)>>(&mut self, steps: I) {
        self.0.extend(steps.into_iter().map(|(key, step)| (key, Arc::new(step))));
    }
}

impl From<BTreeMap<StepKey, Step>> for Steps {
    fn from(steps: BTreeMap<StepKey, Step>) -> Self {
        steps.into_iter().collect()
    }
}

impl<const N: usize> From<[(StepKey, Step); N]> for Steps {
    fn from(steps: [(StepKey, Step); N]) -> Self {
        steps.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Definition;

    fn definition() -> Definition {
        let read = json!({"from": "step", "step": "a", "artifact": "text"});
        Definition::from_value(&json!({"steps": {
            "b": {"agent_id": "y", "depends_on": ["a"], "inputs": {"t": read, "n": {"const": 1.10}}},
            "a": {"agent_id": "x", "title": "A", "ui": {"x": 1.5, "y": -2}}, "c": {"agent_id": "x"}}}))
        .unwrap()
    }

    /// How many of the steps are one and the same in both.
    fn n_shared(one: &Steps, other: &Steps) -> usize {
        one.keys()
            .filter(|key| one.shared(*key).zip(other.shared(*key)).is_some_and(|(a, b)| Arc::ptr_eq(a, b)))
            .count()
    }

    #[test]
    fn it_is_written_and_read_as_a_plain_map_is() {
        let steps = definition().steps;
        let plain: BTreeMap<StepKey, Step> = steps.clone().into_iter().collect();
        let text = serde_json::to_string(&steps).unwrap();
        assert_eq!(text, serde_json::to_string(&plain).unwrap());
        assert_eq!(format!("{steps:?}"), format!("{plain:?}"));
        assert_eq!(serde_json::from_str::<Steps>(&text).unwrap(), steps);
        assert_eq!(Steps::from(plain), steps);
        let told = |text: &str| serde_json::from_str::<Steps>(text).unwrap_err().to_string();
        let told_plainly = |text: &str| serde_json::from_str::<BTreeMap<StepKey, Step>>(text).unwrap_err().to_string();
        for text in ["[]", "null", r#"{"a":{"agent_id":1}}"#, r#"{"a":{}}"#] {
            assert_eq!(told(text), told_plainly(text));
        }
    }

    #[test]
    fn a_copy_shares_every_step_but_those_that_are_changed() {
        let before = definition();
        let mut after = before.clone();
        assert_eq!(n_shared(&before.steps, &after.steps), 3);
        after.steps.get_mut("a").unwrap().title = "another".into();
        assert_eq!(n_shared(&before.steps, &after.steps), 2);
        assert_eq!((before.steps["a"].title.as_str(), after.steps["a"].title.as_str()), ("A", "another"));
        assert_ne!(after, before);
        after.steps.get_mut("a").unwrap().title = "A".into();
        assert_eq!(after, before, "what says the same is equal, shared or not");
        let mut other = before.clone();
        other.steps.change_where(|_, step| step.agent_id.as_str() == "x", |_, step| step.cache = true);
        assert_eq!(n_shared(&before.steps, &other.steps), 1);
        assert!(other.steps["a"].cache && other.steps["c"].cache && !other.steps["b"].cache);
        assert!(before.steps.values().all(|step| !step.cache));
    }

    #[test]
    fn what_is_taken_over_is_shared_too() {
        let before = definition();
        let mut other = Steps::default();
        other.extend(before.steps.shared("a").cloned().map(|step| (StepKey::from("z"), step)));
        assert!(Arc::ptr_eq(other.shared("z").unwrap(), before.steps.shared("a").unwrap()));
        let again: Steps = before.steps.clone().into_shared().collect();
        assert_eq!(n_shared(&before.steps, &again), 3);
        other.retain(|key, _| key.as_str() != "z");
        assert!(other.is_empty() && other.remove("z").is_none());
    }

    #[test]
    fn what_is_only_drawn_is_not_in_the_hash_of_a_copy_nor_lost_from_what_it_is_of() {
        let drawn = definition();
        let mut bare = drawn.clone();
        bare.steps.get_mut("a").unwrap().undraw();
        assert_eq!(bare.semantic_hash(), drawn.semantic_hash());
        assert!(drawn.steps["a"].ui.is_some());
    }
}
