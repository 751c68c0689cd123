//! /runs/{id}/compare/{other}: two runs of one workflow side by side, step by step, and the way to take over what is better.
//! It is read again while it is looked at, and what is open stays open (`step.rs`). The left run is the one that takes; nothing is
//! changed until Adopt is pressed.

mod step;

use std::{cell::Cell, collections::BTreeSet, rc::Rc, time::Duration};

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use workflow::{
    RunId, RunStatus, StepKey,
    api::{AdoptRun, Comparison, ErrorCode, RunHead},
};

use self::step::{first_differences, step_view};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{
        Banner, Button, ConfirmDialog, Empty, Kind, LinkButton, MoreRows, RelativeTime, Size, Skeleton, SkeletonKind,
        StatusChip, Switch, open_while_chosen, run_status, use_toasts,
    },
    error::AppError,
    form::{ErrorBanner, outcome, random_id},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::NotFound,
    polled::polled,
    session::use_session,
    shell::Page,
    words,
};

/// Steps drawn at first, and with each press of "Show more".
const PORTION: usize = 40;

/// How often it is read again.
const EVERY: Duration = Duration::from_secs(2);
/// Of so many times one, where both runs are over: then only people change anything.
const SELDOM: u32 = 2;
/// And one of one more for each so many steps: a comparison of thousands is megabytes.
const STEPS_A_TURN: usize = 200;

async fn load(ids: Option<(RunId, RunId)>) -> Option<Result<Comparison, AppError>> {
    let (left, right) = ids?;
    Some(api::compare_runs(left, right).await)
}

#[component]
pub fn ComparePage() -> impl IntoView {
    let params = use_params_map();
    let ids = memo(move || {
        params.with(|params| {
            let id = |name| params.get(name).and_then(|id| id.parse::<RunId>().ok());
            id("run_id").zip(id("other_id"))
        })
    });
    let loaded = Resource::new(move || ids.get(), load);
    refetch_after_sign_in(loaded, |loaded| matches!(loaded, Some(Err(_))));
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match loaded.await {
                    Some(Ok(comparison)) => view! { <Compared comparison/> }.into_any(),
                    Some(Err(error)) => view! { <PageFailed error on_retry=move |()| loaded.refetch()/> }.into_any(),
                    None => view! { <NotFound/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <Page title="Compare runs">
            <div class="page" aria-busy="true">
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Card/>
                <Skeleton kind=SkeletonKind::Card/>
            </div>
        </Page>
    }
}

/// Reads it again at its pace, and hands it on; or that there is nothing to read any more.
fn follow(now: RwSignal<Comparison>, is_gone: RwSignal<bool>) {
    let n_asked = Rc::new(Cell::new(0_u32));
    let read = move || {
        n_asked.set(n_asked.get().wrapping_add(1));
        let (left, right, turns) = now.with_untracked(|now| {
            let is_over = now.left_run.status.is_terminal() && now.right_run.status.is_terminal();
            (now.left, now.right, turns(is_over, now.steps.len()))
        });
        let is_wanted = n_asked.get().is_multiple_of(turns);
        async move {
            if !is_wanted {
                return Ok(None);
            }
            match api::compare_runs(left, right).await {
                Err(error) if error.code() == ErrorCode::NotFound => {
                    is_gone.try_set(true);
                    Ok(None)
                }
                read => read.map(Some),
            }
        }
    };
    polled(EVERY, read, move |read: Option<Comparison>| {
        if let Some(read) = read {
            now.try_set(read);
        }
    });
}

/// One of so many times it is read.
fn turns(is_over: bool, n_steps: usize) -> u32 {
    let of_steps = u32::try_from(n_steps / STEPS_A_TURN).unwrap_or(u32::MAX).saturating_add(1);
    of_steps.saturating_mul(if is_over { SELDOM } else { 1 })
}

#[component]
fn Compared(comparison: Comparison) -> impl IntoView {
    let toasts = use_toasts();
    let (into, from) = (comparison.left, comparison.right);
    let name = comparison.left_run.template_name.clone();
    let (title, owner) = (comparison.left_run.title.clone(), comparison.left_run.user_id);
    let opened = StoredValue::new(first_differences(&comparison.steps));
    let now = RwSignal::new(comparison);
    let is_gone = RwSignal::new(false);
    follow(now, is_gone);
    let left_run = memo(move || now.with(|now| now.left_run.clone()));
    let right_run = memo(move || now.with(|now| now.right_run.clone()));
    let only_different = RwSignal::new(true);
    let n_shown = RwSignal::new(PORTION);
    // Which steps are asked about.
    let asked = RwSignal::new(None::<Vec<StepKey>>);
    let is_asking = open_while_chosen(asked);
    let key = StoredValue::new(None::<String>);
    let again = Action::new(move |(): &()| api::compare_runs(into, from));
    let failed_again = outcome(again, move |read: Comparison| now.set(read));
    let adopt = Action::new(move |steps: &Vec<StepKey>| {
        api::adopt_run(into, AdoptRun { from, steps: steps.clone() }, key.get_value())
    });
    let error = outcome(adopt, move |_: api::Done| {
        is_asking.set(false);
        toasts.success("Taken over as new versions");
        again.dispatch(());
    });
    effect(move || {
        if asked.with(Option::is_some) {
            key.set_value(random_id());
            adopt.clear();
        }
    });
    // Items count with their step, as everywhere.
    let n_different = memo(move || {
        now.with(|now| {
            let differing = now.steps.iter().filter(|step| step.differs());
            differing.map(|step| step.key.split().0).collect::<BTreeSet<_>>().len()
        })
    });
    let n_steps = memo(move || now.with(|now| now.steps.iter().filter(|step| !step.is_item).count()));
    let is_mine = use_session().user_untracked().is_some_and(|user| user.may_run(owner));
    let adoptable = memo(move || {
        now.with(|now| {
            let may_adopt = is_mine && now.left_run.status != RunStatus::Cancelled;
            let wanted = now.steps.iter().filter(|step| may_adopt && step.is_adoptable());
            wanted.map(|step| step.key.clone()).collect::<Vec<_>>()
        })
    });
    // By key: a row that is there stays as it is, with what is open in it, when others come.
    let keys = memo(move || {
        let only = only_different.get();
        now.with(|now| {
            let shown = now.steps.iter().filter(|step| !only || step.differs());
            shown.map(|step| step.key.clone()).collect::<Vec<_>>()
        })
    });
    let row = move |key: StepKey| {
        let of_step = key.clone();
        let step = memo(move || now.with(|now| now.steps.iter().find(|step| step.key == of_step).cloned()));
        let can_adopt = memo(move || adoptable.with(|keys| keys.contains(&key)));
        step_view((into, from), step, can_adopt, opened, asked)
    };
    let shown = memo(move || keys.with(|keys| keys.iter().take(n_shown.get()).cloned().collect::<Vec<_>>()));
    let n_hidden = memo(move || keys.with(Vec::len).saturating_sub(n_shown.get()));
    let text = Signal::derive(move || {
        if let Some(error) = error.get() {
            return error.0.detail;
        }
        let what = asked.with(|asked| {
            let name = |key: &StepKey| {
                now.with(|now| {
                    let known = now.steps.iter().find(|step| step.key == *key);
                    known.map_or_else(|| key.to_string(), |step| step.title.clone())
                })
            };
            words::list(&asked.iter().flatten().map(name).collect::<Vec<_>>(), 5)
        });
        format!(
            "What the right run made becomes the newest version in the left run, for {what}. Older versions stay, and later steps of the left run turn stale."
        )
    });
    let has_adoptable = memo(move || adoptable.with(|keys| !keys.is_empty()));
    view! {
        <Page title="Compare runs" above=vec![("Dashboard".to_owned(), "/dashboard".to_owned()), (title, format!("/runs/{into}"))]>
            <div class="page" data-width="wide">
                <div class="page-head">
                    <h1>"Compare runs of " <bdi>{name}</bdi></h1>
                    <p role="status">{move || differ_words(n_different.get(), n_steps.get())}</p>
                </div>
                <Show when=move || is_gone.get()>
                    <Banner kind=Kind::Warn title="One of these runs cannot be read any more">
                        "It was deleted, or is not shared with you any more. This is how they compared before that."
                    </Banner>
                </Show>
                <Show when=move || has_adoptable.get()>
                    <p class="muted small">"Adopt brings what the right run made in a step into the left one, as its newest version"</p>
                </Show>
                <div class="compare-runs">
                    {move || left_run.with(|run| run_card(run, "Left"))}
                    {move || right_run.with(|run| run_card(run, "Right"))}
                </div>
                <div class="toolbar">
                    <Switch label="Only what differs" checked=only_different on_change=move |on| only_different.set(on)/>
                    <span class="push"></span>
                    <Show when=move || has_adoptable.get()>
                        <Button size=Size::Sm icon="check" on_click=move |()| asked.set(Some(adoptable.get_untracked()))>"Adopt all"</Button>
                    </Show>
                    <LinkButton href=format!("/runs/{from}/compare/{into}") size=Size::Sm icon="refresh-cw">"Swap sides"</LinkButton>
                </div>
                {move || {
                    let error = error.get().filter(|_| !is_asking.get()).or_else(|| failed_again.get());
                    error.map(|error| view! { <ErrorBanner error/> })
                }}
                <For each=move || shown.get() key=StepKey::clone let:key>
                    {row(key)}
                </For>
                <MoreRows
                    has_more=Signal::derive(move || { n_hidden.get() > 0 })
                    on_more=move |()| n_shown.update(|n| *n += PORTION)
                    label=Signal::derive(move || format!("Show {} more of {}", words::number(n_hidden.get().min(PORTION)), words::number(keys.with(Vec::len))))
                />
                <Show when=move || only_different.get() && n_different.get() == 0>
                    <Empty icon="circle-check" framed=true title="No difference" text="Every step has the same result in both runs"/>
                </Show>
                <ConfirmDialog
                    id="adopt"
                    open=is_asking
                    title="Take over into the left run?"
                    text
                    confirm="Adopt"
                    busy=adopt.pending()
                    on_confirm=move |()| {
                        if let Some(steps) = asked.get_untracked() {
                            adopt.dispatch(steps);
                        }
                    }
                />
            </div>
        </Page>
    }
}

fn differ_words(n_different: usize, n_steps: usize) -> String {
    let differ = if n_different == 1 { "differs" } else { "differ" };
    match n_different {
        0 => "Both made the same".to_owned(),
        n => format!("{} of {} {differ}", words::number(n), words::count(n_steps, "step")),
    }
}

fn run_card(run: &RunHead, side: &'static str) -> AnyView {
    let id = run.id;
    view! {
        <section class="card compare-run" aria-label=side>
            <strong>{side}</strong>
            <a href=format!("/runs/{id}")><bdi>{run.title.clone()}</bdi></a>
            <span class="muted small">"Started " <RelativeTime at=run.created_at/></span>
            <StatusChip status=run_status(run.status, run.status_reason).to_owned()/>
            <span class="muted small">{format!("Version {} · ", run.template_version)} <bdi>{run.user_email.clone()}</bdi></span>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::{differ_words, turns};

    #[test]
    fn what_is_large_or_over_is_read_less_often() {
        assert_eq!(
            [(false, 4), (true, 4), (false, 5_000), (true, 5_000)].map(|(over, n)| turns(over, n)),
            [1, 2, 26, 52]
        );
    }

    #[test]
    fn what_differs_is_counted() {
        assert_eq!(differ_words(0, 3), "Both made the same");
        assert_eq!(
            [(1, 1), (1, 2), (2, 2), (1_005, 5_000)].map(|(n, of)| differ_words(n, of)),
            ["1 of 1 step differs", "1 of 2 steps differs", "2 of 2 steps differ", "1,005 of 5,000 steps differ"]
        );
    }
}
