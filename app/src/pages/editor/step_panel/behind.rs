//! A step that is kept at an older version of its agent: how far it is behind, what is another one since, what the newest version would
//! make wrong here, and one press for all steps of that agent.

use leptos::{html, prelude::*};
use workflow::{AgentId, Problem, StepKey, agent::differences, difference::Difference, words::count};

use super::one_step::OneStep;
use crate::components::{Badge, Button, Icon, Size, Tone, Variant, quoted};
use crate::reactive::memo;

#[derive(Clone, PartialEq)]
struct News {
    n: u32,
    agent: AgentId,
    kept: i32,
    newest: i32,
    changes: Vec<Difference>,
}

#[component]
pub(super) fn Behind(one: OneStep) -> impl IntoView {
    let draft = one.draft;
    let news = memo(move || {
        one.step.with(|step| {
            let step = step.as_ref()?;
            draft.catalog.with(|agents| {
                let n = canvas::edit::behind(step, agents)?;
                let newest = agents.get(&step.agent_id, None)?;
                // A version that is not there has nothing to be compared with.
                let changes = agents.get(&step.agent_id, step.agent_version).map(|kept| differences(kept, newest));
                Some(News {
                    n,
                    agent: step.agent_id.clone(),
                    kept: step.agent_version?,
                    newest: newest.version,
                    changes: changes.unwrap_or_default(),
                })
            })
        })
    });
    move || news.get().map(|news| view! { <Outdated one news/> })
}

#[component]
fn Outdated(one: OneStep, news: News) -> impl IntoView {
    let draft = one.draft;
    let News { n, agent, kept, newest, changes } = news;
    let all = memo(move || {
        draft.handle.with_definition(|definition| {
            draft.catalog.with(|agents| {
                canvas::edit::outdated(definition, agents, &agent).map(|(key, _)| key.clone()).collect::<Vec<StepKey>>()
            })
        })
    });
    let raise = move |steps: Vec<StepKey>| {
        let edit = draft.handle.with_definition_untracked(|definition| {
            draft.catalog.with_untracked(|agents| canvas::edit::raised(definition, agents, &steps))
        });
        if let Some(edit) = edit {
            draft.apply(edit, &format!("Use version {newest}"));
        }
    };
    let details = NodeRef::<html::Details>::new();
    let is_open = RwSignal::new(false);
    // Judging a whole workflow twice is worth it only for somebody who looks.
    let problems = move || -> Vec<Problem> {
        if !is_open.get() {
            return Vec::new();
        }
        draft.handle.with_definition(|definition| {
            draft.catalog.with(|agents| {
                let edit = all.with(|keys| canvas::edit::raised(definition, agents, keys));
                edit.map(|edit| canvas::edit::new_problems(definition, agents, &edit)).unwrap_or_default()
            })
        })
    };
    let said = move || {
        let problems = problems();
        let title = |problem: &Problem| problem.step.as_ref().map(|key| draft.title_of(key)).unwrap_or_default();
        match problems.len() {
            0 => view! { <p class="small muted">"Every mapping still fits"</p> }.into_any(),
            n => {
                let rows = problems.iter().map(|problem| {
                    view! { <li><strong>{title(problem)}</strong> ": " {quoted(&problem.message)}</li> }
                });
                view! {
                    <p class="small">{format!("It brings {}:", count(n, "problem"))}</p>
                    <ul class="small">{rows.collect_view()}</ul>
                }
                .into_any()
            }
        }
    };
    let is_same = changes.is_empty();
    let rows = changes.into_iter().map(crate::components::difference_row).collect_view();
    let words = move || match all.with(Vec::len) {
        0 | 1 => format!("Use version {newest}"),
        n => format!("Use version {newest} in {}", count(n, "step")),
    };
    view! {
        <div class="stack" data-gap="2" role="group" aria-label="Newer version">
            <p class="small row">
                <Badge tone=Tone::Warn icon="triangle-alert">{format!("Behind by {n}")}</Badge>
                {format!("Version {newest} is out.")}
            </p>
            <details
                class="fold"
                node_ref=details
                on:toggle=move |_| {
                    if let Some(details) = details.try_get_untracked().flatten() {
                        is_open.set(details.open());
                    }
                }
            >
                <summary>
                    <Icon name="chevron-right"/>
                    {format!("What changed from version {kept} to {newest}")}
                </summary>
                <div class="fold-body stack" data-gap="2">
                    {is_same.then(|| view! { <p class="small muted">"Nothing that a step could notice"</p> })}
                    <dl class="facts small">{rows}</dl>
                    {said}
                </div>
            </details>
            <div class="row">
                <Button size=Size::Sm on_click=move |()| raise(all.get_untracked())>{words}</Button>
                <Show when=move || { all.with(Vec::len) > 1 }>
                    <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| raise(vec![one.key()])>
                        "Only in this step"
                    </Button>
                </Show>
            </div>
        </div>
    }
}
