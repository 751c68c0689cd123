//! What goes into the board and what comes out, as plain values: a session can be written down and replayed natively.
//! All points are CSS pixels from the canvas' top left corner.

use kurbo::{Point, Vec2};
use workflow::StepKey;

use crate::scene::hit::Precision;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mods {
    pub shift: bool,
    /// Ctrl, or Cmd on a Mac.
    pub ctrl: bool,
    pub alt: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Button {
    Main,
    Middle,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    Enter,
    Space,
    Escape,
    Delete,
    Char(char),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Input {
    Down {
        id: i32,
        at: Point,
        button: Button,
        precision: Precision,
        mods: Mods,
        /// 2 for a double click.
        clicks: u32,
    },
    Move {
        id: i32,
        at: Point,
        mods: Mods,
    },
    Up {
        id: i32,
        at: Point,
        mods: Mods,
    },
    /// The pointer left the canvas.
    Leave,
    Wheel {
        at: Point,
        by: Vec2,
        /// A pinch on a trackpad, or the wheel with Ctrl.
        is_zoom: bool,
        mods: Mods,
    },
    Key {
        key: Key,
        mods: Mods,
    },
    /// A sixtieth of a second has passed, while the board wants to know.
    Tick,
    /// The pointer was taken away, or the window lost the focus.
    Cancel,
}

/// What the wheel does without Ctrl.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WheelMode {
    #[default]
    Pan,
    Zoom,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// The definition changed.
    Changed { label: String },
    /// Other steps, or another edge, are selected.
    Selected,
    /// A step is to be opened: double click or Enter.
    Opened(StepKey),
    /// The text of a note, or the title of a group, is to be written where it stands.
    Write(Written),
    /// An edit or a connection was refused, in words.
    Refused(String),
    /// The line of words over the canvas.
    Hint(Option<String>),
    /// For those who cannot see it.
    Say(String),
    /// Something to know about what was just done.
    Note(String),
    /// A person wants the camera to follow the run, or not.
    Followed(bool),
}

/// What is written in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// By its id.
    Note(String),
    Group(String),
}

/// The pointer's shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cursor {
    Default,
    Pointer,
    Grab,
    Grabbing,
    Crosshair,
    NotAllowed,
    Copy,
    Resize,
}

impl Cursor {
    /// Its name in CSS.
    pub fn css(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pointer => "pointer",
            Self::Grab => "grab",
            Self::Grabbing => "grabbing",
            Self::Crosshair => "crosshair",
            Self::NotAllowed => "not-allowed",
            Self::Copy => "copy",
            Self::Resize => "nwse-resize",
        }
    }
}
