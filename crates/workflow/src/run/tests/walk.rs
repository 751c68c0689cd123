//! Random walks with every command over random definitions with rules, conditions, maps, forms, sub-workflows, gates, limits, keys and
//! budgets: after each command everything holds that must, and the table of `verbs` says what each verb did.
//! `WEFT_WALKS` walks more of them, and so does `WEFT_LONG`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::TimeDelta;
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, approve, reject};
use crate::{
    StepKey,
    access::Actor,
    api::RerunMode,
    id::RunId,
    run::{
        Command, Refused, State,
        command::{AttemptResult, Changes, ChildEnded, Edit, Finished, Judged, MoveTo},
        event::EventKind,
        seeded::{Bug, SEEDED},
        state::{Status, Step, Wait, Work},
        testing::{Dice, People, admin, agents, definition, document, is_long, owner, start_of, worker},
    },
    status::{ErrorClass, RunStatus, StepStatus},
    validate,
    verbs::{Expected, Generation, Verb, expected},
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

    fn verb_command(&mut self, verb: Verb, key: &StepKey) -> Option<Command> {
        let (n, key) = (self.dice.roll(3), key.clone());
        let text = self.world.text(&format!("by hand {n}"));
        Some(match verb {
            Verb::Trigger => Command::Trigger { step: key, changes: Changes::default(), expect_generation: None },
            Verb::Continue => approve(key.as_str()),
            Verb::Edit => {
                // The service lets nobody edit what was never made.
                self.world.state.latest(&key).next()?;
                Command::Edit(Box::new(Edit {
                    step: key,
                    outputs: vec![text],
                    and_continue: self.dice.one_in(2),
                    digest: None,
                    expect_generation: None,
                }))
            }
            Verb::Reject => reject(key.as_str(), "again"),
            Verb::Skip => Command::Skip { step: key, inputs: BTreeMap::new(), expect_generation: None },
            Verb::Supply => Command::Supply { step: key, outputs: vec![text], expect_generation: None },
            Verb::Stop => Command::Stop { step: key, expect_generation: None },
            Verb::Rerun => {
                let mode = RerunMode::ALL[if n < 2 { n } else { 2 + self.dice.roll(2) }];
                Command::Rerun { step: key, mode, changes: Changes::default(), expect_generation: None }
            }
            Verb::Rollback => {
                let older: Vec<_> =
                    self.world.state.versions(&key, "text").iter().filter(|version| !version.is_latest).collect();
                let artifact = older.get(self.dice.roll(older.len().max(1)))?.id;
                Command::Rollback { artifact, expect_generation: None }
            }
        })
    }

    fn verb(&mut self) {
        let mut verb = Verb::ALL[self.dice.roll(Verb::ALL.len())];
        let mut key = self.pick();
        let waiting = self.pick_where(|status| matches!(status, Status::AwaitingReview { .. }));
        if let Some(waiting) = waiting.filter(|_| self.dice.one_in(2)) {
            key = waiting;
            let third = if self.has_votes(&key) { Verb::Continue } else { Verb::Supply };
            verb = [Verb::Continue, Verb::Continue, Verb::Edit, Verb::Reject, third][self.dice.roll(5)];
        }
        let Some(command) = self.verb_command(verb, &key) else { return };
        // What becomes of people matters most while some of them have voted.
        if self.dice.one_in(if self.has_votes(&key) { 2 } else { 5 }) {
            self.people.change(&mut self.dice, self.world.now);
        }
        let before = self.world.state.clone();
        let step = before.step(&key).unwrap().clone();
        let by = self.somebody(verb, &step);
        self.world.voters = self.people.voters();
        let n_before = self.world.events.len();
        let outcome = self.world.by(Some(&by), &command);
        for closed in self.world.events[n_before..].iter().flat_map(|event| &event.data.reviews) {
            let asked = before.step(&closed.step).and_then(|step| before.design.step(step.definition_key()));
            let wrong = asked.and_then(|asked| self.people.wrong_approval(closed, &asked.review, owner().id));
            assert_eq!(wrong, None);
        }
        let at = format!("{} of {key}, which is {:?}: {outcome:?}", verb.as_str(), step.status);
        let is_cancelled = before.run.status == RunStatus::Cancelled;
        match (&outcome, expected(verb, step.status.word())) {
            (Ok(kinds), Expected::Done { becomes, events, generation }) => {
                assert!(!is_cancelled, "{at}");
                let now = self.world.state.step(&key).unwrap();
                let is_at_once = kinds.len() == 1;
                // A budget that is used up may fail at once what the verb queued.
                assert!(becomes.contains(&now.status.word()) || !is_at_once, "{at}: it is {:?}", now.status);
                // Beside today's table: the last rejection ends the step, and needs no generation to keep its words in.
                let is_last = verb == Verb::Reject && one_more_ends_it(&before, &key);
                match generation {
                    Generation::Next if is_last => assert_eq!(now.generation, step.generation, "{at}"),
                    Generation::Same => assert_eq!(now.generation, step.generation, "{at}"),
                    Generation::Next => assert_eq!(now.generation, step.generation + 1, "{at}"),
                }
                assert!(events.contains(&kinds[0]), "{at}");
                let first = &self.world.events[self.world.events.len() - kinds.len()];
                assert_eq!(first.actor, Some(by.id), "{at}");
            }
            (Err(Refused::Status(_)), Expected::Refused(_)) | (Err(Refused::AlreadyVoted | Refused::Bound(_)), _) => {}
            (Err(Refused::NotCollecting(_)), _) => assert!(step.item.is_some(), "{at}"),
            (Err(Refused::Status(StepStatus::Cancelled)), _) if is_cancelled => {}
            (Err(Refused::Unanswered), _) => assert!(self.world.is_form(key.as_str()), "{at}"),
            (Err(Refused::NothingToRefresh), Expected::Done { .. }) => {
                assert!(matches!(command, Command::Rerun { mode: RerunMode::Stale, .. }), "{at}");
            }
            (_, wanted) => panic!("{at}, but the table says {wanted:?}"),
        }
    }

    fn has_votes(&self, key: &StepKey) -> bool {
        self.world.step(key.as_str()).review().is_some_and(|review| !review.votes.is_empty())
    }

    /// Who asks: where a gate asks for it, also somebody else, and whoever approved there comes again.
    fn somebody(&mut self, verb: Verb, step: &Step) -> Actor {
        let review = step.review().filter(|_| verb.is_decision());
        let last = review.and_then(|review| review.votes.last().copied());
        let other = match self.dice.roll(4) {
            3 => self.people.actor(admin().id),
            2 => self.people.somebody(&mut self.dice),
            1 => last.and_then(|last| self.people.actor(last)).or_else(|| self.people.somebody(&mut self.dice)),
            _ => None,
        };
        let may = |other: &Actor| other.is_admin() || review.is_some_and(|review| review.asks(other, owner().id));
        other.filter(may).unwrap_or_else(|| self.people.actor(owner().id).unwrap())
    }

    fn claim(&mut self) {
        let mut keys = self.world.claimable();
        keys.truncate(1 + self.dice.roll(4));
        let by = worker(self.dice.roll(2) as u128);
        self.world.tell(&Command::StartSteps { worker: by, build: None, steps: keys }).unwrap();
    }

    fn result(&mut self) {
        let held = self.world.holding();
        if held.is_empty() {
            return;
        }
        let key = held[self.dice.roll(held.len())].clone();
        let failed = |class| AttemptResult::Failed { class, error: "no".into(), retry_after_ms: None };
        let is_sub = self.world.state.design.plan(self.world.step(&key).definition_key()).unwrap().kind == "workflow";
        let result = match self.dice.roll(8) {
            7 => failed(ErrorClass::Permanent),
            6 => failed(ErrorClass::Server),
            5 if self.world.state.seq % 2 == 0 => AttemptResult::Released,
            5 => AttemptResult::Lost,
            4 | 3 if !is_sub => return self.suspend(&key),
            _ if is_sub => return self.hand_over(&key),
            _ if self.world.is_form(&key) => AttemptResult::Succeeded(Vec::new()),
            _ => AttemptResult::Succeeded(vec![self.world.text("made")]),
        };
        let is_let_go = matches!(result, AttemptResult::Released | AttemptResult::Lost);
        let mut command = self.world.finished(&key, result);
        if let Command::Finished(done) = &mut command {
            done.usage = (!is_let_go).then(|| World::usage(5));
        }
        self.world.tell(&command).unwrap();
        // An answer that was lost is asked for again, and does nothing.
        let before = self.world.state.seq;
        assert_eq!(self.world.tell(&command), Ok(Vec::new()));
        assert_eq!(self.world.state.seq, before);
    }

    fn suspend(&mut self, key: &str) {
        let step: StepKey = key.into();
        let attempt = self.world.state.attempts(&step).last().unwrap().clone();
        let wait = match self.dice.roll(3) {
            0 => Wait::Person {},
            1 => Wait::Callback { token: "t".into() },
            _ => Wait::Until { at: self.world.now + TimeDelta::seconds(3) },
        };
        let (attempt, worker) = (attempt.number, attempt.worker.unwrap());
        self.world.tell(&Command::Suspend { step, attempt, worker, wait }).unwrap();
    }

    fn hand_over(&mut self, key: &str) {
        let step: StepKey = key.into();
        let attempt = self.world.state.attempts(&step).last().unwrap().clone();
        let child = RunId(Uuid::from_u128(50_000 + self.world.events.len() as u128));
        let command = Command::HandedOver {
            step,
            attempt: attempt.number,
            worker: attempt.worker.unwrap(),
            child,
            inputs: Vec::new(),
        };
        self.world.tell(&command).unwrap();
    }

    fn end_child(&mut self) {
        let steps: Vec<_> =
            self.world.state.steps().filter_map(|step| Some((step.key.clone(), step.child_run?))).collect();
        if steps.is_empty() {
            return;
        }
        let (step, child) = steps[self.dice.roll(steps.len())].clone();
        let result = if self.dice.one_in(3) { Err("it failed".to_owned()) } else { Ok(vec![self.world.text("child")]) };
        let used = World::usage(7);
        self.world.tell(&Command::ChildEnded(Box::new(ChildEnded { step, child, result, used }))).unwrap();
    }

    fn wake(&mut self) {
        let is = |status: &Status| matches!(status, Status::Running(Work::Suspended { .. }));
        if let Some(step) = self.pick_where(is) {
            let attempt = self.world.state.attempts(&step).last().unwrap().number;
            let waits = Status::Running(Work::Suspended { wait: Wait::Callback { token: "t".into() } });
            if self.world.step(step.as_str()).status == waits && self.dice.one_in(2) {
                self.call_back(&step, attempt);
                return;
            }
            let wake = Command::Wake { step, attempt, token: Some("t".into()) };
            let outcome = self.world.tell(&wake);
            assert!(matches!(outcome, Ok(_) | Err(Refused::Outdated)), "{outcome:?}");
        }
    }

    /// Somebody outside ends the attempt, and tells it once more.
    fn call_back(&mut self, step: &StepKey, attempt: i32) {
        let is_form =
            self.world.state.design.plan(self.world.step(step.as_str()).definition_key()).unwrap().kind == "human";
        let result = match self.dice.roll(3) {
            0 => AttemptResult::Failed { class: ErrorClass::Server, error: "no".into(), retry_after_ms: None },
            _ if is_form => AttemptResult::Succeeded(Vec::new()),
            _ => AttemptResult::Succeeded(vec![self.world.text("called")]),
        };
        let Command::Finished(done) = self.world.finished(step.as_str(), result) else { return };
        let done = Box::new(Finished { attempt, ..*done });
        let command = Command::CalledBack { token: "t".into(), done };
        self.world.tell(&command).unwrap();
        assert_eq!(self.world.tell(&command), Ok(Vec::new()));
    }

    fn look(&mut self) {
        let key = self.world.state.undecided().next().map(|step| step.key.clone());
        if let Some(key) = key {
            let sets: [&[(&str, i64)]; 4] = [&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1), ("c", 3)], &[("a", 9)], &[]];
            let list = sets[self.dice.roll(4)].iter().map(|(key, value)| ((*key).to_owned(), *value));
            self.world.list = list.collect();
            let judgement = self.world.judgement(&key);
            let epoch = self.world.state.step(&key).unwrap().decision_epoch;
            self.world.answer(&key, &judgement).unwrap();
            // An answer that comes again, or late, is passed over.
            let read = BTreeSet::new();
            let late = Judged { step: key, epoch, read, judgement };
            assert_eq!(self.world.tell(&Command::Judged(Box::new(late))), Err(Refused::Outdated));
        }
        self.world.grant();
    }

    fn move_to(&mut self) {
        let mut next = self.document.clone();
        let steps = next["steps"].as_object_mut().unwrap();
        match self.dice.roll(4) {
            0 => steps["s0"]["prompt"] = json!(format!("other {}", self.dice.roll(5))),
            1 => {
                steps.insert("extra".into(), json!({"agent_id": "echo", "depends_on": ["s0"]}));
            }
            2 if steps.contains_key("extra") => {
                steps.shift_remove("extra");
            }
            _ => steps["s1"]["trigger_rule"] = json!("all_done"),
        }
        let definition = definition(&next);
        let (plan, _) = validate(&definition, &agents());
        let to = MoveTo { template_version: 2, template_name: "T2".into(), definition: Arc::new(definition), plan };
        if self.world.owner(&Command::Move(Box::new(to))).is_ok() {
            self.document = next;
        }
    }

    fn run_verb(&mut self) {
        let command = match self.dice.roll(8) {
            0 | 1 => Command::SetAutoRun(self.dice.one_in(2)),
            2 => Command::Pause,
            3 | 4 => {
                let budget = BudgetView { tokens: Some(1_000_000), cost_micros: None };
                Command::Resume { budget: self.dice.one_in(2).then_some(budget) }
            }
            5 => return self.move_to(),
            6 => {
                let (key, text) = (self.pick(), self.world.text("adopted"));
                Command::Adopt { versions: [(key, vec![text])].into() }
            }
            _ if self.dice.one_in(6) => Command::Cancel,
            _ => return,
        };
        let before = self.world.state.clone();
        if self.world.owner(&command).is_err() {
            assert!(self.world.state == before);
        }
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

/// Whether one more rejection ends the step.
fn one_more_ends_it(state: &State, key: &StepKey) -> bool {
    let step = state.step(key).unwrap();
    let most = state.design.step(step.definition_key()).map_or(0, |step| step.review.max_rounds);
    i64::from(step.rounds) >= i64::from(most)
}
