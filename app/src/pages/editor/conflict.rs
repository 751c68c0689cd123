//! What needs a decision before the draft can be saved: fields that somebody else changed too, a refusal, edits of an earlier visit.
//! Nothing of somebody else is replaced but by a button that says so.

use leptos::prelude::*;

use super::{draft::Draft, parts, saving::SaveState};
use crate::reactive::memo;
use crate::{
    behind::LaterDialogs,
    components::{Banner, Button, Kind, Size, quoted},
};

#[component]
pub(super) fn Notices(draft: Draft) -> impl IntoView {
    let saving = draft.saving;
    let is_deciding = RwSignal::new(false);
    // One shape a notice: it is drawn anew only when it is another one.
    let refusal = memo(move || {
        saving.state.with(|state| match state {
            SaveState::Refused(error) => Some(error.0.detail.clone()),
            _ => None,
        })
    });
    let is_conflict = memo(move || saving.state.with(|state| *state == SaveState::Conflict));
    let restored = memo(move || saving.restored.get());
    view! {
        {move || {
            is_conflict.get().then(|| {
                view! {
                    <Banner
                        kind=Kind::Warn
                        title="Somebody changed what you changed"
                        action=move || {
                            view! {
                                <Button size=Size::Sm on_click=move |()| is_deciding.set(true)>"Decide…"</Button>
                            }
                        }
                    >
                        "Yours is kept in this browser and was not saved over theirs"
                    </Banner>
                }
            })
        }}
        {move || {
            refusal.get().map(|detail| {
                view! {
                    <Banner
                        kind=Kind::Error
                        title="The draft could not be saved"
                        action=move || {
                            view! {
                                <Button size=Size::Sm icon="refresh-cw" on_click=move |()| draft.save()>"Try again"</Button>
                            }
                        }
                    >
                        {quoted(&detail)}
                        " What you drew is kept in this browser."
                    </Banner>
                }
            })
        }}
        {move || {
            restored.get().filter(|_| !is_conflict.get()).map(|n| {
                let words = crate::words::count(n, "edit");
                view! {
                    <Banner
                        kind=Kind::Info
                        title=format!("{words} of an earlier visit brought back")
                        action=move || {
                            view! {
                                <Button size=Size::Sm on_click=move |()| draft.discard_restored()>"Drop them"</Button>
                            }
                        }
                    >
                        "They were kept in this browser because they could not be saved then"
                    </Banner>
                }
            })
        }}
        <LaterDialogs
            part=parts::decide
            of=(draft, is_deciding)
            wanted=is_deciding
            on_failure=move |()| is_deciding.set(false)
        />
    }
}
