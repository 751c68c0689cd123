//! The finder: one list, on every page for whoever is signed in, of where one can go and what one can do. Ctrl K opens it, `?` the shortcuts.
//! A page offers what is on it; what is on the server is searched there. Both lists are fetched when one of them is first opened.

mod context;
mod entry;
mod help;
mod palette;
mod parts;
mod places;

use leptos::prelude::*;

pub use self::{
    context::{Finder, command_of, meaning_of, provide_finder, use_finder},
    entry::{Act, Entry, Group},
};
use crate::{
    behind::Later,
    components::{Dialog, Icon, Kbd, Size},
};

/// The two lists, once on the page.
#[component]
pub fn FinderDialogs(finder: Finder) -> impl IntoView {
    view! {
        <Dialog id="find" open=finder.open title="Find">
            <Later part=parts::palette of=()/>
        </Dialog>
        <Dialog id="shortcuts" open=finder.help title="Shortcuts" description="Ctrl is Cmd on a Mac">
            <Later part=parts::help of=()/>
        </Dialog>
    }
}

/// In the bar at the top of a page; absent where nobody is signed in.
#[component]
pub fn FindButton() -> impl IntoView {
    use_finder().map(|finder| {
        view! {
            <button
                class="search-btn"
                type="button"
                data-tip="Find (Ctrl K)"
                aria-label="Find"
                aria-haspopup="dialog"
                on:click=move |_| finder.open.set(true)
            >
                <Icon name="search" size=Size::Sm/>
                <span aria-hidden="true">"Find"</span>
                <Kbd keys="Ctrl K"/>
            </button>
        }
    })
}
