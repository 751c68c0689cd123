//! What all processes of a world have in common beside its database: hints on their way, and what is known of every attempt that plays.
//! Here the rules for agents are looked at: none plays twice, for long on a step that is not its worker's, past its time, or with too many
//! others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use runs::sim::{N_PROCESSES, World};
use store::notify::{Hint, Hints};
use workflow::{
    RunId, StepKey,
    hash::sha256_hex,
    id::WorkerId,
    run::testing::Dice,
    run::{
        State,
        state::{Attempt, Status, Work},
    },
};

use super::library::Shop;

pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) shop: Arc<Shop>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    hints: Vec<Hints>,
    /// By the key that the agent is given.
    known: BTreeMap<String, (RunId, StepKey)>,
    /// How often each attempt began in the log, less how often it played: after a failover its number may come again.
    may_play: BTreeMap<(String, i32), i32>,
    /// Of workers outside.
    sessions: BTreeSet<WorkerId>,
}

impl Stage {
    pub(super) fn new(world: Arc<World>, shop: Arc<Shop>) -> Self {
        let inner = Inner { hints: vec![Hints::default(); N_PROCESSES], ..Inner::default() };
        Self { world, shop, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process begins, and hears nothing of what was told before.
    pub(super) fn listen(&self, n: usize) -> Hints {
        let hints = Hints::default();
        if let Some(of) = self.lock().hints.get_mut(n) {
            *of = hints.clone();
        }
        hints
    }

    /// To all, though it may be lost on the way to any.
    pub(super) fn tell(&self, hint: &Hint) {
        let mut rng = self.world.fork();
        for hints in &self.lock().hints {
            if !rng.one_in(4) {
                hints.tell(hint.clone());
            }
        }
    }

    /// An attempt is in the log: its agent may play.
    pub(super) fn learn(&self, state: &State, attempt: &Attempt) {
        let key = key(state.birth.id, &attempt.step, attempt.generation);
        let mut inner = self.lock();
        *inner.may_play.entry((key.clone(), attempt.number)).or_default() += 1;
        inner.known.insert(key, (state.birth.id, attempt.step.clone()));
    }

    pub(super) fn plays(&self, key: &str, attempt: i32) {
        let mut inner = self.lock();
        let left = inner.may_play.entry((key.to_owned(), attempt)).or_default();
        *left -= 1;
        let may_play = *left >= 0;
        drop(inner);
        if !may_play {
            self.world.violated(format!("attempt {attempt} of {} runs more often than it began", self.name(key)));
        }
    }

    pub(super) fn register(&self, session: WorkerId) {
        self.lock().sessions.insert(session);
    }

    pub(super) fn is_session(&self, worker: WorkerId) -> bool {
        self.lock().sessions.contains(&worker)
    }

    /// Whether the log yet has the attempt as one that runs.
    pub(super) fn runs(&self, key: &str, attempt: i32) -> bool {
        let Some((run, step)) = self.lock().known.get(key).cloned() else { return false };
        self.world.memory.with(|stored, _| {
            let state = stored.runs.get(&run).map(|row| &row.state);
            let is_its = |state: &State| {
                let works =
                    state.step(&step).is_some_and(|step| matches!(step.status, Status::Running(Work::Attempt { .. })));
                works && state.attempts(&step).last().is_some_and(|last| last.number == attempt)
            };
            state.is_some_and(is_its)
        })
    }

    /// Seconds that the step gives it.
    pub(super) fn time_limit(&self, key: &str) -> Option<u32> {
        let (run, step) = self.lock().known.get(key).cloned()?;
        self.world.memory.with(|stored, _| {
            let state = &stored.runs.get(&run)?.state;
            Some(state.design.step(state.step(&step)?.definition_key())?.timeout_s)
        })
    }

    pub(super) fn name(&self, key: &str) -> String {
        let known = self.lock().known.get(key).cloned();
        known.map_or_else(|| "nothing".to_owned(), |(run, step)| format!("{step} of run {run}"))
    }
}

/// As the engine promises it to agents.
pub(super) fn key(run: RunId, step: &StepKey, generation: i32) -> String {
    sha256_hex(format!("{run}/{step}/{generation}").as_bytes())
}
