//! The list of shortcuts, from the table that the handlers ask, and the switch for those of a single character.

use canvas::shortcuts::{Place, SHORTCUTS, Shortcut};
use leptos::prelude::*;

use crate::{
    components::{Kbd, Switch},
    reactive::effect,
    session::use_session,
    single_keys,
};

#[component]
pub(super) fn Help() -> impl IntoView {
    let is_admin = use_session().user_untracked().is_some_and(|user| user.is_admin());
    // Who draws no workflows has no use for the keys of the editor.
    let places = Place::ALL.into_iter().filter(|place| is_admin || matches!(place, Place::Everywhere | Place::Canvas));
    let section = |place: Place| {
        let rows = SHORTCUTS.iter().filter(|row| row.place == place).map(row).collect_view();
        view! {
            <section class="shortcuts">
                <h3>{place.title()}</h3>
                <dl>{rows}</dl>
            </section>
        }
    };
    let are_on = RwSignal::new(true);
    effect(move || are_on.set(single_keys::are_on()));
    let switch = move |on: bool| {
        single_keys::switch(on);
        are_on.set(on);
    };
    view! {
        {places.map(section).collect_view()}
        <section class="shortcuts" aria-label="Keys of a single character">
            <Switch checked=are_on on_change=switch label="Single characters are shortcuts, such as ? and C"/>
            <p class="small muted">
                "Off, they do nothing in this browser. What they do is in the menus, in the toolbar and in the list that Ctrl K opens."
            </p>
        </section>
    }
}

fn row(row: &'static Shortcut) -> impl IntoView {
    let keys = row.keys.iter().map(|keys| view! { <Kbd keys=*keys/> " " }).collect_view();
    view! {
        <div>
            <dt>{row.does}</dt>
            <dd>{keys}</dd>
        </div>
    }
}
