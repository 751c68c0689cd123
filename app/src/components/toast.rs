//! Toasts: short news in a live region, with the way back where there is one. `provide_toasts` once in the app, `Toaster` once in the shell.
//! A toast must never be the only place of an error that needs action: pages show those in a Banner.

use std::time::Duration;

use crate::reactive::effect;
use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::button::{Button, IconButton, Variant};
use super::feedback::Kind;
use super::icon::{Icon, Size};

/// The way back or onward, such as "Undo" or "Open".
#[derive(Clone)]
pub struct ToastAction {
    pub label: String,
    pub run: Callback<()>,
}

impl ToastAction {
    pub fn new(label: impl Into<String>, run: impl Fn() + Send + Sync + 'static) -> Self {
        Self { label: label.into(), run: Callback::new(move |()| run()) }
    }
}

#[derive(Clone)]
struct Toast {
    id: u64,
    kind: Kind,
    text: String,
    action: Option<ToastAction>,
}

#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last_id: StoredValue<u64>,
}

/// More at once than this and the oldest go.
const MOST: usize = 4;

impl Toasts {
    fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), last_id: StoredValue::new(0) }
    }

    pub fn push(self, kind: Kind, text: impl Into<String>, action: Option<ToastAction>) {
        let id = self.last_id.get_value() + 1;
        self.last_id.set_value(id);
        let toast = Toast { id, kind, text: text.into(), action };
        self.shown.update(|shown| {
            shown.push(toast);
            let surplus = shown.len().saturating_sub(MOST);
            shown.drain(..surplus);
        });
    }

    pub fn success(self, text: impl Into<String>) {
        self.push(Kind::Success, text, None);
    }

    pub fn error(self, text: impl Into<String>) {
        self.push(Kind::Error, text, None);
    }

    fn dismiss(self, id: u64) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }
}

pub fn provide_toasts() -> Toasts {
    let toasts = Toasts::new();
    provide_context(toasts);
    toasts
}

/// The app's toasts; where none were provided, ones that nobody sees.
pub fn use_toasts() -> Toasts {
    use_context().unwrap_or_else(Toasts::new)
}

#[component]
pub fn Toaster() -> impl IntoView {
    let toasts = use_toasts();
    let region = NodeRef::<html::Section>::new();
    // Shown anew for each toast, so that it lies over a dialog that was opened meanwhile.
    effect(move || {
        let any = toasts.shown.with(|shown| !shown.is_empty());
        let Some(region) = region.get() else { return };
        if region.matches(":popover-open").unwrap_or(false) {
            drop(region.hide_popover());
        }
        if any {
            drop(region.show_popover());
        }
    });
    view! {
        <section node_ref=region class="toaster" popover="manual" aria-label="Notifications">
            <ol role="status" aria-live="polite" class="toasts">
                <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                    <ToastItem toasts toast/>
                </For>
            </ol>
        </section>
    }
}

#[component]
fn ToastItem(toasts: Toasts, toast: Toast) -> impl IntoView {
    let id = toast.id;
    let life = match (toast.kind, toast.action.is_some()) {
        (Kind::Error, _) => Duration::from_secs(12),
        (_, true) => Duration::from_secs(9),
        _ => Duration::from_secs(5),
    };
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(running) = timer.try_get_value().flatten() {
            running.clear();
        }
    };
    let start = move || {
        stop();
        timer.set_value(set_timeout_with_handle(move || toasts.dismiss(id), life).ok());
    };
    effect(start);
    on_cleanup(stop);
    let action = toast.action.map(|action| {
        view! {
            <Button
                size=Size::Sm
                variant=Variant::Default
                on_click=move |()| {
                    toasts.dismiss(id);
                    action.run.run(());
                }
            >
                {action.label}
            </Button>
        }
    });
    view! {
        <li
            class="toast"
            data-kind=toast.kind.name()
            on:pointerenter=move |_| stop()
            on:pointerleave=move |_| start()
            on:focusin=move |_| stop()
            on:focusout=move |_| start()
        >
            <Icon name=toast.kind.icon()/>
            <span>{toast.text}</span>
            <span>{action}</span>
            <IconButton icon="x" label="Dismiss" size=Size::Sm on_click=move |()| toasts.dismiss(id)/>
        </li>
    }
}
