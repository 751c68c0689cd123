//! The canvas in the page: one board for building and for watching, drawn in 2D, with a list beside it for those who cannot see it.
//! All rules are in the `canvas` crate; here are only events, pixels and signals. No browser API may be touched while rendering on the server.
//!
//! Both components go straight into a `.canvas-stage` of a `.canvas-page` (style/layouts/editor.css):
//! `<EditorCanvas state/>` builds, driven by an [`EditorHandle`]; `<RunCanvas run selected/>` watches.

mod arranging;
mod compared;
mod draw;
mod edge_pan;
mod editor;
mod handle;
mod hooks;
mod lines;
mod menu;
mod minimap;
mod mirror;
mod palette;
mod picture;
mod stage;
mod surface;
mod theme;
mod toolbar;
mod watch;
mod watchers;

pub use compared::compared_canvas;
pub use editor::{EditorCanvas, EditorHandle};
pub use handle::Asked;
pub use minimap::{MapToggle, provide_map};
pub use picture::Picture;
pub use toolbar::CanvasToolbar;
pub use watch::{RunCanvas, WatchHandle};
