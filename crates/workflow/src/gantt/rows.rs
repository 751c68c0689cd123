//! The rows of the chart: the steps, each after what it waits for; the items of a list are folded into its row until it is opened.
//! Thousands may be open, so only those that are near what is in sight are drawn.

use std::{collections::BTreeSet, ops::Range};

use crate::{RunView, StepKey, StepStatus, graph::Graph};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub key: StepKey,
    pub status: StepStatus,
    /// Of a step over a list that has begun: how many items it has, and whether they stand below it.
    pub list: Option<List>,
    pub is_item: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct List {
    pub n_items: usize,
    pub is_open: bool,
}

/// Of the whole run, or of what is not over or failed alone. A list that has such an item stays.
pub fn rows(run: &RunView, open: &BTreeSet<StepKey>, is_wanted_only: bool) -> Vec<Row> {
    let order: Vec<StepKey> = match Graph::of(&run.run_definition).order() {
        Ok(order) => order.into_iter().cloned().collect(),
        // A definition that runs has no cycle; by key is still an order.
        Err(_) => run.run_definition.steps.keys().cloned().collect(),
    };
    let is_wanted = |status: StepStatus| !is_wanted_only || wants(status);
    let mut rows = Vec::new();
    for key in order {
        let Some(step) = run.step(&key) else { continue };
        let mut items: Vec<_> = run.items(&key).iter().filter(|item| is_wanted(item.status)).collect();
        if !is_wanted(step.status) && items.is_empty() {
            continue;
        }
        let is_open = open.contains(&key);
        let list = (!items.is_empty()).then_some(List { n_items: items.len(), is_open });
        rows.push(Row { key, status: step.status, list, is_item: false });
        if is_open {
            items.sort_unstable_by_key(|item| item.item_index);
            rows.extend(items.into_iter().map(|item| Row {
                key: item.key.clone(),
                status: item.status,
                list: None,
                is_item: true,
            }));
        }
    }
    rows
}

/// It is not over, or it failed.
fn wants(status: StepStatus) -> bool {
    !matches!(status, StepStatus::Completed | StepStatus::Skipped | StepStatus::Cancelled)
}

/// Those of so many rows that are in sight, and a few on both sides of them.
pub fn in_sight(n: usize, row: f64, top: f64, height: f64) -> Range<usize> {
    const BESIDE: usize = 6;
    let first = whole(top / row.max(1.0)).saturating_sub(BESIDE).min(n);
    let last = whole((top + height) / row.max(1.0)).saturating_add(1 + BESIDE).min(n);
    first..last.max(first)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows on a screen, never below none")]
fn whole(n: f64) -> usize {
    n.max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{add_items, run, step};

    fn shown(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.key.as_str()).collect()
    }

    #[test]
    fn steps_stand_below_what_they_wait_for_and_a_list_opens() {
        let mut view = run(&json!({
            "z": {"agent_id": "x"}, "a": {"agent_id": "x", "depends_on": ["z"], "map": {"over": {"const": []}}},
            "b": {"agent_id": "x", "depends_on": ["a"]}}));
        add_items(&mut view, "a", &["two", "one"]);
        let closed = rows(&view, &BTreeSet::new(), false);
        assert_eq!(shown(&closed), ["z", "a", "b"]);
        assert_eq!(closed[1].list, Some(List { n_items: 2, is_open: false }));
        let open = rows(&view, &BTreeSet::from(["a".into()]), false);
        assert_eq!(shown(&open), ["z", "a", "a[two]", "a[one]", "b"]);
        assert!(open[2].is_item && !open[1].is_item);
    }

    #[test]
    fn only_what_is_not_over_or_failed_is_left_and_the_list_that_has_it() {
        let mut view = run(&json!({
            "a": {"agent_id": "x", "map": {"over": {"const": []}}}, "b": {"agent_id": "x"}, "c": {"agent_id": "x"}}));
        add_items(&mut view, "a", &["one", "two"]);
        for (key, status) in
            [("a", StepStatus::Completed), ("a[one]", StepStatus::Completed), ("b", StepStatus::Failed)]
        {
            step(&mut view, key).status = status;
        }
        step(&mut view, "a[two]").status = StepStatus::Failed;
        step(&mut view, "c").status = StepStatus::Skipped;
        let open = BTreeSet::from(["a".into()]);
        assert_eq!(shown(&rows(&view, &open, true)), ["a", "a[two]", "b"]);
        step(&mut view, "a[two]").status = StepStatus::Cancelled;
        assert_eq!(shown(&rows(&view, &open, true)), ["b"]);
    }

    #[test]
    fn of_ten_thousand_rows_only_those_in_sight_are_drawn() {
        assert_eq!(in_sight(10_000, 28.0, 28_000.0, 280.0), 994..1_017);
        assert_eq!(in_sight(3, 28.0, 0.0, 280.0), 0..3);
        assert_eq!(in_sight(0, 28.0, 500.0, 280.0), 0..0);
        assert_eq!(in_sight(5, 28.0, 90_000.0, 280.0), 5..5);
    }
}
