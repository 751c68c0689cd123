//! Run again what is stale in the whole run, after saying what that is. What a person wrote is never run over: it is named, and stays.
//! Which steps these are is the rule of the run itself; none of it may stand here.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    StepKey,
    api::{RerunMode, RerunStep},
    rerun::refreshable,
};

use super::super::{
    blast::Blast,
    failures::VerbError,
    press::Press,
    state::{LiveRun, title_of},
};
use crate::{
    api,
    components::{Button, Dialog, Variant, use_toasts},
    reactive::{effect, memo},
    words,
};

/// Names in a sentence before "and N more".
const NAMED: usize = 4;

#[component]
pub(super) fn RefreshDialog(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let keys = memo(move || {
        if !open.get() {
            return BTreeSet::new();
        }
        live.stale.with(|stale| live.slowly(|run| refreshable(run, stale)))
    });
    let press = Press::on(
        live,
        move |(step, ask): (StepKey, RerunStep), key| api::rerun_step(live.id, step, ask, key),
        move || {
            open.set(false);
            toasts.success("What was stale runs again");
        },
    );
    effect(move || {
        if open.get() {
            press.clear();
        }
    });
    let send = move || {
        // One of them stands for all: that it is still what was seen is asked of it.
        let first = live
            .order
            .with_untracked(|order| keys.with_untracked(|keys| order.iter().find(|key| keys.contains(*key)).cloned()));
        if let Some(step) = first {
            let expect_generation = live.run.with_untracked(|run| run.step(&step).map(|step| step.generation));
            let ask = RerunStep { mode: RerunMode::Stale, expect_generation, ..RerunStep::default() };
            press.send((step, ask));
        }
    };
    // Their items are not named beside them.
    let left = memo(move || {
        live.stale.with(|stale| {
            let steps = stale.keys().filter(|key| key.split().1.is_none());
            let left = steps.filter(|key| keys.with(|keys| !keys.contains(*key)));
            live.run.with_untracked(|run| left.map(|key| words::isolated(&title_of(run, key))).collect::<Vec<_>>())
        })
    });
    let left_words = move || {
        let names = left.get();
        (!names.is_empty()).then(|| {
            let text = format!(
                "Left as it is: {}. A person wrote it, or it reads only what a person wrote. To make it anew all the same, re-run that step.",
                words::list(&names, NAMED)
            );
            view! { <p class="muted small">{text}</p> }
        })
    };
    let n = memo(move || keys.with(BTreeSet::len));
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="rotate-cw"
                loading=press.pending()
                disabled=Signal::derive(move || n.get() == 0)
                on_click=move |()| send()
            >
                {move || format!("Refresh {}", words::count(n.get(), "step"))}
            </Button>
        }
    };
    view! {
        <Dialog
            id="refresh"
            open
            title="Refresh what is stale"
            description="The steps whose result is out of date run again, and nothing else does. Earlier versions are kept."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=press.error/>
                <Show
                    when=move || { n.get() > 0 }
                    fallback=|| view! { <p class="muted">"There is nothing here that running again would refresh"</p> }
                >
                    <Blast live keys/>
                </Show>
                {left_words}
            </div>
        </Dialog>
    }
}
