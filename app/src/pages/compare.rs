//! /runs/{id}/compare/{other}: two runs of one workflow side by side, step by step, and the way to take over what is better.
//! The left run is the one that takes; nothing is changed until Adopt is pressed.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use workflow::{
    RunId, RunStatus, StepKey,
    api::{AdoptRun, ArtifactComparison, Comparison, RunHead, StepComparison},
};

use super::review::{artifact::facts, difference::Difference};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{
        Badge, Button, ConfirmDialog, Empty, Icon, LinkButton, MoreRows, RelativeTime, Size, Skeleton, SkeletonKind,
        StatusChip, Switch, Tone, Variant, open_while_chosen, run_status, use_toasts,
    },
    error::AppError,
    form::{ErrorBanner, outcome, random_id},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::NotFound,
    session::use_session,
    shell::Page,
    words,
};

/// Steps drawn at first, and with each press of "Show more".
const PORTION: usize = 40;

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
                    Some(Ok(comparison)) => view! { <Compared comparison on_adopted=move |()| loaded.refetch()/> }.into_any(),
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

#[component]
fn Compared(comparison: Comparison, #[prop(into)] on_adopted: Callback<()>) -> impl IntoView {
    let Comparison { left_run: left, right_run: right, steps, .. } = comparison;
    let toasts = use_toasts();
    let only_different = RwSignal::new(true);
    let n_shown = RwSignal::new(PORTION);
    // Which steps are asked about.
    let asked = RwSignal::new(None::<Vec<StepKey>>);
    let is_asking = open_while_chosen(asked);
    let key = StoredValue::new(None::<String>);
    let (into, from) = (left.id, right.id);
    let adopt = Action::new(move |steps: &Vec<StepKey>| {
        api::adopt_run(into, AdoptRun { from, steps: steps.clone() }, key.get_value())
    });
    let error = outcome(adopt, move |_: api::Done| {
        is_asking.set(false);
        toasts.success("Taken over as new versions");
        on_adopted.run(());
    });
    effect(move || {
        if asked.with(Option::is_some) {
            key.set_value(random_id());
            adopt.clear();
        }
    });
    // Items count with their step, as everywhere.
    let n_different =
        steps.iter().filter(|step| step.differs()).map(|step| step.key.split().0).collect::<BTreeSet<_>>().len();
    let n_steps = steps.iter().filter(|step| !step.is_item).count();
    let may_adopt = left.status != RunStatus::Cancelled
        && use_session().user_untracked().is_some_and(|user| user.may_run(left.user_id));
    let adoptable: Vec<StepKey> =
        steps.iter().filter(|step| may_adopt && step.is_adoptable()).map(|step| step.key.clone()).collect();
    let has_adoptable = !adoptable.is_empty();
    let adoptable = StoredValue::new(adoptable);
    let titles: Vec<(StepKey, String)> = steps.iter().map(|step| (step.key.clone(), step.title.clone())).collect();
    let steps = StoredValue::new(steps);
    // By place: a row that is there stays as it is when more are shown.
    let places = memo(move || {
        let only = only_different.get();
        steps.with_value(|steps| {
            let shown = steps.iter().enumerate().filter(|(_, step)| !only || step.differs());
            shown.map(|(at, _)| at).collect::<Vec<_>>()
        })
    });
    let row = move |at: usize| {
        steps.with_value(|steps| {
            steps.get(at).map(|step| {
                let can_adopt = adoptable.with_value(|keys| keys.contains(&step.key));
                step_view((into, from), step, can_adopt, asked)
            })
        })
    };
    let shown = memo(move || places.with(|places| places.iter().copied().take(n_shown.get()).collect::<Vec<_>>()));
    let n_hidden = memo(move || places.with(Vec::len).saturating_sub(n_shown.get()));
    let text = Signal::derive(move || {
        if let Some(error) = error.get() {
            return error.0.detail;
        }
        let what = asked.with(|asked| {
            let name = |key: &StepKey| {
                titles
                    .iter()
                    .find(|(known, _)| known == key)
                    .map_or_else(|| key.to_string(), |(_, title)| title.clone())
            };
            words::list(&asked.iter().flatten().map(name).collect::<Vec<_>>(), 5)
        });
        format!(
            "What the right run made becomes the newest version in the left run, for {what}. Older versions stay, and later steps of the left run turn stale."
        )
    });
    let actions = move || {
        has_adoptable.then(|| view! {
            <Button variant=Variant::Primary icon="check" on_click=move |()| asked.set(Some(adoptable.get_value()))>"Adopt all"</Button>
        })
    };
    let name = left.template_name.clone();
    view! {
        <Page title="Compare runs" above=vec![("Dashboard".to_owned(), "/dashboard".to_owned()), (left.title.clone(), format!("/runs/{into}"))] actions=actions>
            <div class="page" data-width="wide">
                <div class="page-head">
                    <h1>{format!("Compare runs of {name}")}</h1>
                    <p role="status">{differ_words(n_different, n_steps)}</p>
                </div>
                {has_adoptable.then(|| view! {
                    <p class="muted small">"Adopt brings what the right run made into the left one, as its newest version"</p>
                })}
                <div class="compare-runs">
                    {run_card(&left, "Left")}
                    {run_card(&right, "Right")}
                </div>
                <div class="toolbar">
                    <Switch label="Only what differs" checked=only_different on_change=move |on| only_different.set(on)/>
                    <span class="push"></span>
                    <LinkButton href=format!("/runs/{from}/compare/{into}") size=Size::Sm icon="refresh-cw">"Swap sides"</LinkButton>
                </div>
                {move || error.get().filter(|_| !is_asking.get()).map(|error| view! { <ErrorBanner error/> })}
                <For each=move || shown.get() key=|at| *at let:at>
                    {row(at)}
                </For>
                <MoreRows
                    has_more=Signal::derive(move || { n_hidden.get() > 0 })
                    on_more=move |()| n_shown.update(|n| *n += PORTION)
                    label=Signal::derive(move || format!("Show {} more of {}", n_hidden.get().min(PORTION), places.with(Vec::len)))
                />
                <Show when=move || only_different.get() && n_different == 0>
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
        n => format!("{n} of {} {differ}", words::count(n_steps, "step")),
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
            <span class="muted small">{format!("Version {} · {}", run.template_version, run.user_email)}</span>
        </section>
    }
    .into_any()
}

fn step_view(
    runs: (RunId, RunId),
    step: &StepComparison,
    can_adopt: bool,
    asked: RwSignal<Option<Vec<StepKey>>>,
) -> AnyView {
    let key = step.key.clone();
    let side = |status: Option<workflow::StepStatus>| match status {
        Some(status) => view! { <StatusChip status=status.as_str().to_owned()/> }.into_any(),
        None => view! { <Badge>"Not there"</Badge> }.into_any(),
    };
    let artifacts: Vec<AnyView> =
        step.artifacts.iter().map(|artifact| artifact_view(runs, &step.title, artifact)).collect();
    let adopt = can_adopt.then(|| {
        let title = step.title.clone();
        view! {
            <Button size=Size::Sm icon="check" attr:aria-label=format!("Adopt {title}") on_click=move |()| asked.set(Some(vec![key.clone()]))>
                "Adopt"
            </Button>
        }
    });
    view! {
        <section class="card compare-step" data-row="" aria-label=step.title.clone()>
            <div class="card-head">
                <h2>{step.title.clone()}</h2>
                <span class="row">{side(step.left)} <Icon name="arrow-right"/> {side(step.right)}</span>
                {step.prompt_differs.then(|| view! { <Badge tone=Tone::Accent>"Another prompt"</Badge> })}
                <span class="push"></span>
                {adopt}
            </div>
            <div class="card-body stack" data-gap="3">{artifacts}</div>
        </section>
    }
    .into_any()
}

fn artifact_view(runs: (RunId, RunId), step: &str, artifact: &ArtifactComparison) -> AnyView {
    let name = artifact.name.clone();
    let version = |meta: Option<&workflow::view::ArtifactMeta>| meta.map_or_else(|| "nothing".to_owned(), facts);
    if artifact.is_equal {
        return view! { <p class="muted small">{format!("{name}: the same in both")}</p> }.into_any();
    }
    match (artifact.left.as_ref(), artifact.right.as_ref()) {
        (Some(left), Some(right)) => {
            // Each difference is a region of its own, so its name says the step too.
            let change = format!("{} to {}", facts(left), facts(right));
            let brief = format!("v{} → v{}", left.version, right.version);
            let title = format!("{step}, {name}: {change}");
            let (left, right) = ((runs.0, left.id), (runs.1, right.id));
            let opened = RwSignal::new(false);
            // Two runs may differ in thousands of artifacts: one is read when somebody wants to see it.
            view! {
                <details class="fold" on:toggle=move |_| opened.set(true)>
                    <summary><Icon name="chevron-right"/> {name} <code>{brief}</code></summary>
                    <div class="fold-body">
                        <Show when=move || opened.get()><Difference left right title=title.clone()/></Show>
                    </div>
                </details>
            }
            .into_any()
        }
        (left, right) => {
            view! { <p class="small">{format!("{name}: {} on the left, {} on the right", version(left), version(right))}</p> }.into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::differ_words;

    #[test]
    fn what_differs_is_counted() {
        assert_eq!(differ_words(0, 3), "Both made the same");
        assert_eq!(
            [(1, 1), (1, 2), (2, 2)].map(|(n, of)| differ_words(n, of)),
            ["1 of 1 step differs", "1 of 2 steps differs", "2 of 2 steps differ"]
        );
    }
}
