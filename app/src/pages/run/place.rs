//! The step that is looked at, in the address: a reload, Back and a link show the same one.
//! A step that the page chose by itself is in no address: whoever comes back is shown what wants them then.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};
use workflow::StepKey;

use super::state::LiveRun;
use crate::{
    address::address,
    reactive::{effect, effect_with, memo},
};

/// Keeps the chosen step and the address equal. To be called once by the run page.
pub(super) fn keep_in_address(live: LiveRun) {
    let query = use_query_map();
    let path = use_location().pathname;
    let navigate = StoredValue::new(use_navigate());
    let home = StoredValue::new(format!("/runs/{}", live.id));
    let is_here = move || path.with_untracked(|path| home.with_value(|home| path == home));
    let asked = memo(move || query.with(|query| query.get("step").map(StepKey::new)));
    // What the address is known to say: it is the one that was written there last, or the one that was followed last.
    let known = StoredValue::new(asked.get_untracked());
    effect_with(move |before: Option<Option<StepKey>>| {
        let now = live.selected.get();
        if before.is_none_or(|before| before == now) || !is_here() {
            return now;
        }
        let wanted = now.clone().filter(|step| live.proposed.get_value().as_ref() != Some(step));
        let is_chosen = wanted.is_some();
        if is_chosen {
            // Also where it was chosen on the graph: from now on it is a person who leads.
            live.proposed.set_value(None);
        }
        if known.get_value() != wanted {
            known.set_value(wanted.clone());
            let step = wanted.as_ref().map(ToString::to_string).unwrap_or_default();
            let href = home.with_value(|home| address(home, [("step", step)]));
            // Nobody wants to go back to where the page led by itself.
            let replace = !is_chosen;
            navigate.with_value(|navigate| {
                navigate(&href, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
            });
        }
        now
    });
    effect(move || {
        let now = asked.get();
        // The address of another page says nothing of this one.
        if !is_here() || known.get_value() == now {
            return;
        }
        let is_known = now.as_ref().is_none_or(|step| live.run.with_untracked(|run| run.step(step).is_some()));
        // Of a large run it may be there once the run was read.
        if !is_known && !live.is_whole.get() {
            return;
        }
        known.set_value(now.clone());
        match now {
            Some(step) if is_known => live.choose(step),
            Some(_) => {}
            None => live.propose(),
        }
    });
}
