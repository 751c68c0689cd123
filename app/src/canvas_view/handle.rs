//! The board behind a Copy handle, and the few signals that panels and toolbars follow.
//! There is never a signal per node: the board is the state, signals only say that it changed.

use canvas::{Board, Camera, Input, Output, Precision, Question, Rect, Size, Subject, Written};
use leptos::{html, prelude::*};
use web_sys::MouseEvent;
use workflow::StepKey;

/// A menu that was asked for: what it is about, and where in the window.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    pub subject: Subject,
    pub at: (f64, f64),
}

/// What both kinds of canvas share.
#[derive(Clone, Copy)]
pub(super) struct BoardHandle {
    board: StoredValue<Board>,
    /// Counts calls that may have changed the picture; the stage draws on it.
    pub(super) frame: RwSignal<u64>,
    pub(super) revision: RwSignal<u64>,
    pub(super) selection: RwSignal<Vec<StepKey>>,
    pub(super) selected_notes: RwSignal<Vec<String>>,
    pub(super) selected_edge: RwSignal<Option<(StepKey, StepKey)>>,
    /// What is being written in its place.
    pub(super) writing: RwSignal<Option<Written>>,
    /// The groups that are seen as one card.
    pub(super) collapsed: RwSignal<Vec<String>>,
    pub(super) opened: RwSignal<Option<StepKey>>,
    pub(super) asked: RwSignal<Option<Asked>>,
    pub(super) hint: RwSignal<Option<String>>,
    pub(super) refused: RwSignal<Option<String>>,
    pub(super) said: RwSignal<String>,
    pub(super) zoom: RwSignal<f64>,
    pub(super) undo_label: RwSignal<Option<String>>,
    pub(super) redo_label: RwSignal<Option<String>>,
    pub(super) canvas: NodeRef<html::Canvas>,
    /// The small map, while it is shown, and the frame on it.
    pub(super) map: NodeRef<html::Canvas>,
    pub(super) map_frame: NodeRef<html::Span>,
    /// Not everything is in view.
    pub(super) needs_map: RwSignal<bool>,
    /// The camera keeps what runs in view,
    pub(super) is_following: RwSignal<bool>,
    /// and whether a person wanted that, once they said.
    pub(super) followed: RwSignal<Option<bool>>,
    /// Counts the frames in which something was drawn.
    pub(super) n_drawn: StoredValue<u32>,
    /// Everything selected stays where it is.
    pub(super) is_pinned: RwSignal<bool>,
    /// What is to be chosen from a list, while something is drawn.
    pub(super) question: RwSignal<Option<Question>>,
    /// Somebody counts ticks.
    pub(super) is_ticking: StoredValue<bool>,
    /// The list beside the canvas should take the focus with the next frame.
    pub(super) wants_focus: StoredValue<bool>,
}

impl BoardHandle {
    pub(super) fn new(board: Board) -> Self {
        let revision = board.revision();
        Self {
            board: StoredValue::new(board),
            frame: RwSignal::new(0),
            revision: RwSignal::new(revision),
            selection: RwSignal::new(Vec::new()),
            selected_notes: RwSignal::new(Vec::new()),
            selected_edge: RwSignal::new(None),
            writing: RwSignal::new(None),
            collapsed: RwSignal::new(Vec::new()),
            opened: RwSignal::new(None),
            asked: RwSignal::new(None),
            hint: RwSignal::new(None),
            refused: RwSignal::new(None),
            said: RwSignal::new(String::new()),
            zoom: RwSignal::new(1.0),
            undo_label: RwSignal::new(None),
            redo_label: RwSignal::new(None),
            canvas: NodeRef::new(),
            map: NodeRef::new(),
            map_frame: NodeRef::new(),
            needs_map: RwSignal::new(false),
            is_following: RwSignal::new(false),
            followed: RwSignal::new(None),
            n_drawn: StoredValue::new(0),
            is_pinned: RwSignal::new(false),
            question: RwSignal::new(None),
            is_ticking: StoredValue::new(false),
            wants_focus: StoredValue::new(false),
        }
    }

    /// Reads the board without being told of changes.
    pub(super) fn read<R>(self, f: impl FnOnce(&Board) -> R) -> Option<R> {
        self.board.try_with_value(f)
    }

    /// Changes the board and tells everybody. `None` once the page is gone.
    pub(super) fn act<R>(self, f: impl FnOnce(&mut Board) -> R) -> Option<R> {
        let result = self.board.try_update_value(f)?;
        self.publish();
        Some(result)
    }

    /// Changes nothing that anybody but the stage could see.
    pub(super) fn act_silently<R>(self, f: impl FnOnce(&mut Board) -> R) -> Option<R> {
        self.board.try_update_value(f)
    }

    pub(super) fn input(self, input: Input) {
        if let Some(outputs) = self.act(|board| board.handle(input)) {
            self.emit(outputs);
        }
    }

    pub(super) fn emit(self, outputs: Vec<Output>) {
        if let Some(words) = last_words(&outputs) {
            self.say(words.to_owned());
        }
        for output in outputs {
            match output {
                Output::Opened(key) => self.opened.set(Some(key)),
                Output::Write(what) => {
                    // The field takes the focus, and keeps it.
                    self.wants_focus.set_value(false);
                    self.writing.set(Some(what));
                }
                Output::Refused(words) | Output::Note(words) => self.refused.set(Some(words)),
                Output::Followed(is_on) => self.followed.set(Some(is_on)),
                // The last words were said, and the signals below follow the board itself.
                Output::Say(_) | Output::Changed { .. } | Output::Selected | Output::Hint(_) => {}
            }
        }
    }

    /// Says it to who cannot see the picture.
    pub(super) fn say(self, words: String) {
        // What was fetched for it may come when the page is gone, and nobody is there to hear.
        if let Some(words) = self.said.try_with_untracked(|before| heard_anew(before, words)) {
            self.said.set(words);
        }
    }

    fn publish(self) {
        self.board.try_with_value(|board| {
            if self.revision.get_untracked() != board.revision() {
                self.revision.set(board.revision());
            }
            if self.selection.with_untracked(|known| known != board.selection()) {
                self.selection.set(board.selection().to_vec());
            }
            if self.selected_notes.with_untracked(|known| known != board.selected_notes()) {
                self.selected_notes.set(board.selected_notes().to_vec());
            }
            if self.collapsed.with_untracked(|known| !board.collapsed().eq(known.iter().map(String::as_str))) {
                self.collapsed.set(board.collapsed().map(str::to_owned).collect());
            }
            if self.selected_edge.with_untracked(|known| known.as_ref() != board.selected_edge()) {
                self.selected_edge.set(board.selected_edge().cloned());
            }
            if self.hint.with_untracked(|known| known.as_deref() != board.hint()) {
                self.hint.set(board.hint().map(str::to_owned));
            }
            let question = board.question();
            if self.question.with_untracked(|known| *known != question) {
                self.question.set(question);
            }
            let Camera { zoom, .. } = board.camera();
            if (self.zoom.get_untracked() - zoom).abs() > f64::EPSILON {
                self.zoom.set(zoom);
            }
            for (signal, is_so) in [
                (self.needs_map, board.needs_map()),
                (self.is_pinned, board.is_selection_pinned()),
                (self.is_following, board.is_following()),
            ] {
                if signal.get_untracked() != is_so {
                    signal.set(is_so);
                }
            }
            for (signal, label) in
                [(self.undo_label, board.history().undo_label()), (self.redo_label, board.history().redo_label())]
            {
                if signal.with_untracked(|known| known.as_deref() != label) {
                    signal.set(label.map(str::to_owned));
                }
            }
        });
        self.frame.update(|n| *n += 1);
    }

    /// Where the canvas is in the window.
    pub(super) fn canvas_rect(self) -> Option<Rect> {
        let rect = self.canvas.get_untracked()?.get_bounding_client_rect();
        Some(Rect::from_origin_size((rect.x(), rect.y()), Size::new(rect.width(), rect.height())))
    }

    /// The place of a mouse or pointer event on the canvas.
    pub(super) fn place_of(self, event: &MouseEvent) -> Option<canvas::Point> {
        let corner = self.canvas_rect()?.origin();
        Some(canvas::Point::new(f64::from(event.client_x()) - corner.x, f64::from(event.client_y()) - corner.y))
    }
}

/// What is heard of an answer: the page holds one text at a time, so of several the last one is all that is ever there.
fn last_words(outputs: &[Output]) -> Option<&str> {
    outputs.iter().rev().find_map(|output| match output {
        Output::Refused(words) | Output::Note(words) | Output::Say(words) => Some(words.as_str()),
        _ => None,
    })
}

/// A screen reader says what changed: the same words once more, such as "Nothing below", are heard only if they differ in something.
fn heard_anew(before: &str, words: String) -> String {
    if before == words { format!("{words}\u{a0}") } else { words }
}

pub(super) fn precision_of(pointer_type: &str) -> Precision {
    if pointer_type == "touch" { Precision::Touch } else { Precision::Mouse }
}

pub(super) fn mods_of(event: &MouseEvent) -> canvas::Mods {
    canvas::Mods { shift: event.shift_key(), ctrl: event.ctrl_key() || event.meta_key(), alt: event.alt_key() }
}

#[cfg(test)]
mod tests {
    use super::{Output, heard_anew, last_words};

    #[test]
    fn the_same_words_are_never_there_twice_in_a_row() {
        let mut before = String::new();
        for words in ["Nothing below", "Nothing below", "Nothing below", "Undone: Move"] {
            let now = heard_anew(&before, words.to_owned());
            assert_ne!(now, before);
            assert_eq!(now.trim_end(), words);
            before = now;
        }
    }

    #[test]
    fn an_answer_that_comes_back_the_same_is_heard_again_however_much_it_says() {
        let line = |words: &str| Output::Say(words.to_owned());
        let answer = [Output::Selected, line("Connection from A to B"), line("Connection from A to B, 1 of 1")];
        let mut before = String::new();
        for _ in 0..3 {
            let now = heard_anew(&before, last_words(&answer).unwrap().to_owned());
            assert_ne!(now, before);
            before = now;
        }
        assert_eq!(last_words(&[Output::Selected]), None);
        assert_eq!(last_words(&[line("Deleted"), Output::Note("Choose its text".to_owned())]), Some("Choose its text"));
    }
}
