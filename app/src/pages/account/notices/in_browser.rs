//! The switch for notices of this browser, and what stands in its way.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    components::Switch,
    notify::{Standing, use_notify},
    reactive::effect,
};

#[component]
pub(super) fn InBrowser() -> impl IntoView {
    let notify = use_notify();
    // On while the browser asks; it springs back where nothing is allowed.
    let is_on = RwSignal::new(false);
    effect(move || is_on.set(notify.standing() == Some(Standing::On)));
    let was_unanswered = RwSignal::new(false);
    let change = move |is_wanted: bool| {
        is_on.set(is_wanted);
        was_unanswered.set(false);
        if !is_wanted {
            notify.turn_off();
            return;
        }
        spawn_local(async move {
            let is_granted = notify.turn_on().await;
            is_on.try_set(is_granted);
            was_unanswered.try_set(!is_granted);
        });
    };
    let obstacle = move || match notify.standing()? {
        Standing::Missing => Some(
            "This browser shows no notices for this address. Most show them only for addresses that begin with https, or on this machine.",
        ),
        Standing::Blocked => Some(
            "This browser blocks notices of Weft. To allow them, open the settings of this site by the sign beside its address, allow notifications, then switch this on.",
        ),
        Standing::Off if was_unanswered.get() => {
            Some("The browser's question was closed without an answer. Switch this on to be asked again.")
        }
        Standing::Off | Standing::On => None,
    };
    view! {
        <div class="setting">
            <div>
                <strong>"In this browser"</strong>
                <p class="muted">
                    "When a review begins to wait for you while no tab of Weft is in front: the names of its step and workflow, and nothing of its content. Kept in this browser."
                </p>
                <p role="status">{obstacle}</p>
            </div>
            <Switch
                checked=is_on
                on_change=change
                label="Tell me in this browser"
                disabled=Signal::derive(move || notify.standing() == Some(Standing::Missing))
            />
        </div>
    }
}
