//! Watching: a run on the board, live. What is told of its steps, what time it is, and whether anything in view moves by itself.
//! It decides nothing about the run and reads no clock; what is not in view asks for no frame.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kurbo::Size;
use workflow::{AgentId, Definition, RunView, StepKey, StepStatus, view::StepView};

use super::{Board, Content, Dirty};
use crate::{
    camera::Lod,
    history::History,
    scene::{Said, Tried},
};

impl Board {
    /// A board to watch a run on; nothing on it can be moved.
    pub fn watch(run: &RunView, agent_names: BTreeMap<AgentId, String>) -> Self {
        let content = Content::Run { view: Box::new(run.clone()), agent_names };
        Self::new(Definition::clone(&run.run_definition).into(), content, History::of_watched())
    }

    /// Whether a run stands on it.
    pub fn is_watched(&self) -> bool {
        matches!(self.content, Content::Run { .. })
    }

    /// Shows another state of the watched run; answers with what changed, in words.
    pub fn set_run(&mut self, run: &RunView) -> Vec<String> {
        let Content::Run { view, .. } = &mut self.content else {
            return Vec::new();
        };
        // Nearly always one and the same: then there are not thousands of steps to compare for each event.
        let is_same =
            Arc::ptr_eq(&view.run_definition, &run.run_definition) || view.run_definition == run.run_definition;
        if !is_same || view.id != run.id {
            let was_part = view.left_out.is_some();
            **view = run.clone();
            if was_part {
                // Alone the first steps stood otherwise than among all of them.
                self.automatic.clear();
            }
            self.document.definition = Definition::clone(&run.run_definition);
            self.is_fit_wanted = self.viewport == Size::ZERO;
            self.rebuild();
            self.follow();
            return Vec::new();
        }
        view.left_out.clone_from(&run.left_out);
        let changed = if view.steps.len() == run.steps.len() {
            // A view that did not change is the same one, so thousands of them are passed over by their addresses.
            let pairs = view.steps.iter_mut().zip(&run.steps).filter(|(known, now)| !Arc::ptr_eq(known, now));
            let others: Vec<&StepView> = pairs.map(|(known, now)| (known.clone_from(now), &**now).1).collect();
            self.scene.update_statuses(run, others)
        } else {
            view.steps.clone_from(&run.steps);
            self.scene.update_statuses(run, run.steps.iter().map(|step| &**step))
        };
        if !changed.restyled.is_empty() {
            (self.dirty.mirror_soon, self.dirty.map) = (true, true);
            // From afar no sign moves over the cards.
            self.dirty.overlay |= self.lod != Lod::Far;
            if changed.are_landmarks {
                self.dirty.base = true;
            } else {
                self.dirty.nodes = true;
                self.restyled.extend(changed.restyled);
            }
        }
        if !changed.nodes.is_empty() {
            self.follow();
        }
        let words = |node: u32| {
            let at = node as usize;
            format!("{}: {}", self.scene.title[at], self.scene.status_text[at].to_lowercase())
        };
        self.scene.in_order(changed.nodes).into_iter().map(words).collect()
    }

    /// The nodes that look different since the picture was drawn; from now on it shows them.
    pub(crate) fn take_restyled(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.restyled)
    }

    /// Shows what is said of steps beside their status; answers with the absences that are new, in words.
    pub fn set_said(&mut self, said: &BTreeMap<StepKey, Said>) -> Vec<String> {
        let changed = self.scene.set_said(said);
        if !changed.is_empty() {
            (self.dirty.base, self.dirty.mirror) = (true, true);
        }
        let absence = |node: u32| match &self.scene.said[node as usize] {
            Some(Said::Absent(words)) => Some(format!("{}: {}", self.scene.title[node as usize], words.to_lowercase())),
            Some(Said::Progress { .. }) | None => None,
        };
        self.scene.in_order(changed).into_iter().filter_map(absence).collect()
    }

    /// Shows which steps of the watched run are stale.
    pub fn set_stale(&mut self, is_stale: impl Fn(&StepKey) -> bool) {
        if !self.scene.set_stale(is_stale).is_empty() {
            (self.dirty.base, self.dirty.mirror) = (true, true);
        }
    }

    /// Shows how the steps of the draft stand in a try of it; in none, nothing of one.
    pub fn set_tried(&mut self, run: Option<&RunView>) {
        if !self.is_editor() {
            return;
        }
        let before = self.tried.take();
        self.tried = run.map(|run| Tried::of(run, before));
        if self.scene.set_tried(self.tried.as_ref()) {
            self.dirty = Dirty { camera: self.dirty.camera, ..Dirty::ALL };
        }
    }

    /// Shows which steps are on the slowest path, each after the one before it; none where nobody wants to know.
    pub fn set_path(&mut self, path: &[StepKey]) {
        if self.scene.set_path(path) {
            (self.dirty.base, self.dirty.mirror) = (true, true);
        }
    }

    /// What time it is, in milliseconds since 1970; where nobody knows how long a step goes on, as while the server is not heard, the times
    /// that are shown stand. Each second makes another picture as long as a step in view counts its time,
    /// and none otherwise.
    pub fn tell_time(&mut self, now_ms: Option<i64>) {
        let now_ms = now_ms.map(|now_ms| now_ms.div_euclid(1000) * 1000);
        if now_ms.is_some() && self.now_ms != now_ms {
            self.now_ms = now_ms;
            self.dirty.base |= self.counts_time();
        }
    }

    pub(crate) fn now_ms(&self) -> Option<i64> {
        self.now_ms
    }

    /// Whether a step in view counts its time, so that it must be told each second.
    pub fn counts_time(&self) -> bool {
        self.lod == Lod::Full && self.sees(|node| self.scene.counts_time(node))
    }

    /// Whether any node in view is at work, so that its sign may move.
    pub fn has_motion(&self) -> bool {
        self.lod != Lod::Far && self.sees(|node| self.scene.status[node as usize] == Some(StepStatus::Running))
    }

    /// Whether there is such a running node in view. What a collapsed group holds is not.
    fn sees(&self, is_such: impl Fn(u32) -> bool) -> bool {
        let is_seen = |node: &u32| self.scene.folded_in(*node).is_none();
        // Mostly nothing runs, and then nothing need be looked for.
        self.scene.status.contains(&Some(StepStatus::Running))
            && self.scene.nodes_in(self.camera.visible(self.viewport, 0.0)).into_iter().filter(is_seen).any(is_such)
    }
}
