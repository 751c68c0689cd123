//! A new run that begins at a step and shares everything before it: to try something else without touching this run.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{RunId, api::ForkRun};

use super::{failures::VerbError, one_step::OneStep};
use crate::reactive::effect;
use crate::{
    api,
    components::{Button, Dialog, Switch, Variant},
    form::{outcome, random_id},
};

#[component]
pub(super) fn ForkDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let live = one.live;
    let auto_run = RwSignal::new(true);
    let key = StoredValue::new(None::<String>);
    let fork = Action::new(move |ask: &ForkRun| api::fork_run(live.id, ask.clone(), key.get_value()));
    let navigate = use_navigate();
    let error = outcome(fork, move |run: RunId| {
        open.set(false);
        navigate(&format!("/runs/{run}"), NavigateOptions::default());
    });
    effect(move || {
        if open.get() {
            // One opening is one fork, also when the answer to the first press was lost.
            key.set_value(random_id());
            auto_run.set(live.run.with_untracked(|run| run.auto_run));
            fork.clear();
        }
    });
    let send = move || {
        if !fork.pending().get_untracked() {
            fork.dispatch(ForkRun { step: one.key(), auto_run: Some(auto_run.get_untracked()) });
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant=Variant::Primary icon="git-fork" loading=fork.pending() on_click=move |()| send()>"Fork"</Button>
        }
    };
    view! {
        <Dialog
            id="fork"
            open
            title=Signal::derive(move || format!("Fork from “{}”", one.title()))
            description="A new run begins at this step. It shares what the steps before it made; this run stays as it is."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error/>
                <Switch label="Run to the end by itself" checked=auto_run on_change=move |on| auto_run.set(on)/>
                <p class="muted small">
                    "Change the prompt or an input there, then compare the two runs and take over what is better."
                </p>
            </div>
        </Dialog>
    }
}
