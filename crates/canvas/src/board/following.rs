//! Following a run: the camera keeps what runs in view, until somebody looks elsewhere.
//! It moves only when what runs is another, or the window is; never against a person, whose first input lets go.

use kurbo::Rect;
use workflow::{StepKey, StepStatus};

use super::{
    Board,
    input::{Input, Key, Output},
    view::READABLE,
};

/// Who moves the camera.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Lead {
    #[default]
    Person,
    /// It keeps what runs in view.
    Run,
}

const LET_GO: &str = "No longer following what runs";

impl Board {
    pub fn is_following(&self) -> bool {
        self.lead == Lead::Run
    }

    /// Follows the run on the board from now on, or no longer. A draft does not run, so there is nothing to follow on it.
    pub fn set_following(&mut self, is_on: bool) {
        self.lead = if is_on && self.is_watched() { Lead::Run } else { Lead::Person };
        self.follow();
    }

    /// As somebody wants by a button or a key.
    pub fn toggle_following(&mut self) -> Vec<Output> {
        if !self.is_watched() {
            return Vec::new();
        }
        self.set_following(!self.is_following());
        let words = if self.is_following() { "Following what runs" } else { LET_GO };
        vec![Output::Followed(self.is_following()), Output::Say(words.to_owned())]
    }

    /// Somebody wants to look elsewhere, so the camera is theirs.
    pub fn stop_following(&mut self) {
        self.lead = Lead::Person;
    }

    /// Selects what a person chose beside the picture, and shows it: the camera is theirs, also where that is selected already.
    pub fn look_at_step(&mut self, key: &StepKey) -> Vec<Output> {
        self.stop_following();
        self.select_keys(vec![key.clone()], true)
    }

    /// Selects what the page chose by itself; it is shown, unless the camera has to keep what runs in view.
    pub fn select_proposed(&mut self, keys: Vec<StepKey>) -> Vec<Output> {
        let is_shown = !self.is_following();
        self.select_keys(keys, is_shown)
    }

    /// The first press, turn of the wheel or key lets go; the key that begins and ends it means itself.
    pub(super) fn let_go_of_run(&mut self, input: &Input, out: &mut Vec<Output>) {
        let is_meant = match input {
            Input::Down { .. } | Input::Wheel { .. } => true,
            Input::Key { key, mods } => mods.ctrl || !matches!(key, Key::Char('f' | 'F')),
            Input::Move { .. } | Input::Up { .. } | Input::Leave | Input::Tick | Input::Cancel => false,
        };
        if is_meant && self.is_following() {
            self.stop_following();
            // Of a run that is over nothing can be lost from view.
            if self.scene.status.iter().flatten().any(|status| !status.is_terminal()) {
                out.push(Output::Say(LET_GO.to_owned()));
            }
        }
    }

    /// Brings what runs into view, with as little movement as can be; where nothing does, what waits for a person.
    pub(super) fn follow(&mut self) {
        if !self.is_following() || self.viewport.area() <= 1.0 {
            return;
        }
        let Some(bounds) = self.busy_bounds() else { return };
        let before = self.camera;
        let (room, margin) = (self.room(), self.margin());
        if self.camera.zoom < READABLE {
            self.camera.zoom = READABLE;
            self.camera.center_on(bounds.center(), room);
        }
        if self.zoom_for(bounds) < self.camera.zoom {
            self.camera.fit(bounds, room, margin);
        }
        self.camera.reveal(bounds, room, margin);
        if self.camera != before {
            self.camera_moved();
        }
    }

    /// The zoom at which all of it is in view.
    fn zoom_for(&self, bounds: Rect) -> f64 {
        let (room, around) = (self.room(), 2.0 * self.margin());
        ((room.width - around) / bounds.width().max(1.0)).min((room.height - around) / bounds.height().max(1.0))
    }

    /// All that runs; of what lies too far apart to be read together, what began last.
    fn busy_bounds(&self) -> Option<Rect> {
        let with = |status: StepStatus| {
            let nodes = self.scene.nodes();
            nodes.filter(|node| self.scene.status[*node as usize] == Some(status)).collect::<Vec<_>>()
        };
        let mut busy = with(StepStatus::Running);
        if busy.is_empty() {
            busy = with(StepStatus::AwaitingReview);
        }
        let bounds = self.scene.bounds_of(busy.iter().copied())?;
        if self.zoom_for(bounds) >= READABLE {
            return Some(bounds);
        }
        let began = |node: &u32| self.scene.worked[*node as usize].map(|worked| worked.since);
        // Of two that began together the first of the graph.
        let last = self.scene.in_order(busy).into_iter().rev().max_by_key(began);
        last.map(|node| self.scene.rect(node))
    }
}
