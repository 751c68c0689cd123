//! Icon: a symbol of the sprite `style/public/icons.svg`. Decoration only: the words beside it, or the label of its button, say what it means.

use leptos::prelude::*;

use crate::site;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Size {
    Sm,
    #[default]
    Md,
    Lg,
}

impl Size {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sm => "sm",
            Self::Md => "md",
            Self::Lg => "lg",
        }
    }
}

/// `name` is a lucide name, as in `Icon name="play"`; a name that the sprite lacks fails the test of the design page.
#[component]
pub fn Icon(name: &'static str, #[prop(optional)] size: Size, #[prop(optional)] spin: bool) -> impl IntoView {
    view! {
        <svg class="icon" data-size=size.name() data-spin=spin aria-hidden="true" focusable="false">
            <use_ href=format!("{}#i-{name}", site::icons())></use_>
        </svg>
    }
}
