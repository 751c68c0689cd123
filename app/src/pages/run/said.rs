//! What the graph says of steps beside their status: that nobody is there to do them, and how far their attempts are.
//! Only the browser says it: it names times of its own clock.

use std::{collections::BTreeMap, sync::Arc};

use canvas::Said;
use leptos::prelude::*;
use workflow::StepKey;

use super::{
    state::{LiveRun, pulse_of},
    tellings::{progress_words, share},
};
use crate::{clock, reactive::effect};

/// By step, as the graph has them: an item of a list speaks for its map step.
pub(super) fn beside_status(live: LiveRun) -> RwSignal<BTreeMap<StepKey, Said>> {
    let said = RwSignal::new(BTreeMap::new());
    let pulse = pulse_of(move || live.beside.track());
    effect(move || {
        pulse.track();
        let mut now: BTreeMap<StepKey, Said> = live.beside.with_untracked(|beside| {
            let of_steps = beside.tellings.all().filter(|(key, ..)| key.split().1.is_none());
            of_steps
                .map(|(key, _, progress)| {
                    let words = Arc::from(format!("Running · {}", progress_words(progress)));
                    (key.clone(), Said::Progress { words, share: share(progress) })
                })
                .collect()
        });
        let mut since = BTreeMap::new();
        live.beside.with_untracked(|beside| {
            for absent in beside.absent.values() {
                let first = since.entry(absent.step.split().0).or_insert((absent.since, absent.is_silent));
                *first = (absent.since, absent.is_silent).min(*first);
            }
        });
        for (key, (since, is_silent)) in since {
            let what = if is_silent { "Worker silent" } else { "No worker" };
            now.insert(key, Said::Absent(format!("{what} since {}", clock::since_words(since)).into()));
        }
        if said.with_untracked(|said| *said != now) {
            said.set(now);
        }
    });
    said
}
