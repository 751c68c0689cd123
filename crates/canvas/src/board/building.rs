//! What is done only on a board to build on, as values that input comes to.
//! Behind one pointer that only such a board has, so that the page of a run, which only watches, does not load it.

use kurbo::{Point, Vec2};

use super::{
    Board,
    input::{Key, Mods, Output},
    selecting::Way,
};
use crate::scene::Side;

/// One act of building.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A line from a port.
    Connect {
        id: i32,
        node: u32,
        side: Side,
        at: Point,
    },
    /// One end of a line is taken up.
    Reconnect {
        id: i32,
        edge: u32,
        end: Side,
        at: Point,
    },
    ConnectTo(Point),
    FinishConnect,
    PaletteTo(Point),
    DropFromPalette,
    /// What is taken up is dragged.
    DragTo {
        at: Point,
        mods: Mods,
    },
    /// What was dragged, or made larger, stays where the picture has it.
    Place {
        nodes: Vec<u32>,
        notes: Vec<u32>,
        label: &'static str,
    },
    /// What is selected moves by an arrow.
    Nudge {
        key: Key,
        by: f64,
    },
    /// The last change is taken back, or done again.
    Travel {
        is_back: bool,
    },
    Pin,
    Delete,
    /// Copies were dragged.
    DuplicateTo {
        nodes: Vec<u32>,
        notes: Vec<u32>,
        by: Vec2,
    },
    Duplicate,
    /// An agent is to be chosen for a step here,
    AddAt(Point),
    /// or after the step that the keyboard stands on, or onto the selected line.
    AddByKey,
    KeyConnect,
    StepKeyConnect {
        forward: bool,
    },
    FinishKeyConnect,
    SelectAlong(Way),
    /// To the next line of the step that the keyboard stands on.
    WalkLines {
        is_forward: bool,
    },
    /// To the next note.
    WalkNotes {
        is_forward: bool,
    },
    AddNote,
    Group,
    Ungroup,
}

/// What does them.
pub(super) type Builder = fn(&mut Board, Act, &mut Vec<Output>);

pub(super) fn build(board: &mut Board, act: Act, out: &mut Vec<Output>) {
    match act {
        Act::Connect { id, node, side, at } => board.begin_connect(id, node, side, at, out),
        Act::Reconnect { id, edge, end, at } => board.begin_reconnect(id, edge, end, at, out),
        Act::ConnectTo(at) => board.connect_to(at, out),
        Act::FinishConnect => board.finish_connect(out),
        Act::PaletteTo(at) => board.palette_to(at, out),
        Act::DropFromPalette => board.drop_from_palette(out),
        Act::DragTo { at, mods } => board.drag_to(at, mods),
        Act::Place { nodes, notes, label } => board.place_here(&nodes, &notes, label, out),
        Act::Nudge { key, by } => board.nudge(key, by, out),
        Act::Travel { is_back } => board.travel(is_back, out),
        Act::Pin => out.extend(board.toggle_pin()),
        Act::Delete => out.extend(board.delete_selected()),
        Act::DuplicateTo { nodes, notes, by } => board.duplicate_to(&nodes, &notes, by, out),
        Act::Duplicate => out.extend(board.duplicate_selected()),
        Act::AddAt(at) => board.begin_adding_at(at, out),
        Act::AddByKey => board.begin_adding_by_key(out),
        Act::KeyConnect => board.begin_key_connect(out),
        Act::StepKeyConnect { forward } => board.step_key_connect(forward, out),
        Act::FinishKeyConnect => board.finish_key_connect(out),
        Act::SelectAlong(way) => out.extend(board.select_along(way)),
        Act::WalkLines { is_forward } => board.walk_lines(is_forward, out),
        Act::WalkNotes { is_forward } => board.walk_notes(is_forward, out),
        Act::AddNote => out.extend(board.add_note()),
        Act::Group => out.extend(board.group_selected()),
        Act::Ungroup => out.extend(board.ungroup_selected()),
    }
}

impl Board {
    /// Does it, on a board to build on.
    pub(super) fn build(&mut self, act: Act, out: &mut Vec<Output>) {
        if let Some(build) = self.builder {
            build(self, act, out);
        }
    }
}
