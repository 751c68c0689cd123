//! The part of the program with what the editor shows only once it is asked for.

use leptos::prelude::*;

use super::{outline::Outline, replace_form::ReplaceForm};
use crate::later::{View, later};

later! {
    more: pub(super) replace, View<()>, |()| view! { <ReplaceForm/> }.into_any();
    more: pub(super) outline, View<()>, |()| view! { <Outline/> }.into_any();
}
