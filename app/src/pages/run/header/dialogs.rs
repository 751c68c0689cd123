//! The dialogs of the whole run, and which of them are open.

use leptos::prelude::*;
use workflow::{RunId, api::RunLabels};

use super::{
    super::{press::Press, state::LiveRun},
    budget::ResumeDialog,
    compare_with::CompareDialog,
    move_to::MoveDialog,
    refresh::RefreshDialog,
    share::ShareDialog,
};
use crate::{
    api,
    components::{ConfirmDialog, use_toasts},
    pages::run_labels::LabelDialog,
    reactive::effect,
};

#[derive(Clone, Copy)]
pub(super) struct Heads {
    live: LiveRun,
    pub cancelling: RwSignal<bool>,
    pub resuming: RwSignal<bool>,
    pub comparing: RwSignal<bool>,
    pub moving: RwSignal<bool>,
    pub refreshing: RwSignal<bool>,
    pub sharing: RwSignal<bool>,
    pub labelling: RwSignal<bool>,
}

impl Heads {
    pub(super) fn new(live: LiveRun) -> Self {
        let closed = || RwSignal::new(false);
        let (cancelling, resuming, comparing, moving) = (closed(), closed(), closed(), closed());
        let (refreshing, sharing, labelling) = (closed(), closed(), closed());
        Self { live, cancelling, resuming, comparing, moving, refreshing, sharing, labelling }
    }

    const fn all(self) -> [RwSignal<bool>; 7] {
        let Self { cancelling, resuming, comparing, moving, refreshing, sharing, labelling, .. } = self;
        [cancelling, resuming, comparing, moving, refreshing, sharing, labelling]
    }

    /// Follows whether one of them is open.
    pub(super) fn any_is_open(self) -> Signal<bool> {
        Signal::derive(move || self.all().iter().any(|open| open.get()))
    }

    pub(super) fn close(self) {
        for open in self.all() {
            open.set(false);
        }
    }
}

#[component]
pub(super) fn HeadDialogs(heads: Heads) -> impl IntoView {
    let Heads { live, cancelling, resuming, comparing, moving, refreshing, sharing, labelling } = heads;
    let toasts = use_toasts();
    let cancel = Press::on(
        live,
        move |(): (), key| api::cancel_run(live.id, key),
        move || {
            cancelling.set(false);
            toasts.success("The run is cancelled");
        },
    );
    let cancel_text = Signal::derive(move || {
        cancel.error.get().map_or_else(
            || "Running steps stop at once, and nothing more starts. What was made so far stays readable. A cancelled run cannot go on.".to_owned(),
            |error| error.0.detail,
        )
    });
    effect(move || {
        if cancelling.get() {
            cancel.clear();
        }
    });
    view! {
        <ConfirmDialog
            id="cancel-run"
            open=cancelling
            danger=true
            title="Cancel this run?"
            text=cancel_text
            confirm="Cancel the run"
            busy=cancel.pending()
            on_confirm=move |()| cancel.send(())
        />
        <ResumeDialog live open=resuming/>
        <CompareDialog live open=comparing/>
        <MoveDialog live open=moving/>
        <RefreshDialog live open=refreshing/>
        <ShareDialog live open=sharing/>
        <LabelDialog
            open=labelling
            of=Signal::derive(move || Some((live.id, live.labels.get())))
            on_done=Callback::new(move |(_, labels): (RunId, RunLabels)| live.labels.set(labels))
        />
    }
}
