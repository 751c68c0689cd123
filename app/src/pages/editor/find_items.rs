//! What finds and replaces, and the list of shortcuts: the same items in the menu of the canvas and in More.

use canvas::shortcuts::Command;
use leptos::prelude::*;

use super::replacing::Replacing;
use crate::{components::MenuItem, finder::use_finder};

#[component]
pub(super) fn FindItems() -> impl IntoView {
    let replacing = expect_context::<Replacing>();
    let finder = use_finder();
    view! {
        {finder.map(|finder| view! {
            <MenuItem icon="search" keys=Command::Find.keys() on_select=move |()| finder.open.set(true)>"Find…"</MenuItem>
        })}
        <MenuItem icon="file-text" keys=Command::Replace.keys() on_select=move |()| replacing.open.set(true)>
            "Search and replace…"
        </MenuItem>
        {finder.map(|finder| view! {
            <MenuItem icon="keyboard" keys=Command::Help.keys() on_select=move |()| finder.help.set(true)>"Shortcuts"</MenuItem>
        })}
    }
}
