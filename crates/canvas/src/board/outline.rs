//! The steps as a list, for those who cannot or do not want to use the picture: in the order in which they run, with everything that
//! can be done on the canvas. What stands side by side in the picture is listed from top to bottom; moving it in the list moves it there.

use workflow::StepKey;

use super::{Board, ends::Ends, input::Output};
use crate::{edit::Edit, scene::Side};

/// Ways round that are written out in one list.
const TOLD_WAYS: usize = 50;

/// One step of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutlineRow {
    pub key: StepKey,
    pub title: String,
    /// Its agent.
    pub by: String,
    /// The steps that it waits for, with their titles.
    pub after: Vec<(StepKey, String)>,
    pub n_problems: u32,
    /// There is none before, or behind, it that stands beside it.
    pub is_first: bool,
    pub is_last: bool,
}

/// A step that another one may be connected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    pub key: StepKey,
    pub title: String,
    /// Why not.
    pub refusal: Option<String>,
}

impl Board {
    /// Every step after what it depends on.
    pub fn outline(&self) -> Vec<OutlineRow> {
        let (order, depth) = self.ranked();
        let scene = &self.scene;
        let is_beside =
            |other: Option<&u32>, node: u32| other.is_some_and(|other| depth[*other as usize] == depth[node as usize]);
        let row = |(n, node): (usize, &u32)| {
            let at = *node as usize;
            let from = scene.edges_in[at].iter().map(|edge| scene.edges[*edge as usize].from).collect();
            let after = scene.in_order(from).into_iter();
            OutlineRow {
                key: scene.key(*node).clone(),
                title: scene.title[at].to_string(),
                by: scene.sub[at].to_string(),
                after: after.map(|node| (scene.key(node).clone(), scene.title[node as usize].to_string())).collect(),
                n_problems: scene.n_errors[at] + scene.n_warnings[at],
                is_first: !is_beside(n.checked_sub(1).and_then(|n| order.get(n)), *node),
                is_last: !is_beside(order.get(n + 1), *node),
            }
        };
        order.iter().enumerate().map(row).collect()
    }

    /// The nodes as the list has them, and by node how deep it stands.
    fn ranked(&self) -> (Vec<u32>, Vec<usize>) {
        let scene = &self.scene;
        let mut depth = vec![0_usize; scene.n_nodes()];
        for node in &scene.order {
            let before = scene.edges_in[*node as usize].iter().map(|edge| scene.edges[*edge as usize].from);
            depth[*node as usize] = before.map(|from| depth[from as usize] + 1).max().unwrap_or(0);
        }
        let across = |node: u32| self.flow.turn(scene.place[node as usize]);
        let mut order = scene.order.clone();
        order.sort_by(|a, b| {
            let (here, there) = (across(*a), across(*b));
            let by_place = here.y.total_cmp(&there.y).then(here.x.total_cmp(&there.x));
            depth[*a as usize].cmp(&depth[*b as usize]).then(by_place).then(a.cmp(b))
        });
        (order, depth)
    }

    /// Takes a step into what is selected, or out of it; the other steps and the notes stay.
    pub fn toggle_selected(&mut self, key: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if self.scene.node(key).is_none() {
            return out;
        }
        let mut keys = self.selection.clone();
        if keys.contains(key) {
            keys.retain(|known| known != key);
        } else {
            keys.push(key.clone());
        }
        self.select_both(keys, self.selected_notes.clone(), &mut out);
        self.reveal(key);
        out
    }

    /// Changes places with the step that is listed before it, or behind it, as long as that one stands beside it.
    pub fn move_in_outline(&mut self, key: &StepKey, is_up: bool) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        let (order, depth) = self.ranked();
        let Some(node) = self.scene.node(key).filter(|_| self.is_editor()) else {
            return out;
        };
        let at = order.iter().position(|known| *known == node);
        let other = at.and_then(|at| if is_up { at.checked_sub(1) } else { at.checked_add(1) });
        let other = other.and_then(|at| order.get(at)).filter(|other| depth[**other as usize] == depth[node as usize]);
        let Some(&other) = other else {
            out.push(Output::Say("It stands beside no other step there".to_owned()));
            return out;
        };
        let (here, there) = (self.scene.place[node as usize], self.scene.place[other as usize]);
        let (title, others) = (self.scene.title[node as usize].clone(), self.scene.title[other as usize].clone());
        self.scene.move_nodes(&[(node, there), (other, here)]);
        let edit = self.moves_to_here(&[node, other]);
        if self.commit(edit, "Move", None, &mut out) {
            let side = if is_up { "before" } else { "behind" };
            out.push(Output::Say(format!("{title} stands {side} {others} now")));
        }
        out
    }

    /// Every other step, with why this one cannot hand its result to it.
    pub fn ends_from(&self, from: &StepKey) -> Vec<End> {
        let Some(anchor) = self.scene.node(from) else {
            return Vec::new();
        };
        let ends = Ends::of(&self.scene, anchor, Side::Out, None, None);
        let (order, _) = self.ranked();
        let others = order.into_iter().filter(|node| *node != anchor);
        let mut n_told = 0;
        others
            .map(|node| End {
                key: self.scene.key(node).clone(),
                title: self.scene.title[node as usize].to_string(),
                refusal: self.why_not(&ends, node, &mut n_told),
            })
            .collect()
    }

    /// Why a node cannot be the other end. A way round is written out for the first few only: each may be as long as the workflow.
    pub(super) fn why_not(&self, ends: &Ends, node: u32, n_told: &mut usize) -> Option<String> {
        if ends.is_circle(node) {
            *n_told += 1;
            if *n_told > TOLD_WAYS {
                return Some("This would close a cycle".to_owned());
            }
        }
        ends.refusal(&self.scene, node).map(|refused| self.words_of(&refused))
    }

    /// Connects as a line that is drawn does, with the input that fits.
    pub fn connect_keys(&mut self, from: &StepKey, to: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let (Some(from), Some(to), true) = (self.scene.node(from), self.scene.node(to), self.is_editor()) {
            self.connect_nodes(from, to, &mut out);
            self.leave_to_the_panel(&mut out);
        }
        out
    }

    pub fn disconnect_keys(&mut self, from: &StepKey, to: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        let edit = Edit::Disconnect { from: from.clone(), to: to.clone() };
        if self.commit(edit, "Disconnect", None, &mut out) {
            out.push(Output::Say("Connection deleted".to_owned()));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use workflow::{AgentCatalog, Definition};

    use super::*;

    fn board(definition: &serde_json::Value) -> Board {
        Board::editor(Definition::from_value(definition).unwrap(), AgentCatalog::default())
    }

    /// `a` goes to `b`, `c` and `d` from top to bottom, and these to `e`.
    fn fan() -> Board {
        let step =
            |after: &[&str], x: f64, y: f64| json!({"agent_id": "x", "depends_on": after, "ui": {"x": x, "y": y}});
        board(&json!({"steps": {
            "e": step(&["b", "c", "d"], 640.0, 0.0), "d": step(&["a"], 320.0, 0.0), "c": step(&["a"], 320.0, 120.0),
            "b": step(&["a"], 330.0, 240.0), "a": step(&[], 0.0, 0.0)}}))
    }

    fn listed(board: &Board) -> Vec<String> {
        board.outline().into_iter().map(|row| row.key.to_string()).collect()
    }

    #[test]
    fn steps_are_listed_as_they_run_and_side_by_side_as_they_stand() {
        let rows = fan().outline();
        assert_eq!(listed(&fan()), ["a", "d", "c", "b", "e"]);
        let edges: Vec<(bool, bool)> = rows.iter().map(|row| (row.is_first, row.is_last)).collect();
        assert_eq!(edges, [(true, true), (true, false), (false, false), (false, true), (true, true)]);
        assert_eq!(rows[4].after.len(), 3);
    }

    #[test]
    fn a_step_is_taken_into_the_selection_and_out_of_it_and_the_rest_stays() {
        let mut board = board(&json!({
            "notes": [{"id": "n1", "text": "Why", "x": 0, "y": 300, "width": 240, "height": 144}],
            "steps": {"a": {"agent_id": "x"}, "b": {"agent_id": "x"}}}));
        board.select_note("n1");
        let selected = |board: &Board| {
            let keys: Vec<String> = board.selection().iter().map(ToString::to_string).collect();
            (keys.join(" "), board.selected_notes().to_vec())
        };
        for (key, keys) in [("a", "a"), ("b", "a b"), ("a", "b"), ("gone", "b")] {
            board.toggle_selected(&key.into());
            assert_eq!(selected(&board), (keys.to_owned(), vec!["n1".to_owned()]));
        }
    }

    #[test]
    fn moving_in_the_list_moves_on_the_canvas_as_one_step_that_is_taken_back() {
        let mut board = fan();
        let before = board.definition().clone();
        board.move_in_outline(&"b".into(), true);
        assert_eq!(listed(&board), ["a", "d", "b", "c", "e"]);
        assert_eq!(board.definition().steps["b"].ui, before.steps["c"].ui);
        // There is nothing beside it to change places with.
        let revision = board.revision();
        board.move_in_outline(&"a".into(), false);
        board.move_in_outline(&"d".into(), true);
        board.move_in_outline(&"gone".into(), true);
        assert_eq!(board.revision(), revision);
        board.undo().unwrap();
        assert_eq!(board.definition(), &before);
    }

    #[test]
    fn what_can_be_connected_is_told_with_why_the_rest_cannot() {
        let mut board = fan();
        let ends = board.ends_from(&"b".into());
        let refused: Vec<bool> = ends.iter().map(|end| end.refusal.is_some()).collect();
        let keys: Vec<&str> = ends.iter().map(|end| end.key.as_str()).collect();
        assert_eq!(keys, ["a", "d", "c", "e"]);
        assert_eq!(refused, [true, false, false, true], "a cycle, and one that is there already");
        board.connect_keys(&"b".into(), &"c".into());
        assert_eq!(listed(&board), ["a", "d", "b", "c", "e"]);
        let out = board.connect_keys(&"c".into(), &"b".into());
        assert!(out.iter().any(|output| matches!(output, Output::Refused(_))), "{out:?}");
        board.disconnect_keys(&"b".into(), &"c".into());
        assert_eq!(board.definition(), fan().definition());
    }

    #[test]
    fn a_thousand_steps_and_a_circle_are_listed() {
        let steps: serde_json::Map<String, serde_json::Value> = (0..1_000)
            .map(|n| {
                let after = if n < 10 { vec![] } else { vec![format!("s{}", n - 10)] };
                (format!("s{n}"), json!({"agent_id": "x", "depends_on": after}))
            })
            .collect();
        assert_eq!(board(&json!({"steps": steps})).outline().len(), 1_000);
        let circle = board(&json!({"steps": {"a": {"agent_id": "x", "depends_on": ["b"]},
            "b": {"agent_id": "x", "depends_on": ["a"]}}}));
        assert_eq!(circle.outline().len(), 2);
    }

    proptest! {
        #[test]
        fn every_step_is_listed_once_and_after_what_it_depends_on(
            n in 1_usize..12, pairs in prop::collection::vec((0_usize..12, 0_usize..12), 0..24),
        ) {
            let after = |to: usize| -> Vec<String> {
                pairs.iter().filter(|(a, b)| *b == to && a < b).map(|(a, _)| format!("s{a}")).collect()
            };
            let steps: serde_json::Map<String, serde_json::Value> =
                (0..n).map(|at| (format!("s{at}"), json!({"agent_id": "x", "depends_on": after(at)}))).collect();
            let listed = board(&json!({"steps": steps})).outline();
            prop_assert_eq!(listed.len(), n);
            for (at, row) in listed.iter().enumerate() {
                for (key, _) in &row.after {
                    prop_assert!(listed[..at].iter().any(|before| before.key == *key), "{} before {}", key, row.key);
                }
            }
        }
    }
}
