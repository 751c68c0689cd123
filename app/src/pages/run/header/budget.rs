//! What the run has used of its budget, and the way on when it is used up.

use leptos::prelude::*;
use workflow::{RunView, api::ResumeRun, view::BudgetView};

use super::super::{failures::VerbError, press::Press, state::LiveRun};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{Button, Dialog, Field, NumberInput, Variant, dom},
    form::focus_first_error,
    words,
};

/// Whether some of the tokens are a guess.
fn is_estimated(run: &RunView) -> bool {
    let mut attempts = run.steps.iter().flat_map(|step| &step.attempts);
    attempts.any(|attempt| attempt.usage.as_ref().is_some_and(|usage| usage.is_estimated))
}

/// Tokens and money of all attempts.
fn used(run: &RunView) -> BudgetView {
    let usages = run.steps.iter().flat_map(|step| &step.attempts).filter_map(|attempt| attempt.usage.as_ref());
    usages.fold(BudgetView { tokens: Some(0), cost_micros: None }, |sum, usage| BudgetView {
        tokens: sum.tokens.map(|tokens| tokens + usage.prompt_tokens + usage.completion_tokens),
        cost_micros: match (sum.cost_micros, usage.cost_micros) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
        },
    })
}

#[component]
pub(super) fn BudgetMeter(live: LiveRun) -> impl IntoView {
    let state = memo(move || live.slowly(|run| (used(run), run.budget.unwrap_or_default(), is_estimated(run))));
    let view = move || {
        let (used, most, is_estimated) = state.get();
        let tokens = used.tokens.filter(|tokens| *tokens > 0 || most.tokens.is_some()).map(|tokens| {
            let words = match most.tokens {
                Some(most) => {
                    let about = words::about(is_estimated);
                    format!("{about}{} of {}", words::thousands(tokens), words::count(most, "token"))
                }
                None => words::tokens(tokens, is_estimated),
            };
            part(words, tokens, most.tokens)
        });
        let cost = used.cost_micros.or(most.cost_micros.map(|_| 0)).map(|cost| {
            let words = match most.cost_micros {
                Some(most) => format!("cost {} of {}", words::money(cost), words::money(most)),
                None => format!("cost {}", words::money(cost)),
            };
            part(words, cost, most.cost_micros)
        });
        view! { {tokens} {cost} }
    };
    view! { {view} }
}

/// The words, and a bar where there is a limit.
#[expect(clippy::cast_precision_loss, reason = "a bar shows no digits")]
fn part(words: String, used: i64, most: Option<i64>) -> AnyView {
    let bar = most.map(|most| {
        let share = if most > 0 { used as f64 / most as f64 } else { 1.0 };
        let state = if share >= 1.0 { "full" } else if share >= 0.8 { "high" } else { "low" };
        view! {
            <progress class="budget" max="100" value=format!("{:.0}", (share * 100.0).clamp(0.0, 100.0)) data-state=state aria-label="Used of the budget"></progress>
        }
    });
    view! { <span>{words} {bar}</span> }.into_any()
}

#[component]
pub(super) fn ResumeDialog(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let tokens = RwSignal::new(None::<f64>);
    let cost = RwSignal::new(None::<f64>);
    let faults = RwSignal::new((false, false));
    let resume =
        Press::on(live, move |ask: ResumeRun, key| api::resume_run(live.id, ask, key), move || open.set(false));
    let error = resume.error;
    let now = memo(move || live.slowly(|run| (used(run), run.budget.unwrap_or_default())));
    effect(move || {
        if !open.get() {
            return;
        }
        resume.clear();
        faults.set((false, false));
        let (used, most) = now.get_untracked();
        // Both are sent, and an empty one is no limit: what is not used up stays as it is. Twice as much as was used of the
        // other is a start that is easy to change.
        let start = |most: Option<i64>, used: Option<i64>| {
            let used = used.unwrap_or(0);
            most.map(|most| number(if used < most { most } else { used.saturating_mul(2) }))
        };
        tokens.set(start(most.tokens, used.tokens));
        cost.set(start(most.cost_micros, used.cost_micros).map(|micros| micros / 1_000_000.0));
    });
    let help = |words: Option<String>| {
        words.map_or_else(|| "Empty for no limit".to_owned(), |words| format!("{words}; empty for no limit"))
    };
    let tokens_help = Signal::derive(move || {
        let about = words::about(live.slowly(is_estimated));
        help(now.with(|(used, _)| used.tokens.map(|used| format!("{about}{} used so far", words::thousands(used)))))
    });
    let cost_help = Signal::derive(move || {
        help(now.with(|(used, _)| used.cost_micros.map(|used| format!("{} used so far", words::money(used)))))
    });
    let send = move || {
        if resume.pending().get_untracked() {
            return;
        }
        let (tokens, cost) = (tokens.get_untracked(), cost.get_untracked());
        // What the browser cannot read as a number is not the same as nothing, which lifts the limit.
        let is_unread = |id: &str| dom::by_id(id).is_some_and(|input| input.matches(":invalid").unwrap_or(false));
        let unread = (tokens.is_none() && is_unread("resume-tokens"), cost.is_none() && is_unread("resume-cost"));
        faults.set(unread);
        if unread != (false, false) {
            return focus_first_error();
        }
        resume.send(ResumeRun {
            budget: Some(BudgetView {
                tokens: tokens.map(whole),
                cost_micros: cost.map(|cost| whole(cost * 1_000_000.0)),
            }),
        });
    };
    let fault = move |is_unread: fn((bool, bool)) -> bool| {
        let words = "Enter a number, or leave it empty for no limit";
        Signal::derive(move || is_unread(faults.get()).then(|| words.to_owned()))
    };
    let (tokens_fault, cost_fault) = (fault(|unread| unread.0), fault(|unread| unread.1));
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant=Variant::Primary icon="play" loading=resume.pending() on_click=move |()| send()>"Resume"</Button>
        }
    };
    view! {
        <Dialog
            id="resume"
            open
            title="Resume with a larger budget"
            description="The run used up its budget and was paused. Nothing is lost."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error/>
                <div class="form-row">
                    <Field id="resume-tokens" label="Token limit" help=tokens_help error=tokens_fault>
                        <NumberInput value=tokens min=1.0 step=1.0 unit="tokens"/>
                    </Field>
                    <Field id="resume-cost" label="Cost limit" help=cost_help error=cost_fault>
                        <NumberInput value=cost min=0.0/>
                    </Field>
                </div>
            </div>
        </Dialog>
    }
}

#[expect(clippy::cast_precision_loss, reason = "budgets are far below 2^53")]
fn number(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from f64 stops at the ends of i64")]
fn whole(n: f64) -> i64 {
    n.round() as i64
}
