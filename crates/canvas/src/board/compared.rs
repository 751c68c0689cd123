//! A board on which two states of a workflow are compared: the later one, with what it removed still in its place, and a mark on each step
//! that differs. Must change nothing: what stands on it is neither of the two.

use workflow::{
    AgentCatalog, Definition, Document, StepKey,
    merge::{changes, fates},
};

use super::{Board, Content};
use crate::history::History;

impl Board {
    /// A board to look at what differs; nothing on it can be moved.
    pub fn compare(before: &Document, after: &Document, agents: AgentCatalog) -> Self {
        let fates = fates(&changes(before, after));
        let both = union(&before.definition, &after.definition);
        Self::new(both.into(), Content::Compared { agents, fates }, History::of_watched())
    }
}

/// What is there afterwards, and the steps that are not there any more.
fn union(before: &Definition, after: &Definition) -> Definition {
    let mut both = after.clone();
    let is_gone = |key: &&StepKey| !after.steps.contains_key(*key);
    let gone = before.steps.keys().filter(is_gone);
    both.steps.extend(gone.filter_map(|key| Some((key.clone(), before.steps.shared(key).cloned()?))));
    both
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use workflow::merge::Fate;

    use super::*;
    use crate::edit::Edit;

    fn document(steps: &Value) -> Document {
        Definition::from_value(&json!({"steps": steps})).unwrap().into()
    }

    #[test]
    fn what_differs_is_marked_and_said_and_what_is_gone_is_still_there() {
        let before = document(&json!({
            "kept": {"agent_id": "x"}, "gone": {"agent_id": "x", "depends_on": ["kept"]}, "other": {"agent_id": "x"}}));
        let after = document(&json!({
            "kept": {"agent_id": "x", "ui": {"x": 500.0, "y": 8.0}}, "new": {"agent_id": "x", "depends_on": ["kept"]},
            "other": {"agent_id": "x", "prompt": "another"}}));
        let mut board = Board::compare(&before, &after, AgentCatalog::default());
        let fate = |board: &Board, key: &str| board.scene().fate(board.scene().node(&StepKey::from(key)).unwrap());
        let told = ["kept", "gone", "new", "other"].map(|key| fate(&board, key));
        assert_eq!(told, [None, Some(Fate::Removed), Some(Fate::Added), Some(Fate::Changed)]);
        let gone = board.scene().node(&"gone".into()).unwrap();
        assert!(board.scene().describe(gone).contains("removed"), "{}", board.scene().describe(gone));
        // Nobody changes what is only looked at.
        assert!(!board.is_editor());
        assert!(board.dispatch(Edit::remove("kept".into()), "Delete").is_err());
        board.set_flow(crate::Flow::Down);
        assert_eq!(fate(&board, "gone"), Some(Fate::Removed), "also when it is drawn anew");
    }
}
