//! How the steps of a draft stand in a try of it, by their keys: what a step did does not change while the draft is drawn on, so it is known
//! also of one that comes back, or goes by another key. Must never change the draft, nor know of a run more than a card shows.

use std::{collections::BTreeMap, sync::Arc};

use workflow::{RunId, RunView, StepKey, StepStatus, timing::Worked};

use super::{
    Scene,
    describe::{Items, status_words, worked},
};

/// One step of it.
#[derive(Clone, Debug)]
struct Stood {
    status: StepStatus,
    words: Arc<str>,
    progress: Option<f32>,
    worked: Option<Worked>,
}

#[derive(Clone, Debug)]
pub(crate) struct Tried {
    run: RunId,
    steps: BTreeMap<StepKey, Stood>,
    /// The run knows the steps by the keys that they had.
    renamed: Vec<(StepKey, StepKey)>,
}

impl Tried {
    /// `before` is what was known until now: of the same try it knows what its steps are called since.
    pub(crate) fn of(run: &RunView, before: Option<Self>) -> Self {
        let own = run.steps.iter().filter(|step| step.item_of.is_none());
        let stood = own.map(|step| {
            let items = Items::of(run, &step.key);
            let stood = Stood {
                status: step.status,
                words: status_words(step, items),
                progress: items.map(Items::share),
                worked: worked(step, items),
            };
            (step.key.clone(), stood)
        });
        let mut tried = Self { run: run.id, steps: stood.collect(), renamed: Vec::new() };
        for (from, to) in before.filter(|before| before.run == run.id).into_iter().flat_map(|before| before.renamed) {
            tried.rename(from, to);
        }
        tried
    }

    /// From here on the step goes by another key.
    pub(crate) fn rename(&mut self, from: StepKey, to: StepKey) {
        if from == to {
            return;
        }
        // What went by that key before is another step.
        self.steps.remove(&to);
        if let Some(stood) = self.steps.remove(&from) {
            self.steps.insert(to.clone(), stood);
        }
        self.renamed.push((from, to));
    }
}

impl Scene {
    /// Takes in how the steps stand in a try, or in none; answers whether anything looks different now. What is no part of the try has no
    /// status.
    pub(crate) fn set_tried(&mut self, tried: Option<&Tried>) -> bool {
        let mut is_another = false;
        for node in self.nodes() {
            let at = node as usize;
            let stood = tried.and_then(|tried| tried.steps.get(&self.keys[at]));
            let (status, worked) = (stood.map(|stood| stood.status), stood.and_then(|stood| stood.worked));
            let words = stood.map_or_else(|| "".into(), |stood| stood.words.clone());
            let is_same = (self.status[at], self.worked[at]) == (status, worked) && self.status_text[at] == words;
            is_another |= !is_same;
            (self.status[at], self.worked[at]) = (status, worked);
            self.status_text[at] = words;
            self.progress[at] = stood.and_then(|stood| stood.progress);
        }
        is_another
    }
}
