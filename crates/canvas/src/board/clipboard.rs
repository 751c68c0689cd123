//! Copy, cut, paste and duplicate: what is selected becomes a clip, and a clip becomes steps on the board, as one change.
//! What is pasted covers nothing that stands there, and what cannot be pasted leaves the board as it was.

use kurbo::{Point, Rect, Vec2};
use workflow::{
    Step, StepKey,
    definition::{Note, Steps},
    json,
    limits::{MAX_DEFINITION_BYTES, MAX_DEPENDENCIES},
    words::count,
};

use super::{Board, Content, input::Output};
use crate::{
    camera::MAX_COORDINATE,
    clip::{Clip, Outside, counted},
    edit::{Edit, Refused},
    layout,
    scene::{HEAD_HEIGHT, NODE_WIDTH, SNAP, bounded, note_rect, snapped},
};

/// How a change is told: what it does, and what was done.
#[derive(Clone, Copy)]
struct Verb {
    does: &'static str,
    did: &'static str,
}

const PASTE: Verb = Verb { does: "Paste", did: "pasted" };
const DUPLICATE: Verb = Verb { does: "Duplicate", did: "duplicated" };

impl Board {
    /// What is selected, to be pasted somewhere; nothing where no step and no note is.
    pub fn copy(&self) -> Option<Clip> {
        let (nodes, boxes) = (self.selected_nodes(), self.selected_note_boxes());
        let is_any = !nodes.is_empty() || !boxes.is_empty();
        (self.is_editor() && is_any).then(|| self.clip_of(&nodes, &boxes))
    }

    /// Nodes, and notes as the scene numbers them.
    fn clip_of(&self, nodes: &[u32], boxes: &[u32]) -> Clip {
        let steps = nodes.iter().filter_map(|node| {
            let (key, at) = (self.scene.key(*node), self.scene.place[*node as usize]);
            let step = self.document.definition.steps.get(key)?;
            Some((key.clone(), Step { ui: Some(self.flow.stored(at, false)), ..step.clone() }))
        });
        let ids: Vec<&str> = boxes.iter().map(|note| self.scene.notes[*note as usize].id.as_str()).collect();
        let along = self.document.definition.notes.iter().filter(|note| ids.contains(&note.id.as_str()));
        Clip::of(&self.document.definition, steps).with_notes(along.cloned())
    }

    /// Takes what is selected away as one change, to be pasted somewhere.
    pub fn cut(&mut self) -> (Option<Clip>, Vec<Output>) {
        self.cancel_gesture();
        let mut out = Vec::new();
        let Some(clip) = self.copy() else {
            return (None, out);
        };
        let what = words_of(&clip);
        let edit = self.removal_of_selected();
        if !self.commit(edit, &format!("Cut {what}"), None, &mut out) {
            return (None, out);
        }
        out.push(Output::Selected);
        out.push(Output::Say(format!("{what} cut")));
        (Some(clip), out)
    }

    /// Puts a clip where the pointer rests, or else in the middle of what is seen; aside from what stands there.
    pub fn paste(&mut self, clip: &Clip, outside: Outside) -> Vec<Output> {
        let seen = self.camera.visible(self.viewport, 0.0).center();
        let middle = self.pointer.map_or(seen, |at| self.camera.to_world(at));
        let places = self.places_of(clip);
        let notes = clip.notes().iter().map(|note| note_rect(note, self.flow));
        let cards = places.iter().map(|at| card(*at));
        let around = cards.chain(notes).reduce(|a, b| a.union(b)).unwrap_or_default();
        self.put(clip, &places, snapped(middle - around.center().to_vec2()).to_vec2(), true, outside, PASTE)
    }

    /// Puts a copy of what is selected right beside it.
    pub fn duplicate_selected(&mut self) -> Vec<Output> {
        self.cancel_gesture();
        let Some(clip) = self.copy() else {
            return Vec::new();
        };
        let places = self.places_of(&clip);
        self.put(&clip, &places, Vec2::ZERO, true, Outside::Keep, DUPLICATE)
    }

    /// Puts a copy of these nodes where they were dragged to.
    pub(super) fn duplicate_to(&mut self, nodes: &[u32], boxes: &[u32], by: Vec2, out: &mut Vec<Output>) {
        let clip = self.clip_of(nodes, boxes);
        let places = self.places_of(&clip);
        out.extend(self.put(&clip, &places, by, false, Outside::Keep, DUPLICATE));
    }

    /// Where its steps stand to each other, as it is drawn here; laid out anew where it does not say.
    fn places_of(&self, clip: &Clip) -> Vec<Point> {
        let said = |step: &Step| {
            let at = self.flow.drawn(step.ui?);
            (at.x.abs() <= MAX_COORDINATE && at.y.abs() <= MAX_COORDINATE).then_some(at)
        };
        clip.steps().values().map(said).collect::<Option<Vec<Point>>>().unwrap_or_else(|| {
            let node = |key: &StepKey| u32::try_from(clip.steps().keys().position(|known| known == key)?).ok();
            let edges = clip.steps().iter().flat_map(|(key, step)| {
                let to = node(key);
                step.direct_dependencies().into_iter().filter_map(move |from| Some((node(from)?, to?)))
            });
            layout::layered(&vec![HEAD_HEIGHT; clip.steps().len()], &edges.collect::<Vec<_>>(), self.flow)
        })
    }

    fn put(
        &mut self,
        clip: &Clip,
        places: &[Point],
        by: Vec2,
        makes_way: bool,
        outside: Outside,
        verb: Verb,
    ) -> Vec<Output> {
        self.cancel_gesture();
        let mut out = Vec::new();
        if !self.is_editor() {
            return out;
        }
        if let Err(refused) = self.has_room_for(clip) {
            out.push(Output::Refused(self.words_of(&refused)));
            return out;
        }
        let mut by = if makes_way { by + self.aside(places, by) } else { by };
        if makes_way && places.is_empty() && by == Vec2::ZERO {
            // Notes alone may lie over others, but not exactly.
            by = Vec2::new(3.0 * SNAP, 3.0 * SNAP);
        }
        let mut pasted = clip.pasted(&self.document.definition, outside);
        for ((_, (_, step)), at) in pasted.steps.iter_mut().zip(places) {
            step.ui = Some(self.flow.stored(bounded(*at + by), false));
        }
        let steps: Vec<(StepKey, Step)> = pasted.steps.into_iter().map(|(_, step)| step).collect();
        let keys: Vec<StepKey> = steps.iter().map(|(key, _)| key.clone()).collect();
        let (what, told) =
            (pasted_words(&steps, pasted.notes.len()), self.notes_on(&steps, &pasted.inputs, pasted.n_let_go));
        let mut edits: Vec<Edit> = pasted
            .inputs
            .into_iter()
            .map(|(key, input)| Edit::SetRunInput { key, input: Some(Box::new(input)) })
            .collect();
        edits.extend(pasted.groups.into_iter().map(|(id, group)| Edit::SetGroup { id, group: Some(group) }));
        let notes: Vec<String> = pasted.notes.iter().map(|note| note.id.clone()).collect();
        edits.extend(pasted.notes.into_iter().map(|note| {
            let at = self.flow.stored(bounded(note_rect(&note, self.flow).origin() + by), false);
            Edit::SetNote { id: note.id.clone(), note: Some(Note { x: at.x, y: at.y, ..note }) }
        }));
        if !steps.is_empty() {
            edits.push(Edit::AddSteps(steps));
        }
        if !self.automatic.is_empty() {
            edits.push(self.moves_to_here(&[]));
        }
        if self.commit(Edit::Batch(edits), &format!("{} {what}", verb.does), None, &mut out) {
            let first = keys.first().cloned();
            self.select_both(keys, notes, &mut out);
            if makes_way && let Some(key) = first {
                self.reveal(&key);
            }
            out.push(Output::Say(format!("{what} {}", verb.did)));
            if !told.is_empty() {
                out.push(Output::Note(told.join(" ")));
            }
        }
        out
    }

    /// What could not be stored is refused here already, before it cannot be saved.
    fn has_room_for(&self, clip: &Clip) -> Result<(), Refused> {
        let definition = &self.document.definition;
        if definition.steps.len() + clip.steps().len() > workflow::limits::MAX_STEPS {
            return Err(Refused::TooManySteps);
        }
        let bytes = json::n_bytes(definition) + json::n_bytes(clip.steps()) + json::n_bytes(&clip.notes());
        if bytes > MAX_DEFINITION_BYTES {
            return Err(Refused::TooLarge { bytes });
        }
        let n_lines = |steps: &Steps| -> usize { steps.values().map(|step| step.direct_dependencies().len()).sum() };
        if n_lines(&definition.steps) + n_lines(clip.steps()) > MAX_DEPENDENCIES {
            return Err(Refused::TooManyLines);
        }
        Ok(())
    }

    /// How far down cards have to go so that they cover none of those that stand there.
    fn aside(&self, places: &[Point], by: Vec2) -> Vec2 {
        let mut aside = Vec2::ZERO;
        let cards: Vec<Rect> = places.iter().map(|at| card(*at) + by).collect();
        while let Some(low) = cards
            .iter()
            .filter_map(|card| {
                let here = (*card + aside).inflate(SNAP, SNAP);
                let floor = self.scene.bounds_of(self.scene.nodes_in(here))?.y1;
                Some(floor + 2.0 * SNAP - card.y0)
            })
            .reduce(f64::max)
        {
            aside.y = (low / SNAP).ceil() * SNAP;
        }
        aside
    }

    /// What the person should know of that which came along, or did not.
    fn notes_on(
        &self,
        steps: &[(StepKey, Step)],
        inputs: &[(String, workflow::definition::RunInput)],
        n_let_go: usize,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        if let Content::Draft { agents } = &self.content {
            match steps.iter().filter(|(_, step)| agents.get(&step.agent_id, step.agent_version).is_none()).count() {
                0 => {}
                1 => notes.push("The agent of 1 step is not here: choose another one in its panel.".to_owned()),
                n => notes
                    .push(format!("The agents of {} are not here: choose others in their panels.", count(n, "step"))),
            }
        }
        let titles: Vec<String> = inputs
            .iter()
            .take(3)
            .map(|(key, input)| format!("“{}”", if input.title.is_empty() { key } else { &input.title }))
            .collect();
        match inputs.len() {
            0 => {}
            1 => notes.push(format!("The run input {} came along.", titles.join(""))),
            n if n > titles.len() => {
                notes.push(format!("{} came along: {} and more.", count(n, "run input"), titles.join(", ")));
            }
            _ => notes.push(format!("The run inputs {} came along.", titles.join(", "))),
        }
        match n_let_go {
            0 => {}
            1 => notes.push("1 connection to a step that was not copied is left out.".to_owned()),
            n => notes.push(format!("{} to steps that were not copied are left out.", count(n, "connection"))),
        }
        notes
    }
}

/// One by its title, several by their number.
fn words_of(clip: &Clip) -> String {
    match (clip.steps().first_key_value(), clip.steps().len(), clip.notes().len()) {
        (Some((key, step)), 1, 0) => step.title_or(key).to_owned(),
        (_, n_steps, n_notes) => counted(n_steps, n_notes),
    }
}

/// The same of what was pasted.
fn pasted_words(steps: &[(StepKey, Step)], n_notes: usize) -> String {
    match (steps, n_notes) {
        ([(key, step)], 0) => step.title_or(key).to_owned(),
        (steps, n_notes) => counted(steps.len(), n_notes),
    }
}

fn card(at: Point) -> Rect {
    Rect::from_origin_size(at, (NODE_WIDTH, HEAD_HEIGHT))
}
