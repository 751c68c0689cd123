//! What a whole run may use: how many steps at once, how much of tokens and money, and how long.

use canvas::Edit;
use leptos::prelude::*;
use workflow::{
    definition::{Budget, Limits, OnExceed},
    limits::MAX_RUN_TIMEOUT_S,
};

use super::super::{
    bound::{self, whole},
    draft::Draft,
    focus::field_id,
};
use crate::clock::duration_words;
use crate::components::{Field, NumberInput, Select, SelectOption};
use crate::reactive::{effect, memo};

/// A number of the limits and its control.
fn number(
    draft: Draft,
    read: impl Fn(&Limits) -> Option<f64> + Send + Sync + 'static,
    write: impl Fn(&mut Limits, Option<f64>) + Send + Sync + 'static,
) -> RwSignal<Option<f64>> {
    bound::number(
        move || draft.handle.with_definition(|definition| read(&definition.limits)),
        move |now| change(draft, |limits| write(limits, now)),
    )
}

fn change(draft: Draft, change: impl FnOnce(&mut Limits)) {
    let before = draft.handle.with_definition_untracked(|definition| definition.limits.clone());
    let mut after = before.clone();
    change(&mut after);
    if after != before {
        draft.apply(Edit::SetLimits(after), "Change limits");
    }
}

/// Sets one part of the budget; one without any part is none.
fn set_budget(limits: &mut Limits, set: impl FnOnce(&mut Budget)) {
    let mut budget =
        limits.budget.take().unwrap_or(Budget { tokens: None, cost_micros: None, on_exceed: OnExceed::default() });
    set(&mut budget);
    limits.budget = (budget.tokens.is_some() || budget.cost_micros.is_some()).then_some(budget);
}

#[component]
pub(super) fn RunLimits(draft: Draft) -> impl IntoView {
    let max_parallel = number(
        draft,
        |limits| limits.max_parallel.map(f64::from),
        |limits, now| limits.max_parallel = now.map(|now| whole(now, u32::MAX - 1)),
    );
    let tokens = number(
        draft,
        |limits| limits.budget.as_ref().and_then(|budget| budget.tokens).map(float),
        |limits, now| set_budget(limits, |budget| budget.tokens = now.map(long)),
    );
    let cost = number(
        draft,
        |limits| limits.budget.as_ref().and_then(|budget| budget.cost_micros).map(|micros| float(micros) / 1_000_000.0),
        |limits, now| set_budget(limits, |budget| budget.cost_micros = now.map(|now| long(now * 1_000_000.0))),
    );
    let timeout = number(
        draft,
        |limits| limits.timeout_s.map(f64::from),
        |limits, now| limits.timeout_s = now.map(|now| whole(now, MAX_RUN_TIMEOUT_S)),
    );
    let exceed = memo(move || {
        draft.handle.with_definition(|definition| definition.limits.budget.as_ref().map(|budget| budget.on_exceed))
    });
    let on_exceed = RwSignal::new(exceed.get_untracked().unwrap_or_default().as_str().to_owned());
    effect(move || on_exceed.set(exceed.get().unwrap_or_default().as_str().to_owned()));
    effect(move || {
        let now = if on_exceed.with(|now| now == "fail") { OnExceed::Fail } else { OnExceed::Pause };
        if exceed.get_untracked().is_some_and(|known| known != now) {
            change(draft, |limits| {
                if let Some(budget) = &mut limits.budget {
                    budget.on_exceed = now;
                }
            });
        }
    });
    let options =
        Signal::stored(vec![SelectOption::new("pause", "The run pauses"), SelectOption::new("fail", "The run fails")]);
    let error = move |field: &str| draft.problem_at(None, field.to_owned());
    let time_help =
        Signal::derive(move || match draft.handle.with_definition(|definition| definition.limits.timeout_s) {
            None => "Empty: as long as it takes".to_owned(),
            Some(seconds) => format!("That is {}", duration_words(i64::from(seconds) * 1000)),
        });
    view! {
        <section class="panel-section" aria-label="Limits of a run" id="f-limits" tabindex="-1" on:focusout=move |_| draft.handle.seal()>
            <h3>"Limits of a run"</h3>
            <div class="form-row">
                <Field id=field_id("limits.max_parallel") label="Steps at once" help="Empty for no limit" error=error("limits.max_parallel") optional=true>
                    <NumberInput value=max_parallel min=1.0 step=1.0/>
                </Field>
                <Field id=field_id("limits.timeout_s") label="Time limit" help=time_help error=error("limits.timeout_s") optional=true>
                    <NumberInput value=timeout min=1.0 max=f64::from(MAX_RUN_TIMEOUT_S) step=1.0 unit="s"/>
                </Field>
            </div>
            <div class="form-row" id=field_id("limits.budget") tabindex="-1">
                <Field id=field_id("limits.budget.tokens") label="Token limit" help="Of all steps together" error=error("limits.budget.tokens") optional=true>
                    <NumberInput value=tokens min=1.0 step=1.0 unit="tokens"/>
                </Field>
                <Field id=field_id("limits.budget.cost_micros") label="Cost limit" help="In the currency of the provider's prices" error=error("limits.budget.cost_micros") optional=true>
                    <NumberInput value=cost min=0.0/>
                </Field>
            </div>
            <Show when=move || exceed.get().is_some()>
                <Field id=field_id("limits.budget.on_exceed") label="When it is used up" error=error("limits.budget")>
                    <Select value=on_exceed options/>
                </Field>
            </Show>
        </section>
    }
}

#[expect(clippy::cast_precision_loss, reason = "budgets are far below 2^53")]
fn float(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from f64 stops at the ends of i64")]
fn long(n: f64) -> i64 {
    n.round() as i64
}
