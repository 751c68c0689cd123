//! Every key that does something: one table, which the help shows, docs/canvas.md and docs/inbox.md repeat, and the pages ask what a press means.
//! No page may listen for a key that is not in here; what the browser does by itself stays the browser's.

use std::borrow::Cow;

/// Where a key works.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Everywhere,
    /// On the page of a draft, wherever the keyboard stands.
    Editor,
    /// On the canvas, of a draft and of a run.
    Canvas,
    /// On the canvas of a run.
    Watching,
    /// On the canvas of a draft.
    Drawing,
    /// In the list beside it.
    Steps,
    /// On the page of what waits for somebody, wherever the keyboard stands.
    Inbox,
}

impl Place {
    pub const ALL: [Self; 7] =
        [Self::Everywhere, Self::Inbox, Self::Editor, Self::Canvas, Self::Watching, Self::Drawing, Self::Steps];

    pub fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Editor => "In the editor",
            Self::Canvas => "On the canvas, of a workflow or of a run",
            Self::Watching => "On the canvas of a run",
            Self::Drawing => "On the canvas of a workflow",
            Self::Steps => "In the list of steps",
            Self::Inbox => "In the inbox",
        }
    }
}

/// What a page does for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    Find,
    Help,
    Save,
    Undo,
    Redo,
    Duplicate,
    Replace,
}

impl Command {
    /// It means nothing in a field, where the same keys do something else or write something.
    fn works_while_typing(self) -> bool {
        matches!(self, Self::Find | Self::Save | Self::Replace)
    }

    /// The first of its keys.
    pub fn keys(self) -> &'static str {
        let row = SHORTCUTS.iter().find(|row| row.by == By::Page(self));
        row.and_then(|row| row.keys.first()).copied().unwrap_or_default()
    }
}

/// What the inbox does for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InboxKey {
    Next,
    Previous,
    Tick,
    Approve,
    Edit,
    Reject,
    Search,
}

/// Who listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Page(Command),
    Inbox(InboxKey),
    Board,
    /// The list of steps, or of reviews.
    List,
    /// The browser tells it as an event of its own.
    Browser,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortcut {
    /// Any of these. `Ctrl` is `Cmd` on a Mac.
    pub keys: &'static [&'static str],
    pub does: &'static str,
    pub place: Place,
    pub by: By,
}

const fn row(keys: &'static [&'static str], does: &'static str, place: Place, by: By) -> Shortcut {
    Shortcut { keys, does, place, by }
}

pub const SHORTCUTS: &[Shortcut] = &[
    row(
        &["Ctrl K"],
        "Find and go to pages, workflows, agents, steps and commands",
        Place::Everywhere,
        By::Page(Command::Find),
    ),
    row(&["?"], "Show all shortcuts", Place::Everywhere, By::Page(Command::Help)),
    row(
        &["Ctrl Shift F"],
        "Search and replace in titles, prompts and constants",
        Place::Editor,
        By::Page(Command::Replace),
    ),
    row(&["Ctrl Z"], "Undo", Place::Editor, By::Page(Command::Undo)),
    row(&["Ctrl Shift Z", "Ctrl Y"], "Redo", Place::Editor, By::Page(Command::Redo)),
    row(&["Ctrl S"], "Save now", Place::Editor, By::Page(Command::Save)),
    row(&["Ctrl C"], "Copy the selected steps", Place::Editor, By::Browser),
    row(&["Ctrl X"], "Cut the selected steps", Place::Editor, By::Browser),
    row(&["Ctrl V"], "Paste steps", Place::Editor, By::Browser),
    row(&["Ctrl D"], "Duplicate the selected steps", Place::Editor, By::Page(Command::Duplicate)),
    row(&["←", "→", "↑", "↓"], "Go to the step before, behind or beside", Place::Canvas, By::Board),
    row(&["Home"], "Go to the first step", Place::Canvas, By::Board),
    row(&["End"], "Go to the last step", Place::Canvas, By::Board),
    row(&["Enter", "Space"], "Open the step", Place::Canvas, By::Board),
    row(&["Esc"], "Let go of what is selected, or give up what was begun", Place::Canvas, By::Board),
    row(&["Shift 1"], "Fit the workflow into the window", Place::Canvas, By::Board),
    row(&["Shift 2"], "Show everything, however small", Place::Canvas, By::Board),
    row(&["0"], "Life size", Place::Canvas, By::Board),
    row(&["+"], "Zoom in", Place::Canvas, By::Board),
    row(&["-"], "Zoom out", Place::Canvas, By::Board),
    row(&["F"], "Follow what runs, or no longer", Place::Watching, By::Board),
    row(&["Menu", "Shift F10"], "What can be done with what is selected", Place::Drawing, By::Browser),
    row(&["C"], "Connect the step to another one", Place::Drawing, By::Board),
    row(&["N"], "Add a step after the selected one, or onto the selected connection", Place::Drawing, By::Board),
    row(&["L", "Shift L"], "Select the next connection of the step, or the one before", Place::Drawing, By::Board),
    row(&["P"], "Pin the selected steps, or unpin them", Place::Drawing, By::Board),
    row(&["Ctrl A"], "Select all steps", Place::Drawing, By::Board),
    row(&["U"], "Select everything before what is selected, too", Place::Drawing, By::Board),
    row(&["D"], "Select everything after what is selected, too", Place::Drawing, By::Board),
    row(
        &["Shift ←", "Shift →", "Shift ↑", "Shift ↓"],
        "Move the selected step; several move without Shift, and farther with it",
        Place::Drawing,
        By::Board,
    ),
    row(
        &["Ctrl Shift ←", "Ctrl Shift →", "Ctrl Shift ↑", "Ctrl Shift ↓"],
        "Move the selected step farther",
        Place::Drawing,
        By::Board,
    ),
    row(&["T"], "Add a note", Place::Drawing, By::Board),
    row(&["M", "Shift M"], "Select the next note, or the one before", Place::Drawing, By::Board),
    row(&["G"], "Group the selected steps", Place::Drawing, By::Board),
    row(&["Shift G"], "Ungroup the selected steps", Place::Drawing, By::Board),
    row(&["Del"], "Delete what is selected", Place::Drawing, By::Board),
    row(&["F2"], "Rename the step", Place::Steps, By::List),
    row(&["Del"], "Delete the step", Place::Steps, By::List),
    row(&["J"], "Go to the next review", Place::Inbox, By::Inbox(InboxKey::Next)),
    row(&["K"], "Go to the review before", Place::Inbox, By::Inbox(InboxKey::Previous)),
    row(&["↓", "↑"], "The same, in the list", Place::Inbox, By::List),
    row(&["Enter"], "Open the review", Place::Inbox, By::List),
    row(&["X"], "Tick the review, to decide several at once", Place::Inbox, By::Inbox(InboxKey::Tick)),
    row(&["A"], "Approve what is read", Place::Inbox, By::Inbox(InboxKey::Approve)),
    row(&["E"], "Edit what is read", Place::Inbox, By::Inbox(InboxKey::Edit)),
    row(&["R"], "Send back what is read", Place::Inbox, By::Inbox(InboxKey::Reject)),
    row(&["/"], "Search what waits", Place::Inbox, By::Inbox(InboxKey::Search)),
    row(&["Esc"], "Return to the list, or let go of what is ticked", Place::Inbox, By::List),
];

/// A key by the letter that shortcuts know it by. A keyboard that writes another script has no such letter: there it is the one that a Latin
/// keyboard has in the same place, which is what is printed on most of them as well. A Latin keyboard is asked for what it writes, wherever
/// it has it: undo is at the Z, also where that is elsewhere.
pub fn latin<'a>(key: &'a str, code: &str) -> Cow<'a, str> {
    let mut signs = key.chars();
    let is_of_other_script =
        signs.next().is_some_and(|sign| sign.is_alphabetic() && !is_latin(sign)) && signs.next().is_none();
    match code.strip_prefix("Key").filter(|_| is_of_other_script) {
        Some(letter) => Cow::Owned(letter.to_lowercase()),
        None => Cow::Borrowed(key),
    }
}

/// ASCII, and the letters with marks of every Latin keyboard.
fn is_latin(sign: char) -> bool {
    matches!(sign, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// A key as it was pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "as the browser tells them")]
pub struct Press<'a> {
    /// What the browser calls it: `k`, `?`, `Escape`.
    pub key: &'a str,
    /// Ctrl, or Cmd on a Mac.
    pub ctrl: bool,
    pub shift: bool,
    pub alt: bool,
    /// In a field.
    pub is_typing: bool,
    /// The person has switched off the keys that write a character.
    pub are_single_off: bool,
}

/// What a page is to do for a press.
pub fn command(press: &Press<'_>) -> Option<Command> {
    SHORTCUTS.iter().find_map(|row| match row.by {
        By::Page(command) if !press.is_typing || command.works_while_typing() => {
            is_meant(row, press).then_some(command)
        }
        _ => None,
    })
}

/// What the inbox is to do for a press; no other page asks.
pub fn in_inbox(press: &Press<'_>) -> Option<InboxKey> {
    SHORTCUTS.iter().find_map(|row| match row.by {
        By::Inbox(key) if !press.is_typing => is_meant(row, press).then_some(key),
        _ => None,
    })
}

fn is_meant(row: &Shortcut, press: &Press<'_>) -> bool {
    row.keys.iter().any(|keys| is_pressed(keys, press) && !(press.are_single_off && is_single(keys)))
}

/// Whether it writes a character by itself, as dictation and a hand that slips do.
fn is_single(keys: &str) -> bool {
    !keys.split(' ').any(|held| held == "Ctrl") && keys.rsplit(' ').next().is_some_and(|key| key.chars().count() == 1)
}

fn is_pressed(keys: &str, press: &Press<'_>) -> bool {
    let (held, key) = keys.rsplit_once(' ').unwrap_or(("", keys));
    let has = |name: &str| held.split(' ').any(|held| held == name);
    // With which keys a sign is written differs from keyboard to keyboard.
    let is_sign = key.chars().all(|char| !char.is_alphanumeric());
    press.key.to_lowercase() == key.to_lowercase()
        && press.ctrl == has("Ctrl")
        && !press.alt
        && (is_sign || press.shift == has("Shift"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kurbo::Size;
    use serde_json::json;
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::board::{Board, Input, Key, Mods};

    #[test]
    fn a_press_means_what_the_table_says() {
        let press = |key, ctrl, shift| Press { key, ctrl, shift, ..Press::default() };
        for (press, expected) in [
            (press("k", true, false), Some(Command::Find)),
            (press("K", true, false), Some(Command::Find)),
            (press("k", false, false), None),
            (press("k", true, true), None),
            (press("?", false, true), Some(Command::Help)),
            (press("?", false, false), Some(Command::Help)),
            (press("Z", true, true), Some(Command::Redo)),
            (press("z", true, false), Some(Command::Undo)),
            (press("y", true, false), Some(Command::Redo)),
            (press("F", true, true), Some(Command::Replace)),
            (press("f", true, false), None),
            (Press { alt: true, ..press("k", true, false) }, None),
            (Press { is_typing: true, ..press("k", true, false) }, Some(Command::Find)),
            (Press { is_typing: true, ..press("?", false, true) }, None),
            (Press { is_typing: true, ..press("z", true, false) }, None),
            (Press { is_typing: true, ..press("s", true, false) }, Some(Command::Save)),
            (Press { are_single_off: true, ..press("?", false, true) }, None),
            (Press { are_single_off: true, ..press("z", true, false) }, Some(Command::Undo)),
        ] {
            assert_eq!(command(&press), expected, "{press:?}");
        }
    }

    #[test]
    fn a_keyboard_of_another_script_has_the_shortcuts_in_the_places_of_a_latin_one() {
        for (key, code, expected) in [
            ("я", "KeyZ", "z"),
            ("Я", "KeyZ", "z"),
            ("л", "KeyK", "k"),
            ("ζ", "KeyZ", "z"),
            ("ז", "KeyZ", "z"),
            ("ئ", "KeyZ", "z"),
            // What is written in another place is meant where it is written.
            ("z", "KeyY", "z"),
            ("w", "KeyZ", "w"),
            ("ż", "KeyZ", "ż"),
            // No letters, or none in the place of one.
            ("б", "Comma", "б"),
            ("?", "Digit7", "?"),
            ("/", "KeyQ", "/"),
            ("Dead", "KeyE", "Dead"),
            ("Process", "KeyK", "Process"),
            ("Enter", "Enter", "Enter"),
            ("", "KeyZ", ""),
        ] {
            assert_eq!(latin(key, code), expected, "{key} at {code}");
        }
        let undo = Press { key: &latin("я", "KeyZ"), ctrl: true, ..Press::default() };
        assert_eq!(command(&undo), Some(Command::Undo));
    }

    #[test]
    fn the_inbox_has_keys_of_its_own_that_mean_nothing_elsewhere_nor_while_somebody_writes() {
        let press = |key| Press { key, ..Press::default() };
        for (press, expected) in [
            (press("j"), Some(InboxKey::Next)),
            (press("k"), Some(InboxKey::Previous)),
            (press("x"), Some(InboxKey::Tick)),
            (press("a"), Some(InboxKey::Approve)),
            (press("/"), Some(InboxKey::Search)),
            (Press { shift: true, ..press("/") }, Some(InboxKey::Search)),
            (press("c"), None),
            (Press { ctrl: true, ..press("a") }, None),
            (Press { alt: true, ..press("r") }, None),
            (Press { is_typing: true, ..press("r") }, None),
            (Press { are_single_off: true, ..press("j") }, None),
        ] {
            assert_eq!(in_inbox(&press), expected, "{press:?}");
            assert_eq!(command(&press), None, "{press:?}");
        }
    }

    /// As the surface tells the board.
    fn board_key(keys: &str) -> (Key, Mods) {
        let (held, key) = keys.rsplit_once(' ').unwrap_or(("", keys));
        let mods = Mods { shift: held.contains("Shift"), ctrl: held.contains("Ctrl"), alt: false };
        let key = match key {
            "←" => Key::Left,
            "→" => Key::Right,
            "↑" => Key::Up,
            "↓" => Key::Down,
            "Home" => Key::Home,
            "End" => Key::End,
            "Enter" => Key::Enter,
            "Space" => Key::Space,
            "Esc" => Key::Escape,
            "Del" => Key::Delete,
            sign => Key::Char(sign.chars().next().unwrap()),
        };
        (key, mods)
    }

    #[test]
    fn the_board_listens_to_every_key_that_is_its_own() {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "ui": {"x": 0, "y": 0}},
            "b": {"agent_id": "x", "depends_on": ["a"], "ui": {"x": 400, "y": 0}},
            "c": {"agent_id": "x", "ui": {"x": 400, "y": 200}}}}))
        .unwrap();
        for row in SHORTCUTS.iter().filter(|row| row.by == By::Board) {
            for keys in row.keys {
                let mut board = if row.place == Place::Watching {
                    Board::watch(&crate::board::testing::run_of(&definition, &json!([])), BTreeMap::new())
                } else {
                    Board::editor(definition.clone(), AgentCatalog::default())
                };
                board.set_viewport(Size::new(700.0, 500.0));
                board.zoom_by(1.3);
                board.focus_node(&"b".into());
                let before = (board.camera(), board.selection().to_vec(), board.revision());
                let (key, mods) = board_key(keys);
                let out = board.handle(Input::Key { key, mods });
                let after = (board.camera(), board.selection().to_vec(), board.revision());
                assert!(!out.is_empty() || before != after, "{keys} does nothing");
            }
        }
    }

    #[test]
    fn no_key_means_two_things_and_each_row_is_in_the_docs() {
        let (of_canvas, of_inbox) = (include_str!("../../../docs/canvas.md"), include_str!("../../../docs/inbox.md"));
        let mut known = BTreeSet::new();
        for row in SHORTCUTS {
            for keys in row.keys {
                // The keyboard is either in the list or on the canvas, or on the page of the inbox.
                let part = match row.place {
                    Place::Steps => 1,
                    Place::Inbox => 2,
                    _ => 0,
                };
                assert!(known.insert((*keys, part)), "{keys} is there twice");
            }
            let docs = if row.place == Place::Inbox { of_inbox } else { of_canvas };
            let keys: Vec<String> = row.keys.iter().map(|keys| format!("`{keys}`")).collect();
            let line = format!("| {} | {} |", keys.join(", "), row.does);
            assert!(docs.contains(&line), "the docs of {:?} lack: {line}", row.place);
        }
        for place in Place::ALL {
            let docs = if place == Place::Inbox { of_inbox } else { of_canvas };
            assert!(docs.contains(place.title()), "{place:?}");
        }
    }
}
