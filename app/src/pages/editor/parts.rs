//! The part of the program with what the editor shows only once it is asked for.

use leptos::prelude::*;

use canvas::Written;

use super::{
    decide::Decide, draft::Draft, outline::Outline, publishing::Publishing, replace_form::ReplaceForm,
    trying::TryDialog, versions::Versions, writing_form::WritingForm,
};
use crate::later::{View, later};

later! {
    more: pub(super) replace, View<()>, |()| view! { <ReplaceForm/> }.into_any();
    more: pub(super) decide, View<(Draft, RwSignal<bool>)>, |(draft, open)| view! { <Decide draft open/> }.into_any();
    more: pub(super) publishing, View<(Draft, RwSignal<bool>, Signal<bool>)>, |(draft, open, has_obstacle)| {
        view! { <Publishing draft open has_obstacle/> }.into_any()
    };
    more: pub(super) versions, View<(Draft, RwSignal<bool>)>, |(draft, open)| view! { <Versions draft open/> }.into_any();
    more: pub(super) writing, View<(Draft, StoredValue<Written>)>, |(draft, what)| {
        view! { <WritingForm draft what/> }.into_any()
    };
    more: pub(super) outline, View<()>, |()| view! { <Outline/> }.into_any();
    more: pub(super) try_dialog, View<()>, |()| view! { <TryDialog/> }.into_any();
}
