//! Which input a new line feeds, where more than one would surely take what comes along it: the line is there, and a list asks.
//! It must never guess, and never hold anything up: whoever leaves the list has a line that is mere order.

use workflow::{StepKey, source::Source};

use super::{
    Board, Content, Gesture,
    choosing::{Choice, Question},
    input::Output,
};
use crate::{
    edit::{Edit, what_fits},
    scene::Side,
};

/// What the last answer of the list is called: the step merely waits.
const NOTHING: &str = "nothing";

#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    from: StepKey,
    to: StepKey,
    /// The inputs that nothing feeds yet, each with what would feed it.
    feeds: Vec<(String, Source)>,
}

impl Board {
    pub(super) fn ask_what_it_feeds(&mut self, from: StepKey, to: StepKey) {
        let Content::Draft { agents } = &self.content else {
            return;
        };
        let feeds = what_fits(&self.document.definition, agents, &from, &to);
        if feeds.len() > 1 {
            self.gesture = Gesture::Reading(Reading { from, to, feeds });
            (self.dirty.base, self.dirty.overlay) = (true, true);
        }
    }

    pub(super) fn question_of_reading(&self, reading: &Reading) -> Question {
        let title = format!("Which input of {} reads {}?", self.called(&reading.to), self.called(&reading.from));
        let at = self.port_point(&reading.to, Side::In);
        Question { title, at: at.unwrap_or_else(|| self.viewport.to_rect().center()) }
    }

    pub(super) fn choices_of_reading(&self, reading: &Reading) -> Vec<Choice> {
        let choice = |(at, (port, source)): (usize, &(String, Source))| {
            let kind = match source {
                Source::Step { artifact, .. } => artifact.clone(),
                _ => String::new(),
            };
            Choice { value: at.to_string(), label: port.clone(), kind, refusal: None }
        };
        let feeds = reading.feeds.iter().enumerate().map(choice);
        let label = format!("None: it only waits for {}", self.called(&reading.from));
        let nothing = Choice { value: NOTHING.to_owned(), label, kind: String::new(), refusal: None };
        feeds.chain([nothing]).collect()
    }

    pub(super) fn read_along(&mut self, value: &str, out: &mut Vec<Output>) {
        let Gesture::Reading(reading) = std::mem::take(&mut self.gesture) else {
            return;
        };
        (self.dirty.base, self.dirty.overlay) = (true, true);
        let chosen = value.parse::<usize>().ok().and_then(|at| reading.feeds.into_iter().nth(at));
        let Some((port, source)) = chosen else {
            return;
        };
        let said = format!("{} feeds {port} of {}", self.called(&reading.from), self.called(&reading.to));
        let edit = Edit::SetInput { step: reading.to, port, source: Some(source) };
        if self.commit(edit, "Map input", None, out) {
            out.push(Output::Say(said));
        }
    }

    /// For whoever may not see the canvas, as in the list of steps: no list asks there, and what is left to choose is told.
    pub(super) fn leave_to_the_panel(&mut self, out: &mut Vec<Output>) {
        if let Gesture::Reading(reading) = std::mem::take(&mut self.gesture) {
            let (from, to) = (self.called(&reading.from), self.called(&reading.to));
            out.push(Output::Note(format!("Choose in the panel of “{to}” which of its inputs reads “{from}”.")));
        }
    }

    /// Its title, in words over the canvas.
    pub(super) fn called(&self, key: &StepKey) -> String {
        let node = self.scene.node(key);
        node.map_or_else(|| key.to_string(), |node| self.scene.title[node as usize].to_string())
    }
}
