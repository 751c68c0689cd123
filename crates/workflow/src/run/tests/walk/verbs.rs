//! What people do in a walk: the verbs of a step, held against the table of `verbs`, and those of the run.
//! Must not know why a verb was refused: the table and the design say what had to come.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::Walk;
use crate::{
    StepKey,
    access::Actor,
    api::RerunMode,
    run::{
        Command, Refused, State,
        command::{Changes, Edit, MoveTo},
        state::{Status, Step},
        testing::{Dice, admin, agents, definition, owner},
        tests::world::{approve, reject},
    },
    status::{RunStatus, StepStatus},
    validate,
    verbs::{Expected, Generation, Verb, expected},
    view::BudgetView,
};

impl Walk {
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

    pub(super) fn verb(&mut self) {
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

    pub(super) fn run_verb(&mut self) {
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
}

/// Whether one more rejection ends the step.
fn one_more_ends_it(state: &State, key: &StepKey) -> bool {
    let step = state.step(key).unwrap();
    let most = state.design.step(step.definition_key()).map_or(0, |step| step.review.max_rounds);
    i64::from(step.rounds) >= i64::from(most)
}
