//! The dialogs of the chosen step, one for each verb that asks something first.

use leptos::prelude::*;
use workflow::{StepStatus, api::StopStep};

use super::{
    doors::Doors,
    edit::EditDialog,
    fork::ForkDialog,
    one_step::{Ask, Sender},
    reject::RejectDialog,
    rerun::RerunDialog,
    skip::SkipDialog,
    supply::SupplyDialog,
};
use crate::{components::ConfirmDialog, reactive::effect};

#[component]
pub(super) fn Dialogs(doors: Doors) -> impl IntoView {
    let one = doors.one;
    let stop = Sender::new(one, move || doors.stop.set(false));
    one.close_with_generation(doors.stop);
    effect(move || {
        if !matches!(one.status.get(), StepStatus::Ready | StepStatus::Running) {
            doors.stop.set(false);
        }
    });
    let stop_text = Signal::derive(move || {
        let error = stop.error.get().map(|error| error.0.detail);
        error.unwrap_or_else(|| {
            let what = if one.status.get() == StepStatus::Ready {
                "It does not start by itself any more."
            } else {
                "What it has written so far stays readable under Attempts."
            };
            format!("{what} The step is failed then, and can be retried.")
        })
    });
    view! {
        <RerunDialog one open=doors.again/>
        <EditDialog one open=doors.edit/>
        <RejectDialog one open=doors.reject/>
        <SkipDialog one open=doors.skip/>
        <SupplyDialog one open=doors.supply/>
        <ForkDialog one open=doors.fork/>
        <ConfirmDialog
            id="stop-step"
            open=doors.stop
            title=Signal::derive(move || format!("Stop “{}”?", one.title()))
            text=stop_text
            confirm="Stop the step"
            busy=stop.pending()
            on_confirm=move |()| stop.send(Ask::Stop(StopStep { expect_generation: one.generation() }))
        />
    }
}
