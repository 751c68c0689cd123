//! Toasts: short news in a live region, with the way back where there is one. `provide_toasts` once in the app, `Toaster` once in the shell.
//! A toast must never be the only place of an error that needs action: pages show those in a Banner.

use std::time::Duration;

use crate::reactive::effect;
use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::button::{Button, IconButton, Variant};
use super::dom::{all, set_style};
use super::feedback::Kind;
use super::icon::{Icon, Size};
use super::quoted::quoted;

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
    /// While it is true.
    holds: Option<Signal<bool>>,
    /// So long, where it is not as long as its kind.
    life: Option<Duration>,
}

#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last_id: StoredValue<u64>,
}

/// More at once than this and the oldest go.
const MOST: usize = 4;
/// What stands at the foot of a page and holds its actions.
const FEET: &str = ".form-actions[data-sticky], .panel-foot, .canvas-page > .bottom-drawer, .inbox-decide, .bulk-bar, \
    dialog[open] > .dialog-foot";
/// How high above the foot of the window toasts stand at most, where nothing is under them.
const NEAR: f64 = 90.0;
/// So often it is looked where the foot is: the page may change under a toast.
const LOOK: Duration = Duration::from_millis(250);

impl Toasts {
    fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), last_id: StoredValue::new(0) }
    }

    pub fn push(self, kind: Kind, text: impl Into<String>, action: Option<ToastAction>) {
        self.add(kind, text.into(), action, None, None);
    }

    /// News whose way back is open for so long.
    pub fn push_for(self, life: Duration, kind: Kind, text: impl Into<String>, action: Option<ToastAction>) {
        self.add(kind, text.into(), action, None, Some(life));
    }

    /// News that goes as soon as it is true no more.
    pub fn push_while(self, holds: Signal<bool>, kind: Kind, text: impl Into<String>, action: Option<ToastAction>) {
        self.add(kind, text.into(), action, Some(holds), None);
    }

    fn add(
        self,
        kind: Kind,
        text: String,
        action: Option<ToastAction>,
        holds: Option<Signal<bool>>,
        life: Option<Duration>,
    ) {
        let id = self.last_id.get_value() + 1;
        self.last_id.set_value(id);
        let toast = Toast { id, kind, text, action, holds, life };
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
            stay_above_the_foot(&region);
            if let Ok(looking) = set_interval_with_handle(move || stay_above_the_foot(&region), LOOK) {
                on_cleanup(move || looking.clear());
            }
        }
    });
    view! {
        <section node_ref=region class="toaster" popover="manual" aria-label="Notifications">
            // There before its first news, as the style sheet keeps it: what comes along with its region is not read out.
            <div role="status" aria-live="polite">
                <ol class="toasts">
                    <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                        <ToastItem toasts toast/>
                    </For>
                </ol>
            </div>
        </section>
    }
}

/// Toasts never lie over the actions at the foot of a page: they stand above the highest that reaches under them.
fn stay_above_the_foot(region: &web_sys::HtmlElement) {
    let Some(height) = window().inner_height().ok().and_then(|height| height.as_f64()) else { return };
    let Some(root) = document().document_element() else { return };
    let own = region.get_bounding_client_rect();
    let feet = all(&root, FEET).into_iter().map(|foot| foot.get_bounding_client_rect());
    let feet = feet.filter(|foot| foot.width() > 0.0 && foot.left() < own.right() && foot.right() > own.left());
    let foot = raised(feet.map(|foot| (foot.top(), foot.bottom())), height, own.height());
    set_style(region, "--foot", &format!("{foot}px"));
}

/// How far up the foot of a window of this height reaches, where the toasts take `own` of it. What is open over more than half of the
/// window is no foot, nor what is scrolled away or stands higher than the toasts.
fn raised(feet: impl Iterator<Item = (f64, f64)>, height: f64, own: f64) -> f64 {
    let is_under = |(top, bottom): &(f64, f64)| *top < height && *bottom > height - own - NEAR;
    let reach = feet.filter(is_under).map(|(top, _)| height - top);
    reach.filter(|reach| *reach <= height / 2.0).fold(0.0, f64::max)
}

#[component]
fn ToastItem(toasts: Toasts, toast: Toast) -> impl IntoView {
    let id = toast.id;
    let life = toast.life.unwrap_or(match (toast.kind, toast.action.is_some()) {
        (Kind::Error, _) => Duration::from_secs(12),
        (_, true) => Duration::from_secs(9),
        _ => Duration::from_secs(5),
    });
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
    if let Some(holds) = toast.holds {
        effect(move || {
            // The page that it was about may be left: then it goes by its time.
            if holds.try_get() == Some(false) {
                toasts.dismiss(id);
            }
        });
    }
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
            <span>{quoted(&toast.text)}</span>
            <span>{action}</span>
            <IconButton icon="x" label="Dismiss" size=Size::Sm on_click=move |()| toasts.dismiss(id)/>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::raised;

    #[test]
    fn toasts_stand_above_the_highest_foot_in_sight() {
        for (feet, expected) in [
            (vec![], 0.0),
            (vec![(740.0, 800.0)], 60.0),
            (vec![(700.0, 744.0), (744.0, 800.0)], 100.0),
            // Scrolled out below, scrolled up, and an open drawer over most of the window.
            (vec![(820.0, 880.0)], 0.0),
            (vec![(100.0, 160.0)], 0.0),
            (vec![(500.0, 560.0)], 0.0),
            (vec![(200.0, 800.0)], 0.0),
        ] {
            assert!((raised(feet.clone().into_iter(), 800.0, 50.0) - expected).abs() < 0.01, "{feet:?}");
        }
    }
}
