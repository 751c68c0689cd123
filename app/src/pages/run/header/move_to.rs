//! Go on with another published version: first which steps stay valid and which run again, then the move.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    StepKey,
    api::{MovePlan, MoveRun, PublishedVersion},
};

use super::super::{
    failures::{LoadError, VerbError},
    state::LiveRun,
};
use crate::reactive::effect;
use crate::{
    api,
    components::{Button, Dialog, Field, Select, SelectOption, Skeleton, SkeletonKind, Variant, use_toasts},
    error::AppError,
    form::Once,
    paged::all,
    words,
};

#[expect(clippy::too_many_lines, reason = "one dialog: its state, its body and its foot")]
#[component]
pub(super) fn MoveDialog(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let versions = RwSignal::new(Vec::<PublishedVersion>::new());
    let version = RwSignal::new(String::new());
    let plan = RwSignal::new(None::<(i32, MovePlan)>);
    let load_error = RwSignal::new(None::<AppError>);
    let once = Once::<i32>::new();
    let go = Action::new(move |version: &i32| {
        let (version, key) = (*version, once.key(version));
        async move {
            let moved = api::move_run(live.id, MoveRun { version, dry_run: false }, key).await?;
            Ok(moved.done.unwrap_or_default())
        }
    });
    let error = live.verb(go, move || {
        open.set(false);
        toasts.success("The run goes on with the other version");
    });
    let now = move || live.run.with_untracked(|run| run.template_version);
    let read_versions = move || {
        load_error.set(None);
        let template = live.run.with_untracked(|run| run.template_id);
        spawn_local(async move {
            match all(move |after| api::template_versions(template, after)).await {
                Ok(known) => {
                    let newest = known.iter().map(|known| known.version).filter(|version| *version != now()).max();
                    versions.try_set(known);
                    version.try_set(newest.map(|version| version.to_string()).unwrap_or_default());
                }
                Err(error) => {
                    load_error.try_set(Some(error));
                }
            }
        });
    };
    let read_plan = move |wanted: i32| {
        load_error.set(None);
        spawn_local(async move {
            match api::move_run(live.id, MoveRun { version: wanted, dry_run: true }, None).await {
                // Another one may have been chosen meanwhile.
                Ok(found) if version.try_get_untracked() == Some(wanted.to_string()) => {
                    plan.try_set(found.plan.map(|found| (wanted, found)));
                }
                Ok(_) => {}
                Err(error) => {
                    load_error.try_set(Some(error));
                }
            }
        });
    };
    effect(move || {
        if open.get() {
            once.forget();
            go.clear();
            plan.set(None);
            version.set(String::new());
            read_versions();
        }
    });
    effect(move || {
        if let Ok(wanted) = version.get().parse() {
            read_plan(wanted);
        }
    });
    let read_again = move || match version.get_untracked().parse() {
        Ok(wanted) => read_plan(wanted),
        Err(_) => read_versions(),
    };
    let options = Signal::derive(move || {
        let now = now();
        versions.with(|versions| {
            let known = versions.iter().filter(|known| known.version != now).map(|known| {
                let words = format!("Version {}, {}", known.version, words::count(known.n_steps, "step"));
                SelectOption::new(known.version.to_string(), words)
            });
            known.collect::<Vec<_>>()
        })
    });
    let planned = Signal::derive(move || {
        plan.with(|plan| plan.as_ref().is_some_and(|(of, _)| version.with(|version| *version == of.to_string())))
    });
    let body = move || {
        if options.with(Vec::is_empty) {
            return view! { <p class="muted">"This workflow has no other published version"</p> }.into_any();
        }
        let table = move || match plan.get().filter(|_| planned.get()) {
            None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
            Some((_, plan)) => view! {
                <dl class="facts move-plan">
                    {part(live, &plan, "Stay as they are", &plan.kept)}
                    {part(live, &plan, "Run again", &plan.rerun)}
                    {part(live, &plan, "New", &plan.added)}
                    {part(live, &plan, "Gone", &plan.removed)}
                </dl>
            }
            .into_any(),
        };
        view! {
            <Field id="move-version" label="Version">
                <Select value=version options/>
            </Field>
            <Show when=move || load_error.with(Option::is_none)>{table}</Show>
        }
        .into_any()
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="layers"
                loading=go.pending()
                disabled=Signal::derive(move || !planned.get())
                on_click=move |()| {
                    if let Ok(wanted) = version.get_untracked().parse::<i32>() {
                        go.dispatch(wanted);
                    }
                }
            >
                "Move the run"
            </Button>
        }
    };
    view! {
        <Dialog
            id="move"
            open
            title="Move to another version"
            description="The run goes on with the steps of that version. What is still valid is kept."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <LoadError error=load_error again=move |()| read_again()/>
                <VerbError error/>
                {body}
            </div>
        </Dialog>
    }
}

fn part(live: LiveRun, plan: &MovePlan, words: &'static str, keys: &[StepKey]) -> AnyView {
    let name = |key: &StepKey| plan.titles.get(key).cloned().unwrap_or_else(|| live.title_of(key));
    let names: Vec<String> = keys.iter().map(name).collect();
    let names = if names.is_empty() { "none".to_owned() } else { words::list(&names, 12) };
    view! { <div><dt>{format!("{words} ({})", keys.len())}</dt><dd>{names}</dd></div> }.into_any()
}
