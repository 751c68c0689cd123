//! The list of shortcuts, from the table that the handlers ask, and the switch for those of a single character.

use canvas::shortcuts::{Place, SHORTCUTS, Shortcut};
use leptos::prelude::*;

use crate::{
    components::{Button, Kbd, Size},
    reactive::effect,
    session::use_session,
    single_keys,
};

#[component]
pub(super) fn Help() -> impl IntoView {
    let is_admin = use_session().user_untracked().is_some_and(|user| user.is_admin());
    // Who draws no workflows has no use for the keys of the editor.
    let places = Place::ALL.into_iter().filter(|place| {
        is_admin || matches!(place, Place::Everywhere | Place::Inbox | Place::Canvas | Place::Watching)
    });
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
    let switch = move |()| {
        let on = !are_on.get_untracked();
        single_keys::switch(on);
        are_on.set(on);
    };
    let verb = move || if are_on.get() { "Switch off single characters" } else { "Switch on single characters" };
    let words = move || {
        if are_on.get() {
            "Keys that write a character, such as ? and C, are shortcuts in this browser."
        } else {
            "Keys that write a character do nothing in this browser. What they do is in the menus, in the toolbar and in what Ctrl K opens."
        }
    };
    // A button and no field: a field would take the keyboard when the list opens, and keep `?` to itself.
    view! {
        {places.map(section).collect_view()}
        <section class="shortcuts" aria-label="Keys of a single character">
            <p class="small muted">{words}</p>
            <div class="row">
                <Button size=Size::Sm on_click=switch>{verb}</Button>
            </div>
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
