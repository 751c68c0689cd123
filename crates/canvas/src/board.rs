//! The board: one definition on one canvas, for building or for watching, driven by plain input and answering with output.
//! It never touches a screen: what must be redrawn is a set of flags. A gesture changes the definition once, at its end, or not at all.

mod adding;
mod arrange;
mod building;
mod choosing;
mod clipboard;
mod commands;
mod company;
mod compared;
mod connect;
mod edge_pan;
mod ends;
mod following;
mod grouping;
mod guides;
pub mod input;
mod key_connect;
mod keyboard;
mod lines;
mod mark_rows;
mod marks;
mod menu;
mod mirror;
mod outline;
mod palette;
mod picture;
mod pointer;
mod reading;
mod room;
mod selecting;
mod view;
mod walk_notes;
mod watching;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use kurbo::{Point, Rect, Size, Vec2};
use workflow::{AgentCatalog, AgentId, Definition, Problem, RunView, StepKey, merge::Fate};

use crate::{
    Document,
    camera::{Camera, Lod},
    edit::{Edit, Refused},
    flow::Flow,
    history::{History, Kept},
    scene::{Scene, Side, Source, Tried, hit::Hit, ways::Ways},
};

use building::Builder;
use edge_pan::Held;
use following::Lead;

pub use arrange::{Alignment, Axis};
pub use choosing::{Choice, Question, Spot};
pub use company::Visitor;
pub use connect::Connect;
pub use edge_pan::TICK_MS;
pub use ends::Ends;
pub use guides::Guide;
pub use input::{Button, Cursor, Input, Key, Mods, Output, WheelMode, Written};
pub use key_connect::KeyConnect;
pub use mark_rows::MarkRow;
pub use menu::Subject;
pub use mirror::MirrorNode;
pub use outline::{End, OutlineRow};
pub use palette::PaletteItem;
pub use pointer::{Drag, Gesture};
pub use reading::Reading;
pub use selecting::Way;
pub use view::READABLE;

/// What stands on the board, and so what may be done with it.
#[derive(Clone, Debug)]
enum Content {
    Draft {
        agents: AgentCatalog,
    },
    Run {
        view: Box<RunView>,
        agent_names: BTreeMap<AgentId, String>,
    },
    /// Two states of a draft, with what became of each step that differs.
    Compared {
        agents: AgentCatalog,
        fates: BTreeMap<StepKey, Fate>,
    },
}

/// What must be drawn or said again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of flags, one per layer")]
pub struct Dirty {
    pub base: bool,
    /// Of what lies there only steps that look different, and the lines to them; nothing of it where `base` is dirty.
    pub nodes: bool,
    pub overlay: bool,
    /// The accessible list: nodes, names or selection.
    pub mirror: bool,
    /// The same list, where the camera or a run went on: it may follow in a moment, since nobody hears sixty of them a second.
    pub mirror_soon: bool,
    pub camera: bool,
    /// The small map: what stands where, and how it goes.
    pub map: bool,
}

impl Dirty {
    const ALL: Self =
        Self { base: true, nodes: false, overlay: true, mirror: true, mirror_soon: false, camera: true, map: true };
}

#[derive(Clone, Debug)]
pub struct Board {
    document: Document,
    content: Content,
    /// What builds on it; nothing builds on a board to watch.
    builder: Option<Builder>,
    history: History,
    scene: Scene,
    /// Where the layout put steps that have no place of their own.
    automatic: BTreeMap<StepKey, Point>,
    flow: Flow,
    camera: Camera,
    viewport: Size,
    is_fit_wanted: bool,
    /// The camera is where `fit` left it.
    is_fitted: bool,
    lead: Lead,
    /// How the steps of the draft stand in a try of it, while that is shown.
    tried: Option<Tried>,
    /// What time it is, in whole seconds, as far as somebody told.
    now_ms: Option<i64>,
    wheel: WheelMode,
    selection: Vec<StepKey>,
    /// The ids of the notes that are selected.
    selected_notes: Vec<String>,
    selected_edge: Option<(StepKey, StepKey)>,
    /// Where the keyboard stands.
    focus: Option<StepKey>,
    is_keyboard_used: bool,
    hover: Hit,
    /// Where a pointer rests on the canvas, for what is put there by a key.
    pointer: Option<Point>,
    gesture: Gesture,
    /// What is held, and may lead beyond the edge.
    held: Option<Held>,
    hint: Option<String>,
    problems: Vec<Problem>,
    /// Who else is here.
    visitors: Vec<Visitor>,
    lod: Lod,
    dirty: Dirty,
    /// The nodes that look different since the picture was drawn.
    restyled: BTreeSet<u32>,
    revision: u64,
}

impl Board {
    /// A board to build on.
    pub fn editor(document: impl Into<Document>, agents: AgentCatalog) -> Self {
        let board = Self::new(document.into(), Content::Draft { agents }, History::default());
        Self { builder: Some(building::build), ..board }
    }

    fn new(document: Document, content: Content, history: History) -> Self {
        let mut board = Self {
            document,
            content,
            builder: None,
            history,
            scene: Scene::default(),
            automatic: BTreeMap::new(),
            flow: Flow::default(),
            camera: Camera::default(),
            viewport: Size::ZERO,
            is_fit_wanted: true,
            is_fitted: false,
            lead: Lead::default(),
            tried: None,
            now_ms: None,
            wheel: WheelMode::default(),
            selection: Vec::new(),
            selected_notes: Vec::new(),
            selected_edge: None,
            focus: None,
            is_keyboard_used: false,
            hover: Hit::Nothing,
            pointer: None,
            gesture: Gesture::Idle,
            held: None,
            hint: None,
            problems: Vec::new(),
            visitors: Vec::new(),
            lod: Lod::Full,
            dirty: Dirty::ALL,
            restyled: BTreeSet::new(),
            revision: 0,
        };
        board.rebuild();
        board
    }

    pub fn is_editor(&self) -> bool {
        matches!(self.content, Content::Draft { .. })
    }

    /// Whether two states are compared on it.
    pub fn is_compared(&self) -> bool {
        matches!(self.content, Content::Compared { .. })
    }

    pub fn definition(&self) -> &Definition {
        &self.document.definition
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Counts every change of the document.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    pub fn camera(&self) -> Camera {
        self.camera
    }

    pub fn viewport(&self) -> Size {
        self.viewport
    }

    pub fn gesture(&self) -> &Gesture {
        &self.gesture
    }

    /// The pointer is in the middle of something, which an edit would end.
    pub fn is_held(&self) -> bool {
        !matches!(self.gesture, Gesture::Idle)
    }

    pub fn selection(&self) -> &[StepKey] {
        &self.selection
    }

    pub fn selected_edge(&self) -> Option<&(StepKey, StepKey)> {
        self.selected_edge.as_ref()
    }

    pub fn focus(&self) -> Option<&StepKey> {
        self.focus.as_ref()
    }

    pub(crate) fn hover(&self) -> Hit {
        self.hover
    }

    /// Whether the keyboard was used last, so that its place on the board is to be shown.
    pub fn is_keyboard_used(&self) -> bool {
        self.is_keyboard_used
    }

    /// The line of words over the canvas, while there is something to explain.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn dirty(&self) -> Dirty {
        self.dirty
    }

    /// What must be redrawn since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// After the theme or the pixel ratio changed.
    pub fn redraw_all(&mut self) {
        self.dirty = Dirty::ALL;
    }

    pub fn set_wheel_mode(&mut self, mode: WheelMode) {
        self.wheel = mode;
    }

    /// A node's rectangle on the screen.
    pub fn node_rect(&self, key: &StepKey) -> Option<Rect> {
        Some(self.camera.rect_to_screen(self.scene.rect(self.scene.node(key)?)))
    }

    /// The middle of a port on the screen.
    pub fn port_point(&self, key: &StepKey, side: Side) -> Option<Point> {
        Some(self.camera.to_screen(self.scene.port(self.scene.node(key)?, side)))
    }

    /// Where an end of a line is taken up, on the screen.
    pub fn grip_point(&self, from: &StepKey, to: &StepKey, end: Side) -> Option<Point> {
        let edge = self.scene.edge_between(self.scene.node(from)?, self.scene.node(to)?)?;
        Some(self.scene.grip(&self.camera, edge, end))
    }

    pub fn set_viewport(&mut self, size: Size) {
        if self.viewport == size || !size.is_finite() {
            return;
        }
        self.viewport = size;
        // What is watched stays fitted while its frame changes, until somebody moves the camera.
        let stays_fitted = self.is_fitted && !self.is_editor();
        if (self.is_fit_wanted || stays_fitted) && size.width > 1.0 && size.height > 1.0 {
            self.is_fit_wanted = false;
            self.fit();
        }
        self.follow();
        self.dirty = Dirty::ALL;
    }

    pub fn set_agents(&mut self, agents: AgentCatalog) {
        if let Content::Draft { agents: known } = &mut self.content {
            *known = agents;
            self.rebuild();
        }
    }

    pub fn set_problems(&mut self, problems: Vec<Problem>) {
        if self.problems != problems {
            self.scene.set_problems(&self.document.definition, &problems);
            self.problems = problems;
            (self.dirty.base, self.dirty.mirror, self.dirty.map) = (true, true, true);
        }
    }

    /// Replaces the document by another one, as after loading a newer draft: nothing of it can be undone.
    pub fn replace(&mut self, document: Document) {
        self.cancel_gesture();
        self.document = document;
        self.history = History::default();
        self.automatic.clear();
        self.revision += 1;
        self.rebuild();
    }

    /// Takes up what could be undone on an earlier visit to this very document.
    pub fn take_up_history(&mut self, kept: Kept) {
        self.history.take_up(kept);
    }

    /// Applies an edit from outside the canvas, as from a panel. A running gesture is given up first.
    pub fn dispatch(&mut self, edit: Edit, label: &str) -> Result<(), Refused> {
        self.cancel_gesture();
        let is_drawn = edit.is_drawn();
        let renamed = edit.renamed_steps();
        self.history.apply(&mut self.document, edit, label)?;
        self.follow_renamed(&renamed);
        if is_drawn {
            self.changed();
        } else {
            self.revision += 1;
        }
        Ok(())
    }

    /// Ends what consecutive typing is taken together into.
    pub fn seal(&mut self) {
        self.history.seal();
    }

    fn commit(&mut self, edit: Edit, label: &str, group: Option<&str>, out: &mut Vec<Output>) -> bool {
        let done = match group {
            Some(group) => self.history.apply_in_group(&mut self.document, edit, label, group),
            None => self.history.apply(&mut self.document, edit, label),
        };
        match done {
            Ok(()) => {
                if group.is_none() {
                    self.history.seal();
                }
                self.changed();
                out.push(Output::Changed { label: label.to_owned() });
                true
            }
            Err(refused) => {
                // The picture may have run ahead of the definition.
                self.rebuild();
                out.push(Output::Refused(self.words_of(&refused)));
                false
            }
        }
    }

    /// What stood on a step under its old key stands on it under its new one: its place, the selection, the keyboard and what it did in a try.
    fn follow_renamed(&mut self, renamed: &[(StepKey, StepKey)]) {
        for (from, to) in renamed {
            if let Some(place) = self.automatic.remove(from) {
                self.automatic.insert(to.clone(), place);
            }
            let edge = self.selected_edge.iter_mut().flat_map(|(from, to)| [from, to]);
            for key in self.selection.iter_mut().chain(&mut self.focus).chain(edge) {
                if key == from {
                    key.clone_from(to);
                }
            }
            if let Some(tried) = &mut self.tried {
                tried.rename(from.clone(), to.clone());
            }
        }
    }

    fn changed(&mut self) {
        self.revision += 1;
        self.rebuild();
    }

    /// Derives the scene again, and lets go of what is no longer there.
    fn rebuild(&mut self) {
        let source = match &self.content {
            Content::Draft { agents } | Content::Compared { agents, .. } => Source::Draft { agents },
            Content::Run { view, agent_names } => Source::Run { run: view, agent_names },
        };
        let before = std::mem::take(&mut self.scene);
        // Where there are many lines, those that are seen find their ways before they are drawn, after an edit too.
        let (definition, automatic) = (&self.document.definition, &mut self.automatic);
        self.scene = Scene::build_with(definition, source, self.flow, automatic, Some(before), Ways::AsSeen);
        if let Content::Compared { fates, .. } = &self.content {
            self.scene.set_fates(fates);
        }
        if self.tried.is_some() {
            self.scene.set_tried(self.tried.as_ref());
        }
        self.scene.set_problems(&self.document.definition, &self.problems);
        self.gesture = Gesture::Idle;
        self.hover = Hit::Nothing;
        // They may be others now, and all is drawn.
        self.restyled.clear();
        let steps = &self.document.definition.steps;
        self.selection.retain(|key| steps.contains_key(key));
        self.selected_notes.retain(|id| self.scene.note(id).is_some());
        self.focus.take_if(|key| !steps.contains_key(key));
        self.selected_edge.take_if(|(from, to)| {
            !steps.get(to).is_some_and(|step| step.direct_dependencies().contains(from)) || !steps.contains_key(from)
        });
        self.dirty = Dirty::ALL;
    }

    /// Why something is refused, in the words that the steps are known by.
    pub fn words_of(&self, refused: &Refused) -> String {
        refused.reason(&self.document.definition)
    }

    /// Which way the picture runs. What has no place of its own is laid out anew for it.
    pub fn set_flow(&mut self, flow: Flow) {
        if self.flow != flow {
            self.flow = flow;
            self.automatic.clear();
            // Told by the window before anybody has seen anything, or as it is made narrower.
            self.is_fit_wanted = true;
            self.cancel_gesture();
            self.rebuild();
        }
    }

    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Gives up the running gesture as if it had never begun.
    pub fn cancel_gesture(&mut self) {
        match std::mem::take(&mut self.gesture) {
            Gesture::Drag(drag) => {
                self.scene.move_nodes(&drag.nodes);
                self.scene.move_notes(&drag.notes);
                self.dirty.base = true;
            }
            Gesture::Resize(resize) => {
                self.scene.resize_note(resize.note, Vec2::ZERO, resize.from);
                self.dirty.base = true;
            }
            Gesture::Marquee(marquee) => {
                self.selection = marquee.before;
                self.selected_notes = marquee.notes_before;
            }
            Gesture::Idle
            | Gesture::Press(_)
            | Gesture::Pan { .. }
            | Gesture::Pinch { .. }
            | Gesture::Connect(_)
            | Gesture::KeyConnect(_)
            | Gesture::Adding(_)
            | Gesture::Reading(_)
            | Gesture::Palette { .. } => {}
        }
        self.hint = None;
        (self.dirty.base, self.dirty.overlay) = (true, true);
    }

    fn set_hint(&mut self, hint: Option<String>, out: &mut Vec<Output>) {
        if self.hint != hint {
            self.hint.clone_from(&hint);
            out.push(Output::Hint(hint));
        }
    }

    pub(crate) fn lod(&self) -> Lod {
        self.lod
    }

    pub(crate) fn set_lod(&mut self, lod: Lod) {
        self.lod = lod;
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
