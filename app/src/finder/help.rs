//! The list of shortcuts, from the table that the handlers ask.

use canvas::shortcuts::{Place, SHORTCUTS, Shortcut};
use leptos::prelude::*;

use crate::{components::Kbd, session::use_session};

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
    places.map(section).collect_view()
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
