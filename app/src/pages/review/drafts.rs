//! What was typed about steps and not sent: it stays while other steps are looked at, and on this device after that. The page of a run and
//! the inbox keep it in one place, so that each has what was typed on the other.
//! Must never be part of a first page: the server does not know what is on the device.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use workflow::{RunId, StepKey};

use crate::{
    device,
    unsent::{Keeper, Texts, left_at},
};

#[derive(Clone, Copy)]
pub(in crate::pages) struct Drafts {
    /// By what they are for.
    texts: StoredValue<BTreeMap<String, RwSignal<String>>>,
    /// Grows with the texts.
    n_texts: RwSignal<usize>,
    /// What an earlier visit had left on this device.
    left: StoredValue<Texts>,
    /// Those that were taken up from there, until a person has kept or discarded them.
    restored: RwSignal<BTreeSet<String>>,
    /// Of the page: a text outlives the form that asks for it first.
    owner: StoredValue<Option<Owner>>,
}

impl Drafts {
    pub(in crate::pages) fn of(run: RunId) -> Self {
        Self::at(&format!("run:{run}"))
    }

    /// For what is about no run in particular.
    pub(in crate::pages) fn at(form: &str) -> Self {
        let place = device::place(form);
        let drafts = Self {
            texts: StoredValue::default(),
            n_texts: RwSignal::new(0),
            left: StoredValue::new(place.as_deref().and_then(left_at).unwrap_or_default()),
            restored: RwSignal::default(),
            owner: StoredValue::new(Owner::current()),
        };
        Keeper::follow(place, move || drafts.to_keep());
        drafts
    }

    fn to_keep(self) -> Texts {
        self.n_texts.track();
        let known = self.texts.get_value();
        // What no form has asked for yet is still kept.
        let mut texts = self.left.get_value();
        texts.retain(|name, _| !known.contains_key(name));
        texts.extend(known.into_iter().map(|(name, text)| (name, text.get())).filter(|(_, text)| !text.is_empty()));
        texts
    }

    /// A text that outlives the control it is typed into.
    pub(in crate::pages) fn text(self, name: &str) -> RwSignal<String> {
        if let Some(known) = self.texts.with_value(|texts| texts.get(name).copied()) {
            return known;
        }
        let kept = self.left.with_value(|left| left.get(name).cloned());
        if kept.is_some() {
            self.restored.update(|restored| {
                restored.insert(name.to_owned());
            });
        }
        let make = || RwSignal::new(kept.clone().unwrap_or_default());
        let text = self.owner.with_value(|owner| owner.as_ref().map_or_else(make, |owner| owner.with(make)));
        self.texts.update_value(|texts| {
            texts.insert(name.to_owned(), text);
        });
        self.n_texts.try_update(|n| *n += 1);
        text
    }

    /// Those of one form that came back from this device.
    pub(in crate::pages) fn restored_of(self, form: &str, step: &StepKey) -> Vec<String> {
        let end = format!(" {step}");
        let is_of = |name: &String| name.strip_suffix(&end).is_some_and(|name| name.split(' ').next() == Some(form));
        self.restored.with(|restored| restored.iter().filter(|name| is_of(name)).cloned().collect())
    }

    pub(in crate::pages) fn discard(self, names: &[String]) {
        for name in names {
            self.text(name).set(String::new());
        }
        self.settle(names);
    }

    /// They need no word any more.
    pub(in crate::pages) fn settle(self, names: &[String]) {
        self.restored.update(|restored| restored.retain(|name| !names.contains(name)));
    }
}
