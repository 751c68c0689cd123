//! The part of the program with what the editor shows only once it is asked for.

use leptos::prelude::*;

use super::{decide::Decide, draft::Draft, outline::Outline, replace_form::ReplaceForm};
use crate::later::{View, later};

later! {
    more: pub(super) replace, View<()>, |()| view! { <ReplaceForm/> }.into_any();
    more: pub(super) decide, View<(Draft, RwSignal<bool>)>, |(draft, open)| view! { <Decide draft open/> }.into_any();
    more: pub(super) outline, View<()>, |()| view! { <Outline/> }.into_any();
}
