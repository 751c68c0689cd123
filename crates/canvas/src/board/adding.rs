//! Adding steps: where there is room, after a step, or onto a line, each as one change with its lines and what they bring.
//! A new step never lands exactly on another one, and is selected so that the next act configures it.

use kurbo::{Point, Vec2};
use workflow::{Step, StepKey};

use super::{Board, Content, connect::told, input::Output, palette::PaletteItem};
use crate::{
    edit::{Edit, FreeTitles, Rewired, add_joined, fresh_key, put_between},
    flow::Flow,
    scene::{Side, bounded},
};

impl Board {
    /// Adds a step where it is meant: onto the selected line, after the one selected step, else in the middle of what is seen.
    pub fn add_where_it_fits(&mut self, item: &PaletteItem) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        if let Some(edge) = self.selected_line() {
            self.add_onto(item, edge, None, &mut out);
        } else if let [key] = self.selection.as_slice()
            && let Some(node) = self.scene.node(key)
        {
            let (key, place) = (key.clone(), self.place_after(node));
            self.add_beside(item, place, &key, Side::Out, &mut out);
        } else {
            self.add_step(item, self.middle_place(), &mut out);
        }
        self.reveal_focus();
        out
    }

    /// A place in the middle of what is seen, or below it where a card covers nothing.
    pub(super) fn middle_place(&self) -> Point {
        let middle = self.camera.visible(self.viewport, 0.0).center();
        self.free_place(super::palette::card_at(middle), Flow::Right)
    }

    pub(super) fn add_step(&mut self, item: &PaletteItem, place: Point, out: &mut Vec<Output>) {
        let (key, step) = self.new_step(item, place);
        let (title, said) = (step.title.clone(), format!("{} added", step.title));
        let rewired = Rewired { edit: Edit::add(key.clone(), step), done: None, left: Vec::new() };
        self.add((key, &title), said, rewired, &[], out);
    }

    /// Adds a step after `anchor` (`Side::Out`) or before it, with the line between them.
    pub(super) fn add_beside(
        &mut self,
        item: &PaletteItem,
        place: Point,
        anchor: &StepKey,
        side: Side,
        out: &mut Vec<Output>,
    ) {
        let Content::Draft { agents } = &self.content else {
            return;
        };
        let definition = &self.document.definition;
        let (key, step) = self.new_step(item, place);
        let beside = definition.steps.get(anchor).map_or_else(String::new, |step| step.title_or(anchor).to_owned());
        let word = if side == Side::Out { "after" } else { "before" };
        let (title, said) = (step.title.clone(), format!("{} added {word} {beside}", step.title));
        match add_joined(definition, agents, (key.clone(), step), anchor, side) {
            Ok(rewired) => self.add((key, &title), said, rewired, &[], out),
            Err(refused) => out.push(Output::Refused(self.words_of(&refused))),
        }
    }

    /// Puts a step between the two that a line joins.
    pub(super) fn add_onto(&mut self, item: &PaletteItem, edge: u32, wish: Option<Point>, out: &mut Vec<Output>) {
        let Content::Draft { agents } = &self.content else {
            return;
        };
        let (from, to) = {
            let line = &self.scene.edges[edge as usize];
            (line.from, line.to)
        };
        let room = self.room_between(from, to, wish);
        let (key, step) = self.new_step(item, room.place);
        let titled = |node: u32| &self.scene.title[node as usize];
        let said = format!("{} put between {} and {}", step.title, titled(from), titled(to));
        let title = step.title.clone();
        let (from, to) = (self.scene.key(from), self.scene.key(to));
        match put_between(&self.document.definition, agents, (key.clone(), step), from, to) {
            Ok(rewired) => self.add((key, &title), said, rewired, &room.moves, out),
            Err(refused) => out.push(Output::Refused(self.words_of(&refused))),
        }
    }

    fn add(
        &mut self,
        (key, title): (StepKey, &str),
        said: String,
        rewired: Rewired,
        moves: &[(u32, Point)],
        out: &mut Vec<Output>,
    ) {
        let Rewired { edit, done, left } = rewired;
        let mut edits = vec![edit];
        if !moves.is_empty() || !self.automatic.is_empty() {
            self.scene.move_nodes(moves);
            let nodes: Vec<u32> = moves.iter().map(|(node, _)| *node).collect();
            edits.push(self.moves_to_here(&nodes));
        }
        let edit = if edits.len() == 1 { edits.remove(0) } else { Edit::Batch(edits) };
        if self.commit(edit, &format!("Add {title}"), None, out) {
            self.select(vec![key], out);
            out.push(told(said, done.as_deref(), &left));
        }
    }

    pub(super) fn reveal_focus(&mut self) {
        if let Some(key) = self.focus.clone() {
            self.reveal(&key);
        }
    }

    fn new_step(&self, item: &PaletteItem, place: Point) -> (StepKey, Step) {
        let mut place = place;
        // Two in a row at the same place would hide the first.
        while self.scene.nodes().any(|node| self.scene.place[node as usize].distance(place) < 8.0) {
            place += Vec2::new(24.0, 24.0);
        }
        let title = FreeTitles::of(&self.document.definition).take(&item.name);
        let key = fresh_key(&self.document.definition, &title);
        let mut step = Step::new(item.agent_id.clone());
        step.title = title;
        step.ui = Some(self.flow.stored(bounded(place), false));
        (key, step)
    }
}
