//! The part of the program with what the editor shows only once it is asked for.

use leptos::prelude::*;

use super::{outline::Outline, replace_form::ReplaceForm};
use crate::part::part;

part!(editing: draw_replace, load_replace, replace, view! { <ReplaceForm/> }.into_any());
part!(editing: draw_outline, load_outline, outline, view! { <Outline/> }.into_any());
