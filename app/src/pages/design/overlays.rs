//! Specimens of what floats: dialogs, drawers, tooltips and toasts, each opened by its button.

use leptos::prelude::*;

use super::specimen::{Group, Specimen};
use crate::components::{
    Button, ConfirmDialog, Dialog, Drawer, Field, Kind, TextArea, ToastAction, Tooltip, Variant, use_toasts,
};

#[component]
pub fn Overlays() -> impl IntoView {
    let dialog = RwSignal::new(false);
    let confirm = RwSignal::new(false);
    let drawer = RwSignal::new(false);
    let prompt = RwSignal::new("Summarise the text in three sentences.".to_owned());
    let toasts = use_toasts();
    view! {
        <Group title="What floats">
            <Specimen name="Dialog, ConfirmDialog, Drawer">
                <div class="row">
                    <Button on_click=move |()| dialog.set(true)>"Retry with another prompt"</Button>
                    <Button variant=Variant::Danger on_click=move |()| confirm.set(true)>"Cancel run"</Button>
                    <Button on_click=move |()| drawer.set(true)>"Show details"</Button>
                </div>
            </Specimen>
            <Specimen name="Toaster">
                <div class="row">
                    <Button on_click=move |()| {
                        let undo = ToastAction::new("Undo", move || toasts.success("Step restored"));
                        toasts.push(Kind::Info, "Step deleted", Some(undo));
                    }>"With a way back"</Button>
                    <Button on_click=move |()| toasts.success("Version 8 is live")>"Success"</Button>
                    <Button on_click=move |()| toasts.push(Kind::Warn, "The budget is nearly used", None)>"Warning"</Button>
                    <Button on_click=move |()| toasts.error("The server cannot be reached; try again in a moment")>"Error"</Button>
                </div>
            </Specimen>
            <Specimen name="Tooltip, TooltipLayer">
                <div class="row">
                    <Tooltip text="Directly stale, because research.notes is now v3">"Hover these words"</Tooltip>
                </div>
            </Specimen>
        </Group>
        <Dialog
            id="design-dialog"
            open=dialog
            title="Retry with another prompt"
            description="Summarise begins again. What it writes becomes version 3."
            actions=move || {
                view! {
                    <Button on_click=move |()| dialog.set(false)>"Close"</Button>
                    <Button variant=Variant::Primary on_click=move |()| dialog.set(false)>"Retry"</Button>
                }
            }
        >
            <Field id="design-dialog-prompt" label="Prompt">
                <TextArea value=prompt mono=true/>
            </Field>
        </Dialog>
        <ConfirmDialog
            id="design-confirm"
            open=confirm
            title="Cancel this run?"
            text="2 running steps are stopped and everything not finished is cancelled. A cancelled run is final; its artifacts stay."
            confirm="Cancel run"
            danger=true
            on_confirm=move |()| confirm.set(false)
        />
        <Drawer id="design-drawer" open=drawer title="Attempt 2" description="Failed after 30 s: timeout">
            <p>"Details of one attempt, with room for a long text."</p>
        </Drawer>
    }
}
