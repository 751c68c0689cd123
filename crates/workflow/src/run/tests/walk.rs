//! Random walks with every command over random definitions with rules, conditions, maps, forms, sub-workflows, gates, limits, keys and
//! budgets: after each command everything holds that must, and the table of `verbs` says what each verb did.
//! `WEFT_WALKS` walks more of them, and so does `WEFT_LONG`.

mod verbs;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use super::world::World;
use crate::{
    StepKey,
    run::{
        Command,
        command::ChildEnded,
        event::EventKind,
        seeded::{Bug, SEEDED},
        state::{Status, Wait, Work},
        testing::{Dice, People, admin, definition, document, is_long, start_of, worker},
    },
    view::BudgetView,
};

/// Numbers that shrink: the smaller, the simpler the walk.
struct Numbers(std::vec::IntoIter<u32>);

impl Dice for Numbers {
    fn roll(&mut self, sides: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % sides.max(1)
    }
}

struct Walk {
    dice: Numbers,
    world: World,
    people: People,
    document: Value,
}

impl Walk {
    fn pick(&mut self) -> StepKey {
        let keys: Vec<StepKey> = self.world.state.steps().map(|step| step.key.clone()).collect();
        keys[self.dice.roll(keys.len())].clone()
    }

    /// One of those that are so now.
    fn pick_where(&mut self, is: impl Fn(&Status) -> bool) -> Option<StepKey> {
        let found = self.world.state.steps().filter(|step| is(&step.status));
        let keys: Vec<StepKey> = found.map(|step| step.key.clone()).collect();
        (!keys.is_empty()).then(|| keys[self.dice.roll(keys.len())].clone())
    }

    fn step(&mut self) {
        match self.dice.roll(24) {
            0..=4 => self.claim(),
            5..=9 => self.result(),
            10 | 11 => self.look(),
            12 => self.end_child(),
            13 => self.wake(),
            14 | 15 => self.run_verb(),
            16 if self.dice.one_in(3) => {
                self.world.tell(&Command::Lost { worker: worker(self.dice.roll(2) as u128) }).unwrap();
            }
            17 => {
                self.world.now += TimeDelta::seconds([1, 2, 4, 8][self.dice.roll(4)]);
                self.world.tell(&Command::TimePassed).unwrap();
            }
            18 => {
                // Somebody took their reservations for orphans.
                let steps = self.world.state.steps().map(|step| step.key.clone()).collect();
                self.world.tell(&Command::Unreserved { steps }).unwrap();
            }
            _ => self.verb(),
        }
    }

    /// Whatever happened, a run that nobody touches any more comes to an end.
    fn end(&mut self) {
        let budget = BudgetView { tokens: Some(1_000_000_000), cost_micros: None };
        for _ in 0..400 {
            if self.world.run_status().is_terminal() {
                return;
            }
            if self.world.state.run.held.is_some() {
                self.world.owner(&Command::Resume { budget: Some(budget) }).unwrap();
            }
            self.world.list = vec![("a".into(), 1)];
            self.world.look();
            self.claim();
            for key in self.world.holding() {
                let kind = self.world.state.design.plan(self.world.step(&key).definition_key()).unwrap().kind.clone();
                if kind == "workflow" {
                    self.hand_over(&key);
                } else {
                    self.world.succeed(&key);
                }
            }
            let children: BTreeSet<_> = self
                .world
                .state
                .steps()
                .filter(|step| matches!(step.status, Status::Running(Work::Child {})))
                .map(|step| (step.key.clone(), step.child_run.unwrap()))
                .collect();
            for (step, child) in children {
                let (result, used) = (Ok(vec![self.world.text("child")]), World::usage(1));
                self.world.tell(&Command::ChildEnded(Box::new(ChildEnded { step, child, result, used }))).unwrap();
            }
            while let Some(key) = self.pick_where(|status| {
                matches!(status, Status::Running(Work::Suspended { wait }) if !matches!(wait, Wait::Over { .. }))
            }) {
                self.world.now += TimeDelta::seconds(5);
                let attempt = self.world.state.attempts(&key).last().unwrap().number;
                self.world.tell(&Command::Wake { step: key, attempt, token: Some("t".into()) }).unwrap();
            }
            while let Some(key) = self.pick_where(|status| matches!(status, Status::AwaitingReview { .. })) {
                let skip = Command::Skip { step: key, inputs: BTreeMap::new(), expect_generation: None };
                self.world.by(Some(&admin()), &skip).unwrap();
            }
            self.world.now += TimeDelta::seconds(40);
        }
        panic!("the run does not end: {:?} {}", self.world.state.run, self.world.shown());
    }
}

/// Walks, and returns the kinds of events that came of it.
fn walk(numbers: Vec<u32>) -> BTreeSet<&'static str> {
    let mut dice = Numbers(numbers.into_iter());
    let document = document(&mut dice);
    let auto_run = !dice.one_in(2);
    let world = World::begun(start_of(&definition(&document), auto_run, BTreeMap::new()));
    let mut walk = Walk { dice, world, people: People::default(), document };
    for _ in 0..80 {
        walk.step();
    }
    assert!(walk.world.fold() == walk.world.state, "folding all events gives the state");
    walk.end();
    assert!(walk.world.fold() == walk.world.state, "folding all events gives the state");
    super::replay::check(&walk.world.events, &walk.world.state);
    walk.world.events.iter().map(|event| event.kind.as_str()).collect()
}

#[expect(clippy::disallowed_methods, reason = "more walks are walked by hand")]
fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seed = [u8::try_from(number("WEFT_SEED", 1) % 256).unwrap(); 32];
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

#[test]
fn whatever_comes_to_a_run_everything_holds_and_it_ends() {
    let kinds = std::cell::RefCell::new(BTreeSet::new());
    runner(number("WEFT_WALKS", if is_long() { 5_000 } else { 100 }))
        .run(&prop::collection::vec(any::<u32>(), 600), |numbers| {
            kinds.borrow_mut().extend(walk(numbers));
            Ok(())
        })
        .unwrap();
    let never: Vec<_> =
        EventKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| !kinds.borrow().contains(kind)).collect();
    assert_eq!(never, ["continued"], "the walks go everywhere");
}

#[test]
fn every_bug_that_is_put_in_is_caught_by_the_walks() {
    let mut runner = runner(1);
    let strategy = prop::collection::vec(any::<u32>(), 600);
    let told = std::panic::take_hook();
    // What is caught here is wanted, and says nothing.
    std::panic::set_hook(Box::new(move |panic| {
        if SEEDED.get().is_none() {
            told(panic);
        }
    }));
    for bug in Bug::ALL {
        let caught = (1..=1_200).find(|_| {
            let numbers = strategy.new_tree(&mut runner).unwrap().current();
            SEEDED.set(Some(bug));
            let walked = std::panic::catch_unwind(|| walk(numbers));
            SEEDED.set(None);
            walked.is_err()
        });
        println!("{bug:?}: caught by walk {caught:?}");
        assert!(caught.is_some(), "{bug:?} is not caught");
    }
}
