//! A new run that begins at a step and shares everything before it: to try something else without touching this run. What is tried, another
//! prompt or other inputs, is said in the same dialog, and begins with the new run.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::{RunId, api::ForkRun};

use super::{edits::Edits, failures::VerbError, one_step::OneStep, press::Press, restored::Restored};
use crate::reactive::effect;
use crate::{
    api,
    components::{Button, Dialog, Size, Switch, Variant},
    form::focus_first_error,
};

#[component]
pub(super) fn ForkDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let live = one.live;
    let auto_run = RwSignal::new(true);
    // The list is made anew there: what is changed about one of its items now would be left behind.
    let is_item = one.key().split().1.is_some();
    let edits = Edits::new(one, "fork", "prompt-of-fork");
    let navigate = use_navigate();
    let press = Press::of(
        move |ask: ForkRun, key| api::fork_run(live.id, ask, key),
        move |run: RunId| {
            open.set(false);
            edits.forget();
            navigate(&format!("/runs/{run}"), NavigateOptions::default());
        },
    );
    let owner = StoredValue::new(Owner::current());
    let load = move || edits.load(owner);
    effect(move || {
        if open.get() {
            // Another opening is another fork.
            press.renew();
            press.clear();
            auto_run.set(live.run.with_untracked(|run| run.auto_run));
            if !is_item {
                load();
            }
        }
    });
    let (refused, elsewhere) = edits.refused(press.error);
    let send = move || {
        let inputs = if is_item { Ok(None) } else { edits.inputs() };
        let Ok(inputs) = inputs else { return focus_first_error() };
        press.send(ForkRun {
            step: one.key(),
            auto_run: Some(auto_run.get_untracked()),
            prompt_override: edits.prompt_override(),
            inputs,
        });
    };
    let fields = move || match edits.known.known.get() {
        _ if is_item => ().into_any(),
        None => edits.known.placeholder(),
        Some(known) => view! {
            <Restored of=one.subject() form="fork" on_discard=move |()| load()/>
            {edits.view(known, refused)}
        }
        .into_any(),
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="git-fork"
                loading=press.pending()
                disabled=Signal::derive(move || !is_item && edits.known.known.with(Option::is_none))
                on_click=move |()| send()
            >
                "Fork"
            </Button>
        }
    };
    view! {
        <Dialog
            id="fork"
            open
            title=Signal::derive(move || format!("Fork from “{}”", one.title()))
            description="A new run begins at this step, with what you change here. It shares what the steps before it made; this run stays as it is."
            size=Size::Lg
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=elsewhere/>
                {fields}
                <Switch label="Auto-run: run to the end by itself" checked=auto_run on_change=move |on| auto_run.set(on)/>
                <p class="muted small">"Compare the two runs afterwards, and take over what is better."</p>
            </div>
        </Dialog>
    }
}
