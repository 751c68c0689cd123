//! That search and replace is open, for everything on the page that leads to it.

use leptos::prelude::*;

#[derive(Clone, Copy)]
pub(super) struct Replacing {
    pub open: RwSignal<bool>,
}

impl Replacing {
    pub(super) fn provide() -> Self {
        let replacing = Self { open: RwSignal::new(false) };
        provide_context(replacing);
        replacing
    }
}
