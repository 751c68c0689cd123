//! The pure editor core: edits with exact inverses, history, scene, camera, hit test, gestures, layout and display list.
//! Native and wasm32 alike; it must never name a DOM type, read a clock or do IO.

pub mod edit;
pub mod history;

pub use edit::{Edit, Refused, apply, fresh_key};
pub use history::History;
