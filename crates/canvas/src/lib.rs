//! The pure editor core: edits with exact inverses, history, scene, camera, hit test, gestures, layout and display list.
//! Native and wasm32 alike; it must never name a DOM type, read a clock or do IO.

pub mod clip;
pub mod edit;
pub mod find;
pub mod history;
pub mod shortcuts;

pub mod camera;
pub mod flow;
pub mod grid;
pub mod layout;
pub mod scene;

pub mod board;
pub mod paint;

pub use board::{
    Alignment, Axis, Board, Button, Choice, Cursor, Dirty, End, Input, Key, MarkRow, MirrorNode, Mods, OutlineRow,
    Output, PaletteItem, Question, Subject, TICK_MS, Visitor, Way, WheelMode, Written,
};
pub use camera::Camera;
pub use clip::Clip;
pub use edit::{Edit, KeyFault, Refused, apply, fresh_key, rename_run_input, rename_step};
pub use flow::Flow;
pub use history::History;
pub use kurbo::{CubicBez, Point, Rect, Size, Vec2};
pub use paint::{DisplayList, Renderer};
pub use scene::{Said, Scene, Side, hit::Precision};
pub use workflow::Document;
