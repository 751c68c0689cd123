//! Choose the run to put beside this one: another of the same workflow.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{RunId, api::RunSummary};

use super::super::{failures::LoadError, state::LiveRun};
use crate::reactive::effect;
use crate::{
    api,
    clock::local_minute,
    components::{Button, ComboOption, Combobox, Dialog, Field, TextInput, Variant, run_status, status_label},
    error::AppError,
};

fn label(run: &RunSummary) -> String {
    let started = local_minute(run.created_at);
    let about = run.about.as_ref().map(|about| format!(", {about}")).unwrap_or_default();
    format!("{started}, version {}{about}", run.template_version)
}

#[component]
pub(super) fn CompareDialog(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let runs = RwSignal::new(Vec::<RunSummary>::new());
    let error = RwSignal::new(None::<AppError>);
    let chosen = RwSignal::new(String::new());
    let typed = RwSignal::new(String::new());
    let fault = RwSignal::new(None::<String>);
    let read = move || {
        error.set(None);
        let template = live.run.with_untracked(|run| run.template_id);
        spawn_local(async move {
            match api::my_runs(None).await {
                Ok(page) => {
                    let alike = page.runs.into_iter().filter(|run| run.template_id == template && run.id != live.id);
                    runs.try_set(alike.collect());
                }
                Err(failed) => {
                    error.try_set(Some(failed));
                }
            }
        });
    };
    effect(move || {
        if open.get() {
            fault.set(None);
            read();
        }
    });
    let options = Signal::derive(move || {
        let option = |run: &RunSummary| ComboOption {
            value: run.id.to_string(),
            label: label(run),
            kind: status_label(run_status(run.status, run.status_reason)).to_owned(),
            ..ComboOption::default()
        };
        runs.with(|runs| runs.iter().map(option).collect::<Vec<_>>())
    });
    let navigate = StoredValue::new(use_navigate());
    let go = move || {
        let wanted = typed.with_untracked(|typed| typed.trim().to_owned());
        let wanted = if wanted.is_empty() { chosen.get_untracked() } else { wanted };
        match wanted.parse::<RunId>() {
            Ok(other) if other != live.id => {
                open.set(false);
                navigate.with_value(|navigate| {
                    navigate(&format!("/runs/{}/compare/{other}", live.id), NavigateOptions::default());
                });
            }
            Ok(_) => fault.set(Some("This is the run itself: choose another one".to_owned())),
            Err(_) => fault.set(Some("Choose a run, or paste the id of one".to_owned())),
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant=Variant::Primary icon="split" on_click=move |()| go()>"Compare"</Button>
        }
    };
    view! {
        <Dialog
            id="compare"
            open
            title="Compare with another run"
            description="What each step made in both, side by side. You can take over what is better."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <LoadError error again=move |()| read()/>
                <Field id="compare-run" label="Run of the same workflow" error=fault>
                    <Combobox value=chosen options placeholder="Choose one of your runs"/>
                </Field>
                <Field id="compare-id" label="Or its id" optional=true>
                    <TextInput value=typed mono=true autocomplete="off"/>
                </Field>
            </div>
        </Dialog>
    }
}
