//! What a re-run would do: which steps run again, and what their last attempts cost.
//! The rule is the one that the server follows too.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use workflow::{
    StepKey,
    api::{BlastRadius, BlastStep},
    rerun::blast_radius,
};

use super::state::LiveRun;
use crate::reactive::memo;
use crate::{
    clock::duration_words,
    components::{Banner, Kind, StatusIcon},
    words,
};

/// Steps listed before "and N more".
const LISTED: usize = 8;
/// Names in a sentence before "and N more".
const NAMED: usize = 4;

/// `keys`: what begins anew by what is asked.
#[component]
pub(super) fn Blast(live: LiveRun, keys: Memo<BTreeSet<StepKey>>) -> impl IntoView {
    let radius = memo(move || {
        let mut radius = keys.with(|keys| live.slowly(|run| blast_radius(run, keys)));
        // As they will run: each after what it waits for.
        live.order.with(|order| {
            let place: BTreeMap<_, usize> = order.iter().zip(0..).collect();
            radius.steps.sort_by_key(|step| place.get(&step.key.split().0).copied());
        });
        radius
    });
    let rows = move || {
        radius.with(|radius| {
            radius
                .steps
                .iter()
                .take(LISTED)
                .map(|step| {
                    let cost = facts(step);
                    let status = step.status.as_str().to_owned();
                    view! {
                        <li>
                            <StatusIcon status/>
                            <span class="truncate">{step.title.clone()}</span>
                            <small>{cost}</small>
                        </li>
                    }
                    .into_any()
                })
                .collect_view()
        })
    };
    let others = move || {
        let n = radius.with(|radius| radius.steps.len().saturating_sub(LISTED));
        (n > 0).then(|| view! { <li class="muted small">{format!("and {}", words::count(n, "more step"))}</li> })
    };
    let written = memo(move || radius.with(written));
    let warning = move || {
        let names = written.get();
        (!names.is_empty()).then(|| view! {
            <Banner kind=Kind::Warn title="Written by a person">
                {format!("{}: what the step makes anew becomes the latest. The version that a person wrote is kept, and can be restored.", words::list(&names, NAMED))}
            </Banner>
        })
    };
    view! {
        <section class="blast" aria-label="What runs again">
            <p role="status">{move || radius.with(total)}</p>
            <ul>{rows} {others}</ul>
        </section>
        {warning}
    }
}

/// The titles of those of whose outputs a person wrote what is the latest.
fn written(radius: &BlastRadius) -> Vec<String> {
    radius.steps.iter().filter(|step| step.is_written).map(|step| words::isolated(&step.title)).collect()
}

fn total(radius: &BlastRadius) -> String {
    let mut total = format!("{} will run", words::count(radius.steps.len(), "step"));
    if radius.total_tokens > 0 {
        total = format!("{total}; last time it took {}", words::tokens(radius.total_tokens, radius.is_estimated));
    }
    if let Some(cost) = radius.total_cost_micros {
        total = format!("{total}, cost {}", words::money(cost));
    }
    total
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of an attempt are far from the end of i64")]
fn facts(step: &BlastStep) -> String {
    let mut facts = Vec::new();
    if step.seconds > 0.0 {
        facts.push(duration_words((step.seconds * 1000.0) as i64));
    }
    if step.tokens > 0 {
        facts.push(words::tokens(step.tokens, step.is_estimated));
    }
    if let Some(cost) = step.cost_micros {
        facts.push(format!("cost {}", words::money(cost)));
    }
    facts.join(" · ")
}
