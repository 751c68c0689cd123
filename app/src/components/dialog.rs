//! Dialog, `ConfirmDialog`, Drawer: native `<dialog>` shown by `showModal`, so the page behind is inert, Esc closes, and the focus returns.
//! The content exists only while open: each opening starts fresh. Must never be opened in a first render.

mod back;

use crate::reactive::effect;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use self::back::Back;
pub use self::back::watch_back;
use super::button::{Button, IconButton, Variant};
use super::dom::{all, focus, key_of};
use super::icon::Size;

/// For a dialog about one thing: it opens for whatever is put there, and what it closes on is let go.
pub fn open_while_chosen<T: Send + Sync + 'static>(chosen: RwSignal<Option<T>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    effect(move || {
        if chosen.with(Option::is_some) {
            open.set(true);
        }
    });
    effect(move || {
        if !open.get() {
            chosen.set(None);
        }
    });
    open
}

/// A modal question or form. `actions` fill the foot, the answer last.
#[component]
pub fn Dialog(
    #[prop(into)] id: String,
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] description: Signal<String>,
    #[prop(optional)] size: Size,
    /// The buttons of the foot.
    #[prop(optional, into)]
    actions: ViewFn,
    /// While it is true, Esc, a press beside the dialog and its cross do not close it, but are told: something would be lost.
    #[prop(optional, into)]
    locked: Signal<bool>,
    #[prop(optional, into)] on_refused: Option<Callback<()>>,
    children: ChildrenFn,
) -> impl IntoView {
    let lock = Lock { is_on: locked, on_refused };
    modal("dialog", "dialog-foot", id, open, title, description, size, Some(actions), lock, children)
}

/// A modal panel from the right edge, for details that need more height.
#[component]
pub fn Drawer(
    #[prop(into)] id: String,
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] description: Signal<String>,
    #[prop(optional)] size: Size,
    children: ChildrenFn,
) -> impl IntoView {
    modal("dialog drawer", "dialog-foot", id, open, title, description, size, None, Lock::default(), children)
}

/// Asks before something that is hard to undo. `text` says what will happen; `confirm` repeats the verb.
/// What leaves a dialog without an answer is "Close" everywhere: "Cancel" is what is done to a run.
#[component]
pub fn ConfirmDialog(
    #[prop(into)] id: String,
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] text: Signal<String>,
    #[prop(into)] confirm: Signal<String>,
    #[prop(into)] on_confirm: Callback<()>,
    /// True for what destroys something.
    #[prop(optional, into)]
    danger: Signal<bool>,
    /// While true the answer shows a spinner; the caller closes the dialog when it is done.
    #[prop(optional, into)]
    busy: Signal<bool>,
) -> impl IntoView {
    let actions = move || {
        let variant = if danger.get() { Variant::Danger } else { Variant::Primary };
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant loading=busy on_click=move |()| on_confirm.run(())>
                {move || confirm.get()}
            </Button>
        }
    };
    let foot = "dialog-foot confirm-actions";
    let (lock, nothing) = (Lock::default(), std::sync::Arc::new(|| ().into_any()));
    modal("dialog", foot, id, open, title, text, Size::Sm, Some(actions.into()), lock, nothing)
}

/// For content that comes after the dialog opened: two frames later its first field is there, and gets the focus unless another control has it.
pub fn focus_in_dialog(id: &'static str) {
    request_animation_frame(move || {
        request_animation_frame(move || {
            let Some(dialog) = super::dom::by_id(id) else { return };
            let has_field = document().active_element().is_some_and(|active| {
                matches!(active.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") && dialog.contains(Some(&active))
            });
            if !has_field {
                focus_first(&dialog);
            }
        });
    });
}

/// The first field, else the first button of the foot, which is the harmless one, else one of the body; the browser alone would take
/// the close button.
fn focus_first(dialog: &web_sys::Element) {
    let fields = all(dialog, ".dialog-body :is(input, select, textarea, [autofocus]):not(:disabled, [type=hidden])");
    let of_body = || all(dialog, ".dialog-body button:not(:disabled)").into_iter().next();
    let of_foot = || all(dialog, ".dialog-foot button:not(:disabled)").into_iter().next();
    let first = fields.into_iter().next().or_else(of_foot).or_else(of_body);
    if let Some(first) = first {
        focus(&first);
    }
}

/// What keeps a dialog open that was not meant to be closed.
#[derive(Clone, Copy, Default)]
struct Lock {
    is_on: Signal<bool>,
    on_refused: Option<Callback<()>>,
}

impl Lock {
    /// Whether the dialog has to stay; whoever locked it hears of the try.
    fn refuses(self) -> bool {
        let is_on = self.is_on.get_untracked();
        if is_on && let Some(on_refused) = self.on_refused {
            on_refused.run(());
        }
        is_on
    }
}

fn on_key(event: &leptos::ev::KeyboardEvent, node: NodeRef<html::Dialog>, lock: Lock) {
    // Browsers let a second Esc through, whatever became of the first: only the key itself can be taken.
    if key_of(event) == "Escape" && lock.refuses() {
        event.prevent_default();
    }
    if is_answer(event)
        && let Some(dialog) = node.get_untracked()
    {
        // A dialog that this one is in is not answered with it.
        event.prevent_default();
        press_answer(&dialog);
    }
}

/// In a text area Enter is a new line: with Ctrl or Cmd it is the answer, as Enter is in a line of text.
fn is_answer(event: &leptos::ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    key_of(event) == "Enter"
        && (event.ctrl_key() || event.meta_key())
        && !event.default_prevented()
        && target.is_some_and(|target| target.tag_name() == "TEXTAREA")
}

/// The answer stands last; one that is not possible now is not pressed.
fn press_answer(dialog: &web_sys::Element) {
    let answers = ":is(.dialog-foot, .form-actions) .btn:is([data-variant=primary], [data-variant=danger])";
    if let Some(answer) = all(dialog, answers).pop() {
        answer.click();
    }
}

/// The dialog's own: beside a question within a dialog, a press closes the question alone.
fn is_backdrop(event: &leptos::ev::PointerEvent, node: NodeRef<html::Dialog>) -> bool {
    let target = event.target();
    let target = target.as_ref().and_then(|target| target.dyn_ref::<web_sys::Node>());
    target.is_some() && node.get_untracked().is_some_and(|dialog| dialog.is_same_node(target))
}

#[expect(clippy::too_many_arguments, reason = "the one body of three components; each argument is a prop of theirs")]
fn modal(
    class: &'static str,
    foot: &'static str,
    id: String,
    open: RwSignal<bool>,
    title: Signal<String>,
    description: Signal<String>,
    size: Size,
    actions: Option<ViewFn>,
    lock: Lock,
    children: ChildrenFn,
) -> AnyView {
    let node = NodeRef::<html::Dialog>::new();
    let back = Back::new();
    effect(move || {
        let wanted = open.get();
        let Some(dialog) = node.get() else { return };
        if !wanted {
            if dialog.open() {
                dialog.close();
            }
            return;
        }
        // The content is drawn by the effects that run with this one, so it is there in the next microtask. A frame later would be
        // too late: what is typed in between would go to the page behind.
        queue_microtask(move || {
            // What it stands in may be gone already.
            if open.try_get_untracked() == Some(true) && dialog.is_connected() && !dialog.open() {
                drop(dialog.show_modal());
                focus_first(&dialog);
                back.opened(move || {
                    let is_closed = !lock.refuses();
                    if is_closed {
                        open.set(false);
                    }
                    is_closed
                });
            }
        });
    });
    // A press that starts and ends on the backdrop closes; one that ends there after selecting text does not.
    let pressed_outside = StoredValue::new(false);
    // Fields inside are called after it too, such as one for a title.
    let title_id = format!("{id}--title");
    let text_id = format!("{id}--text");
    let children = StoredValue::new(children);
    let actions = StoredValue::new(actions);
    view! {
        <dialog
            node_ref=node
            class=class
            id=id
            data-size=size.name()
            aria-labelledby=title_id
            aria-describedby=text_id
            on:close=move |_| {
                back.closed();
                open.set(false);
            }
            on:input=move |event| back.note(&event, node)
            on:keydown=move |event| on_key(&event, node, lock)
            on:cancel=move |event: web_sys::Event| {
                // Other ways to ask for it, such as the back gesture of a phone.
                if lock.refuses() {
                    event.prevent_default();
                }
            }
            on:pointerdown=move |event| pressed_outside.set_value(is_backdrop(&event, node))
            on:pointerup=move |event| {
                if pressed_outside.get_value() && is_backdrop(&event, node) && !lock.refuses() {
                    open.set(false);
                }
                pressed_outside.set_value(false);
            }
        >
            <div class="dialog-head">
                <h2 id=title_id.clone()>{move || title.get()}</h2>
                <p id=text_id.clone()>{move || description.get()}</p>
                {back.words()}
                <IconButton
                    icon="x"
                    label="Close the dialog"
                    size=Size::Sm
                    on_click=move |()| {
                        if !lock.refuses() {
                            open.set(false);
                        }
                    }
                />
            </div>
            <div class="dialog-body">
                <Show when=move || open.get()>{move || children.with_value(|children| children())}</Show>
            </div>
            {actions
                .with_value(Option::is_some)
                .then(|| {
                    view! {
                        <div class=foot>
                            <Show when=move || open.get()>
                                {move || actions.with_value(|actions| actions.as_ref().map(ViewFn::run))}
                            </Show>
                        </div>
                    }
                })}
        </dialog>
    }
    .into_any()
}
