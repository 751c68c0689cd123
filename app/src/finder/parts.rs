//! The part of the program with the two lists of the finder.

use leptos::prelude::*;

use super::{help::Help, palette::Palette};
use crate::part::part;

part!(finder: draw_palette, load_palette, palette, view! { <Palette/> }.into_any());
part!(finder: draw_help, load_help, help, view! { <Help/> }.into_any());
