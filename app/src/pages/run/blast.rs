//! What a re-run would do: which steps run again, and what their last attempts cost.
//! The rule is the one that the server follows too.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{
    api::{BlastRadius, BlastStep, RerunMode},
    rerun::{blast_radius, closure},
};

use super::one_step::OneStep;
use crate::reactive::memo;
use crate::{clock::duration_words, components::StatusIcon, words};

/// Steps listed before "and N more".
const LISTED: usize = 8;

#[component]
pub(super) fn Blast(one: OneStep, mode: Signal<RerunMode>) -> impl IntoView {
    let radius = memo(move || {
        let (key, mode) = (one.key(), mode.get());
        let mut radius = one.live.slowly(|run| blast_radius(run, &closure(run, &key, mode)));
        // As they will run: each after what it waits for.
        one.live.order.with(|order| {
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
    view! {
        <section class="blast" aria-label="What runs again">
            <p role="status">{move || radius.with(total)}</p>
            <ul>{rows} {others}</ul>
        </section>
    }
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
