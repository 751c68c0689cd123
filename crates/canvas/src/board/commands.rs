//! Commands on the board: selection, undo and redo, camera moves, tidy up.
//! Selection and camera are never part of what can be undone.

use kurbo::{Point, Rect, Vec2};
use workflow::{StepKey, words::count};

use super::{Board, Gesture, input::Output};
use crate::{
    edit::{Edit, Refused},
    layout,
    scene::{NODE_WIDTH, SNAP, snapped},
};

impl Board {
    pub(super) fn select(&mut self, selection: Vec<StepKey>, out: &mut Vec<Output>) {
        self.select_both(selection, Vec::new(), out);
    }

    /// Steps, and notes by their ids.
    pub(super) fn select_both(&mut self, selection: Vec<StepKey>, notes: Vec<String>, out: &mut Vec<Output>) {
        if self.selection == selection && self.selected_notes == notes && self.selected_edge.is_none() {
            return;
        }
        if let Some(last) = selection.last() {
            self.focus = Some(last.clone());
        }
        self.selection = selection;
        self.selected_notes = notes;
        self.selected_edge = None;
        self.history.seal();
        (self.dirty.base, self.dirty.overlay, self.dirty.mirror) = (true, true, true);
        out.push(Output::Selected);
    }

    pub(super) fn select_edge(&mut self, edge: u32, out: &mut Vec<Output>) {
        self.hold_edge(edge, out);
        let (edge, title) = (&self.scene.edges[edge as usize], &self.scene.title);
        let (from, to) = (&title[edge.from as usize], &title[edge.to as usize]);
        out.push(Output::Say(format!("Connection from {from} to {to}")));
    }

    /// The same, for who says more about it.
    pub(super) fn hold_edge(&mut self, edge: u32, out: &mut Vec<Output>) {
        let edge = &self.scene.edges[edge as usize];
        let ends = (self.scene.key(edge.from).clone(), self.scene.key(edge.to).clone());
        self.selection.clear();
        self.selected_notes.clear();
        self.history.seal();
        out.push(Output::Selected);
        self.selected_edge = Some(ends);
        (self.dirty.base, self.dirty.overlay, self.dirty.mirror) = (true, true, true);
    }

    /// Selects from outside, as from the problems list or the outline, and shows the last one.
    pub fn select_keys(&mut self, keys: Vec<StepKey>, reveal: bool) -> Vec<Output> {
        let mut out = Vec::new();
        let known: Vec<StepKey> = keys.into_iter().filter(|key| self.scene.node(key).is_some()).collect();
        if matches!(self.gesture, Gesture::Marquee(_)) {
            self.cancel_gesture();
        }
        let last = known.last().cloned();
        self.select(known, &mut out);
        if reveal && let Some(key) = last {
            self.reveal(&key);
        }
        out
    }

    pub fn select_all(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        let all = self.scene.order.iter().map(|node| self.scene.key(*node).clone()).collect();
        let notes = self.scene.notes.iter().map(|note| note.id.clone()).collect();
        self.select_both(all, notes, &mut out);
        out.push(Output::Say(format!("{} selected", count(self.scene.n_nodes(), "step"))));
        out
    }

    /// Moves the camera just enough for the node to be seen.
    pub fn reveal(&mut self, key: &StepKey) {
        if let Some(node) = self.scene.node(key)
            && self.camera.reveal(self.scene.rect(node), self.viewport, self.margin())
        {
            self.camera_moved();
        }
    }

    /// Takes the last change back; answers with its label.
    pub fn undo(&mut self) -> Result<Option<String>, Refused> {
        self.cancel_gesture();
        let renamed = self.history.next_undo().map(Edit::renamed_steps).unwrap_or_default();
        let label = self.history.undo(&mut self.document)?;
        self.follow_renamed(&renamed);
        if label.is_some() {
            self.changed();
        }
        Ok(label)
    }

    /// Repeats the change that was taken back last; answers with its label.
    pub fn redo(&mut self) -> Result<Option<String>, Refused> {
        self.cancel_gesture();
        let renamed = self.history.next_redo().map(Edit::renamed_steps).unwrap_or_default();
        let label = self.history.redo(&mut self.document)?;
        self.follow_renamed(&renamed);
        if label.is_some() {
            self.changed();
        }
        Ok(label)
    }

    /// Deletes what is selected: steps, or the connection.
    pub fn delete_selected(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.is_editor() {
            return out;
        }
        if let Some((from, to)) = self.selected_edge.clone() {
            if self.commit(Edit::Disconnect { from, to }, "Disconnect", None, &mut out) {
                out.push(Output::Selected);
                out.push(Output::Say("Connection deleted".to_owned()));
            }
        } else if !self.selection.is_empty() || !self.selected_notes.is_empty() {
            let what = self.selected_words();
            let edit = self.removal_of_selected();
            if self.commit(edit, &format!("Delete {what}"), None, &mut out) {
                out.push(Output::Selected);
                out.push(Output::Say(format!("{what} deleted")));
            }
        }
        out
    }

    /// Zooms by a factor around the middle.
    pub fn zoom_by(&mut self, factor: f64) {
        let middle = Point::new(self.viewport.width / 2.0, self.viewport.height / 2.0);
        self.camera.zoom_at(middle, factor);
        self.camera_moved();
    }

    pub fn zoom_to(&mut self, zoom: f64) {
        let middle = Point::new(self.viewport.width / 2.0, self.viewport.height / 2.0);
        self.camera.zoom_to(middle, zoom);
        self.camera_moved();
    }

    /// Lays out the selected steps, or all, as one change. What is pinned stays.
    pub fn tidy(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() || self.scene.n_nodes() == 0 {
            return out;
        }
        let selected: Vec<u32> = self.selection.iter().filter_map(|key| self.scene.node(key)).collect();
        if selected.len() < 2 {
            self.tidy_all(&mut out);
        } else {
            self.tidy_some(selected, &mut out);
        }
        out
    }

    /// Everything goes back to the layout, which every window draws in its own shape.
    fn tidy_all(&mut self, out: &mut Vec<Output>) {
        let steps = self.document.definition.steps.iter();
        let free = steps.filter(|(_, step)| step.ui.is_some_and(|place| !place.pinned));
        let moves: Vec<_> = free.map(|(key, _)| (key.clone(), None)).collect();
        let placed = std::mem::take(&mut self.automatic);
        if moves.is_empty() {
            // Nobody has moved anything since the layout, but steps may have come and gone.
            self.rebuild();
            if self.automatic == placed {
                out.push(Output::Say("Already tidy".to_owned()));
            }
        } else {
            self.commit(Edit::MoveSteps(moves), "Tidy up", None, out);
        }
        self.fit();
    }

    /// A part of the picture stays where it was as a whole, and covers nothing beside it.
    fn tidy_some(&mut self, mut nodes: Vec<u32>, out: &mut Vec<Output>) {
        nodes.retain(|node| !self.scene.is_pinned[*node as usize]);
        nodes.sort_unstable();
        let heights: Vec<f64> = nodes.iter().map(|node| self.scene.height[*node as usize]).collect();
        let place_of = |node: u32| u32::try_from(nodes.binary_search(&node).ok()?).ok();
        let edges: Vec<(u32, u32)> =
            self.scene.edges.iter().filter_map(|edge| Some((place_of(edge.from)?, place_of(edge.to)?))).collect();
        let corner = self.scene.bounds_of(nodes.iter().copied()).map_or(Point::ORIGIN, |bounds| bounds.origin());
        let shift = snapped(corner).to_vec2();
        let places = layout::layered(&heights, &edges, self.flow);
        let others: Vec<Rect> = self
            .scene
            .nodes()
            .filter(|node| nodes.binary_search(node).is_err())
            .map(|node| self.scene.rect(node).inflate(SNAP, SNAP))
            .collect();
        // As a whole it makes way for what it would cover.
        let mut aside = Vec2::ZERO;
        let card = |at: &Point, height: &f64| Rect::from_origin_size(*at + shift, (NODE_WIDTH, *height));
        let cards: Vec<Rect> = places.iter().zip(&heights).map(|(at, height)| card(at, height)).collect();
        while let Some(low) = cards
            .iter()
            .flat_map(|card| {
                others.iter().filter(|other| other.overlaps(*card + aside)).map(|other| (other.y1, card.y0))
            })
            .map(|(floor, top)| floor - top)
            .reduce(f64::max)
        {
            aside.y = (low / SNAP).ceil() * SNAP;
        }
        let moves: Vec<(u32, Point)> = nodes.iter().zip(places).map(|(node, at)| (*node, at + shift + aside)).collect();
        self.scene.move_nodes(&moves);
        let edit = self.moves_to_here(&nodes);
        self.commit(edit, "Tidy up", None, out);
    }

    /// Whether Tidy up leaves every selected step where it is.
    pub fn is_selection_pinned(&self) -> bool {
        let mut selected = self.selection.iter().filter_map(|key| self.scene.node(key)).peekable();
        selected.peek().is_some() && selected.all(|node| self.scene.is_pinned[node as usize])
    }

    /// Keeps the selected steps where they are from now on, or lets Tidy up move them again.
    pub fn toggle_pin(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        let nodes: Vec<u32> = self.selection.iter().filter_map(|key| self.scene.node(key)).collect();
        if !self.is_editor() || nodes.is_empty() {
            return out;
        }
        let is_pinned = !self.is_selection_pinned();
        let moves = nodes.iter().map(|node| {
            let at = self.scene.place[*node as usize];
            (self.scene.key(*node).clone(), Some(self.flow.stored(at, is_pinned)))
        });
        let edit = Edit::MoveSteps(moves.collect());
        let label = if is_pinned { "Pin" } else { "Unpin" };
        if self.commit(edit, label, None, &mut out) {
            let words = if is_pinned { "Pinned: Tidy up leaves it here" } else { "Unpinned" };
            out.push(Output::Say(words.to_owned()));
        }
        out
    }
}
