//! The part of the program with the two lists of the finder.

use leptos::prelude::*;

use super::{help::Help, palette::Palette};
use crate::later::{View, later};

later! {
    more: pub(super) palette, View<()>, |()| view! { <Palette/> }.into_any();
    more: pub(super) help, View<()>, |()| view! { <Help/> }.into_any();
}
