//! Some worlds without a mistake, and each seeded mistake, which has to be found in a stated number of steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use runs::sim::missed;
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};

use super::{Report, Simulation, simulate};
use crate::bugs::Bug;

fn simulated(seed: u64, steps: u64, bug: Option<Bug>) -> Report {
    simulate(&Simulation { seed, steps, stop_at_violation: true }, bug)
}

/// Worlds that are tried for a mistake, and how long each lives. What a seed draws changes with every rule, so no seed is named.
const WORLDS: u64 = 144;
const STEPS: u64 = 6_000;

#[test]
fn nothing_is_violated_wherever_an_engine_crashes() {
    let reports: Vec<Report> = (1..=5).map(|seed| simulated(seed, STEPS, None)).collect();
    let violations: Vec<_> = reports.iter().flat_map(|report| &report.violations).collect();
    assert_eq!(violations, Vec::<&(u64, String)>::new());
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let is_rough =
        sum(|report| report.lost) > 0 && sum(|report| report.crashes) > 0 && sum(|report| report.failovers) > 0;
    assert!(is_rough, "{reports:?}");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let one = simulated(11, 4_000, None);
    assert_eq!(one, simulated(11, 4_000, None));
}

#[test]
fn every_seeded_mistake_of_the_engine_is_found() {
    assert_eq!(missed(Bug::ALL, WORLDS, |seed, bug| simulated(seed, STEPS, Some(bug))), []);
}

/// What an operator sees who asks for everything: each span with its fields.
#[derive(Default)]
struct Spans(Mutex<BTreeMap<&'static str, BTreeSet<&'static str>>>);

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let fields = span.metadata().fields().iter().map(|field| field.name());
        self.0.lock().unwrap().entry(span.metadata().name()).or_default().extend(fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn an_operator_can_follow_claims_attempts_judgements_messages_commits_and_what_the_dead_left() {
    let spans = Arc::new(Spans::default());
    // With one who listens alone, what other tests come upon first is switched off for it as well.
    let _other = Dispatch::new(Spans::default());
    let report = with_default(Arc::clone(&spans), || simulated(3, STEPS, None));
    assert_eq!(report.violations, []);
    let seen = spans.0.lock().unwrap();
    for (name, fields) in [
        ("claim", &["worker.id"][..]),
        ("attempt", &["run.id", "step.key", "attempt", "worker.id"]),
        ("judge", &["run.id", "step.key"]),
        ("message", &["run.id", "from"]),
        ("commit", &["run.ids", "is_again"]),
        ("alone", &["run.id"]),
        ("sweep", &[]),
        ("recover", &["worker.id"]),
    ] {
        let found = seen.get(name).unwrap_or_else(|| panic!("no span `{name}` in {seen:?}"));
        assert!(fields.iter().all(|field| found.contains(field)), "{name}: {found:?}");
    }
}
