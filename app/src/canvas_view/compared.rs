//! The canvas on which two states of a workflow are compared: looked at, never changed.

use canvas::{Board, Document};
use leptos::prelude::*;
use workflow::AgentCatalog;

use super::{handle::BoardHandle, surface::Surface};

/// Marks each step that differs; a step that is gone stands where it stood.
pub fn compared_canvas(before: &Document, after: &Document, agents: AgentCatalog) -> AnyView {
    let board = BoardHandle::new(Board::compare(before, after, agents));
    view! {
        <div class="canvas-stage compared-stage">
            <Surface board label="What differs, on the canvas"/>
        </div>
    }
    .into_any()
}
