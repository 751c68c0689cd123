//! The rows of gates: what a list tells of an open one, and one row for each that was closed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use workflow::{
    RunId, UserId,
    run::{
        Command, RunEvent, State,
        command::{MoveTo, Start},
        state::Verdict,
        testing::{agents, definition, owner, start_of},
    },
    validate,
};

use super::{id, person, process, simulated, supply};
use crate::{
    Options, Runs,
    memory::Memory,
    rows::{Gate, GateEnd, Rows},
};

fn gated(title: &str, max_rounds: u32) -> Value {
    let review = json!({"mode": "always", "max_rounds": max_rounds, "timeout_s": 60, "on_timeout": "approve"});
    json!({"steps": {
        "a": {"agent_id": "echo", "title": title, "review": review},
        "b": {"agent_id": "echo", "depends_on": ["a"]},
    }})
}

fn start(document: &Value, is_test: bool) -> Start {
    let mut start = start_of(&definition(document), true, BTreeMap::new());
    start.run.id = id(1);
    start.run.is_test = is_test;
    start
}

/// A run that waits at the gate of `a`.
async fn waiting(memory: &Memory, document: &Value, is_test: bool) -> Runs {
    let runs = process(memory, 21, Options::default());
    runs.execute(person(id(1), Command::Start(Box::new(start(document, is_test))))).await.unwrap();
    runs.execute(supply(id(1), 100, "text/plain")).await.unwrap();
    runs
}

/// The rows of all events together, which every check of the memory has held against those that were written.
fn rows(memory: &Memory, run: RunId) -> Rows {
    memory.with(|stored, checks| {
        assert!(checks.violations.is_empty(), "{:?}", checks.violations);
        let events: Vec<RunEvent> = stored.runs[&run].log.iter().map(|logged| RunEvent::clone(&logged.event)).collect();
        Rows::of(&State::empty(), &events)
    })
}

fn open(memory: &Memory) -> Option<Gate> {
    let mut steps = rows(memory, id(1)).steps.into_iter();
    steps.find(|row| row.step.as_str() == "a").and_then(|row| row.review).map(|gate| *gate)
}

fn ends(memory: &Memory) -> Vec<GateEnd> {
    rows(memory, id(1)).ends
}

async fn reject(runs: &Runs, text: &str) {
    let reject = Command::Reject { step: "a".into(), feedback: text.into(), digest: None, expect_generation: None };
    runs.execute(person(id(1), reject)).await.unwrap();
}

async fn approve(runs: &Runs) {
    let approve = Command::Continue { step: "a".into(), digest: None, expect_generation: None };
    runs.execute(person(id(1), approve)).await.unwrap();
}

#[test]
fn an_open_gate_tells_what_the_step_is_called_and_of_which_generation_it_is() {
    simulated(async {
        let memory = Memory::new(21);
        let runs = waiting(&memory, &gated("Draft", 2), false).await;
        let gate = open(&memory).unwrap();
        assert_eq!((gate.title.as_str(), gate.round, gate.max_rounds, gate.is_form), ("Draft", 0, 2, false));
        assert_eq!((gate.generation, gate.review.on_timeout.as_str()), (1, "approve"));
        reject(&runs, "shorter").await;
        assert_eq!(open(&memory), None);
        runs.execute(supply(id(1), 101, "text/plain")).await.unwrap();
        let gate = open(&memory).unwrap();
        assert_eq!((gate.generation, gate.round), (2, 0), "what a person supplied was never sent back");
        approve(&runs).await;
        assert_eq!(open(&memory), None);
    });
}

#[test]
fn a_gate_that_is_open_while_its_run_moves_tells_what_the_new_definition_says() {
    simulated(async {
        let memory = Memory::new(22);
        let runs = waiting(&memory, &gated("Draft", 2), false).await;
        let definition = definition(&gated("Text", 5));
        let (plan, _) = validate(&definition, &agents());
        let to = MoveTo { template_version: 2, template_name: "T".into(), definition: Arc::new(definition), plan };
        let mut moved = person(id(1), Command::Move(Box::new(to)));
        moved.agents = Arc::new(agents());
        runs.execute(moved).await.unwrap();
        let gate = open(&memory).unwrap();
        assert_eq!((gate.title.as_str(), gate.max_rounds, gate.generation), ("Text", 5, 1));
        approve(&runs).await;
        assert_eq!(ends(&memory)[0].title(), "Text");
    });
}

#[test]
fn each_gate_that_is_closed_has_a_row_with_who_decided_and_what_they_wanted() {
    simulated(async {
        let memory = Memory::new(23);
        let runs = waiting(&memory, &gated("Draft", 2), false).await;
        let opened_at = open(&memory).unwrap().review.opened_at;
        reject(&runs, &"é".repeat(5_000)).await;
        runs.execute(supply(id(1), 101, "text/plain")).await.unwrap();
        approve(&runs).await;
        let ends = ends(&memory);
        let told = ends.iter().map(|end| (end.closed.generation, end.closed.number, end.closed.verdict));
        assert_eq!(told.collect::<Vec<_>>(), [(1, 1, Verdict::Rejected), (2, 1, Verdict::Approved)]);
        assert_eq!(ends[0].text.as_ref().map(|text| text.chars().count()), Some(4_000), "the log has all of it");
        assert_eq!(ends[1].text, None);
        assert_eq!((ends[0].title(), ends[0].opened_at()), ("Draft", opened_at));
        let by = BTreeSet::from([owner().id]);
        assert!(ends.iter().all(|end| end.deciders() == by && end.closed_at >= end.opened_at()));
    });
}

#[test]
fn a_gate_that_was_closed_is_found_by_those_in_whose_place_it_was_too() {
    simulated(async {
        let memory = Memory::new(25);
        let runs = waiting(&memory, &gated("Draft", 2), false).await;
        approve(&runs).await;
        let mut end = ends(&memory).remove(0);
        let [away, voter, of] = [7, 8, 9].map(|n| UserId(id(n).0));
        end.closed.acted_for = Some(away);
        end.closed.votes.push(voter);
        end.closed.voted_for.insert(voter, of);
        assert_eq!(end.deciders(), [owner().id, away, voter, of].into());
    });
}

#[test]
fn a_test_leaves_no_history() {
    simulated(async {
        let memory = Memory::new(24);
        let runs = waiting(&memory, &gated("Draft", 2), true).await;
        assert!(open(&memory).is_some(), "its gates are open like any other's");
        approve(&runs).await;
        assert!(ends(&memory).is_empty());
    });
}
