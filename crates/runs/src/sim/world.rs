//! One world: its database, its processes, the people, and what goes wrong. Everything in it comes from one seed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use workflow::{
    AgentCatalog,
    access::Actor,
    hash::sha256_hex,
    id::{ArtifactId, RunId, StepKey, TemplateId, UserId},
    run::{
        Command, RunEvent, Voters,
        command::{AttemptResult, NewRun, Start},
        state::NewVersion,
        testing::{Dice, People, definition, owner},
    },
    validate,
    view::StepOfRun,
};

use super::{
    Report,
    crowd::{Crowd, Crowds},
};
use crate::{
    answer::{Answer, Error},
    ask::Ask,
    commit::Content,
    memory::{Connection, Faults, Memory, Rng},
    runs::Runs,
};

pub const N_PROCESSES: usize = 3;
/// The database is lost in one of so many pauses; in some worlds far more often, which find what only follows on that.
const FAILOVER_IN: usize = 50;
const RESTLESS_FAILOVER_IN: usize = 12;
const RESTLESS_IN: u64 = 4;

/// A process that is there.
pub struct Alive {
    pub runs: Runs,
    pub connection: Connection,
    pub held: Arc<dyn Held>,
}

/// What a process holds beside the log.
pub trait Held: Send + Sync {
    /// What it yet holds, in a world in which nothing runs and nothing is on its way.
    fn left(&self) -> Option<String>;
}

/// Random documents, of runs that are so deep among sub-workflows.
pub type Documents = dyn Fn(&mut Rng, i32) -> Value + Send + Sync;

/// What the runs of a world are made of.
pub struct Library {
    pub agents: AgentCatalog,
    pub document: Box<Documents>,
}

pub struct World {
    pub memory: Memory,
    pub(crate) agents: Arc<AgentCatalog>,
    library: Library,
    rng: Mutex<Rng>,
    /// Who there is, and what they are just now.
    people: Mutex<People>,
    /// The processes that are there now.
    alive: Mutex<Vec<Option<Alive>>>,
    /// All that ever were, for their counts.
    all: Mutex<Vec<Runs>>,
    /// Questions that are not answered yet.
    open: Mutex<BTreeMap<u64, (Instant, String)>>,
    n_asked: AtomicU64,
    is_stopped: AtomicBool,
    pub(crate) crowds: Crowds,
    /// The database is lost in one of so many pauses.
    failover_in: usize,
    crashes: AtomicU64,
    failovers: AtomicU64,
}

impl World {
    pub fn new(seed: u64, library: Library) -> Arc<Self> {
        let mut rng = Rng::new(seed);
        Arc::new(Self {
            memory: Memory::new(rng.draw()),
            agents: Arc::new(library.agents.clone()),
            library,
            rng: Mutex::new(rng),
            people: Mutex::default(),
            alive: Mutex::new((0..N_PROCESSES).map(|_| None).collect()),
            all: Mutex::new(Vec::new()),
            open: Mutex::new(BTreeMap::new()),
            n_asked: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            crowds: Crowds::default(),
            failover_in: if seed.is_multiple_of(RESTLESS_IN) { RESTLESS_FAILOVER_IN } else { FAILOVER_IN },
            crashes: AtomicU64::new(0),
            failovers: AtomicU64::new(0),
        })
    }

    /// The n-th process is there, and takes part in everything.
    pub fn enter(&self, n: usize, process: Alive) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(process.runs.clone());
        self.set(n, Some(process));
    }

    /// It is gone.
    pub fn leave(&self, n: usize) {
        self.set(n, None);
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, n: usize, to: Option<Alive>) {
        let before = self.alive().get_mut(n).map(|alive| std::mem::replace(alive, to));
        // What it holds may end with it, and that is not to be under the lock.
        drop(before);
    }

    fn alive(&self) -> MutexGuard<'_, Vec<Option<Alive>>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn violated(&self, what: impl Into<String>) {
        self.memory.with(|_, checks| checks.violated(what));
    }

    /// Time passes, and sometimes the database is lost, or a process stands still.
    pub(crate) async fn chaos(&self, pause: Duration) {
        sleep(pause).await;
        let mut rng = self.fork();
        if rng.one_in(self.failover_in) {
            self.memory.replicate();
            sleep(Duration::from_millis(rng.short(900))).await;
            self.memory.fail_over();
            self.failovers.fetch_add(1, Ordering::Relaxed);
        }
        if rng.one_in(8) {
            let alive = self.alive();
            if let Some(process) = alive.get(rng.roll(N_PROCESSES)).and_then(Option::as_ref) {
                process.connection.process().stall(Duration::from_millis(rng.short(45_000)));
            }
        }
    }

    /// Nothing goes wrong any more, and nobody does anything.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.memory.set_faults(Faults::NONE);
    }

    /// As long as it is there no process has room for another step.
    pub(crate) fn crowd(&self) -> Crowd {
        self.crowds.begin()
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub fn n_failovers(&self) -> u64 {
        self.failovers.load(Ordering::Relaxed)
    }

    /// What was told may be gone: then asking again is another question.
    pub fn may_have_gone_back(&self) -> bool {
        self.n_failovers() > 0
    }

    /// Random numbers of their own.
    pub fn fork(&self) -> Rng {
        Rng::new(self.rng.lock().unwrap_or_else(PoisonError::into_inner).draw())
    }

    pub fn random(&self) -> u128 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).next_u128()
    }

    pub fn pick(&self, rng: &mut Rng) -> Option<Runs> {
        self.alive().get(rng.roll(N_PROCESSES)).and_then(Option::as_ref).map(|process| process.runs.clone())
    }

    /// Decisions, and events applied to the log.
    pub(crate) fn steps(&self) -> u64 {
        self.decisions() + self.memory.with(|_, checks| checks.n_applied)
    }

    fn decisions(&self) -> u64 {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|runs| runs.stats().decisions.load(Ordering::Relaxed)).sum()
    }

    /// Asks, and looks at what is answered.
    pub async fn ask(&self, runs: &Runs, ask: Ask) -> Result<Answer, Error> {
        let (run, is_poisoned) = (ask.run, is_poisoned(&ask.command));
        let seq = || self.memory.with(|stored, _| stored.runs.get(&run).map_or(0, |row| row.state.seq));
        let (before, failovers) = (seq(), self.failovers.load(Ordering::Relaxed));
        let name = word(&ask.command);
        // Nothing comes between looking who they are and asking.
        let people = self.people().clone();
        let question = Question::new(self, format!("run {run}: {name}"));
        let result = runs.execute(ask).await;
        drop(question);
        if let Ok(answer) = &result {
            self.look_at_gates(answer.run, &answer.events, &people);
        }
        let is_same_history = self.failovers.load(Ordering::Relaxed) == failovers;
        self.memory.with(|_, checks| match &result {
            Ok(answer) if answer.run != run => {}
            Ok(answer) if !answer.events.is_empty() => {
                if is_same_history {
                    checks.told(run, &answer.events);
                }
            }
            Ok(Answer { seq, .. }) | Err(Error::Refused { seq, .. }) => {
                if *seq < before && is_same_history {
                    checks.violated(format!("run {run}: {name} was asked at {before} and answered as of {seq}"));
                }
            }
            Err(Error::Data(_)) if !is_poisoned => {
                checks.violated(format!("run {run}: {name} could be stored, but was told that it cannot"));
            }
            Err(_) => {}
        });
        result
    }

    /// A question that waits for its answer longer than that.
    pub(crate) fn unanswered(&self, longer_than: Duration) -> Option<String> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, what) = open.values().next()?;
        (asked.elapsed() > longer_than).then(|| format!("{what} is not answered"))
    }

    // ---- people

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody joins, leaves, is disabled or enabled, gives their reviews away or takes them back.
    pub(crate) fn change_people(&self, rng: &mut Rng) {
        let at = self.memory.now();
        self.people().change(rng, at);
    }

    /// Somebody as they come in now, and everybody as they stand; none where they cannot sign in.
    pub(crate) fn comes_in(&self, who: UserId) -> Option<(Actor, Arc<Voters>)> {
        let people = self.people();
        Some((people.actor(who)?, Arc::new(people.voters())))
    }

    pub(crate) fn anybody(&self, rng: &mut Rng) -> Option<UserId> {
        Some(self.people().somebody(rng)?.id)
    }

    /// Whether gates passed as they should, by people as they stood when it was looked who they are.
    fn look_at_gates(&self, run: RunId, events: &[Arc<RunEvent>], people: &People) {
        let closed: Vec<_> = events.iter().flat_map(|event| &event.data.reviews).collect();
        if closed.is_empty() {
            return;
        }
        let wrong = self.memory.with(|stored, _| {
            let state = &stored.runs.get(&run)?.state;
            closed.iter().find_map(|closed| {
                let asked = &state.design.step(state.step(&closed.step)?.definition_key())?.review;
                people.wrong_approval(closed, asked, state.birth.user_id)
            })
        });
        if let Some(wrong) = wrong {
            self.violated(format!("run {run}: {wrong}"));
        }
    }

    // ---- what there is to run

    pub(crate) fn new_run(&self, rng: &mut Rng, parent: Option<(StepOfRun, i32)>) -> Start {
        let depth = parent.as_ref().map_or(1, |(_, depth)| depth + 1);
        let definition = definition(&(self.library.document)(rng, depth));
        let (plan, _) = validate(&definition, &self.agents);
        let auto_run = !rng.one_in(3);
        let mut start = Start::of(NewRun {
            id: RunId(self.new_id()),
            template_id: TemplateId(Uuid::from_u128(2)),
            template_name: "T".into(),
            template_version: 1,
            definition: Arc::new(definition),
            plan: &plan,
            agents: &self.agents,
            inputs: BTreeMap::new(),
            auto_run,
            user_id: owner().id,
            is_test: false,
        });
        start.run.parent = parent.map(|(of, _)| of);
        start.run.depth = depth;
        start
    }

    pub fn new_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().to_be_bytes()).into_uuid()
    }

    /// What somebody wrote, with its content.
    pub(crate) fn text(&self, rng: &mut Rng) -> (NewVersion, Content) {
        let poison = if rng.one_in(150) { "\0" } else { "" };
        let id = ArtifactId(self.new_id());
        let n = rng.next_u128();
        let text = if n.is_multiple_of(3) { "yes".to_owned() } else { format!("{n:x}") };
        let hash = sha256_hex(text.as_bytes());
        let version = NewVersion {
            id,
            name: "text".into(),
            media_type: format!("text/plain{poison}"),
            content_hash: hash.clone(),
            value_hash: None,
            size: i64::try_from(text.len()).unwrap_or(i64::MAX),
            copy_of: None,
        };
        (version, Content { hash, bytes: text.into_bytes().into() })
    }

    /// Runs that are not over, and now and then any.
    pub(crate) fn pick_run(&self, rng: &mut Rng) -> Option<RunId> {
        let any = rng.one_in(8);
        let found: Vec<RunId> = self.memory.with(|stored, _| {
            let runs = stored.runs.iter().filter(|(_, row)| any || !row.state.run.status.is_terminal());
            runs.map(|(run, _)| *run).collect()
        });
        found.get(rng.roll(found.len())).copied()
    }

    pub(crate) fn n_open(&self) -> usize {
        self.memory.with(|stored, _| stored.runs.values().filter(|row| !row.state.run.status.is_terminal()).count())
    }

    /// What processes hold although nothing runs.
    pub(crate) fn left(&self) -> Option<String> {
        self.alive().iter().flatten().find_map(|process| process.held.left())
    }

    pub(crate) fn report(&self, report: &mut Report) {
        let (applied, runs, violations) = self.memory.with(|stored, checks| {
            checks.finish(stored);
            (checks.n_applied, stored.runs.len(), std::mem::take(&mut checks.violations))
        });
        let seed = report.worlds;
        report.worlds += 1;
        report.decisions += self.decisions();
        report.applied += applied;
        report.steps = report.decisions + report.applied;
        report.runs += runs as u64;
        report.failovers += self.failovers.load(Ordering::Relaxed);
        report.crashes += self.crashes.load(Ordering::Relaxed);
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        report.lost += all.iter().map(|runs| runs.stats().lost.load(Ordering::Relaxed)).sum::<u64>();
        report.alone += all.iter().map(|runs| runs.stats().alone.load(Ordering::Relaxed)).sum::<u64>();
        report.violations.extend(violations.into_iter().map(|what| (seed, what)));
    }
}

/// Somebody waits for an answer; one who crashed does not.
struct Question<'w> {
    world: &'w World,
    n: u64,
}

impl<'w> Question<'w> {
    fn new(world: &'w World, what: String) -> Self {
        let n = world.n_asked.fetch_add(1, Ordering::Relaxed);
        world.open.lock().unwrap_or_else(PoisonError::into_inner).insert(n, (Instant::now(), what));
        Self { world, n }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.world.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.n);
    }
}

/// Whether the database cannot hold what it would come to.
fn is_poisoned(command: &Command) -> bool {
    let unfit = |versions: &[NewVersion]| versions.iter().any(|version| version.media_type.contains('\0'));
    match command {
        Command::Finished(done) | Command::CalledBack { done, .. } => match &done.result {
            AttemptResult::Succeeded(versions) => unfit(versions),
            AttemptResult::Failed { error, .. } => error.contains('\0'),
            AttemptResult::Released | AttemptResult::Lost => false,
        },
        Command::Edit(edit) => unfit(&edit.outputs),
        Command::Supply { outputs, .. } => unfit(outputs),
        Command::Adopt { versions } => versions.values().any(|versions| unfit(versions)),
        Command::Reject { feedback, .. } => feedback.contains('\0'),
        Command::ChildEnded(ended) => ended.result.as_deref().is_ok_and(unfit),
        Command::Judged(judged) => match &judged.judgement {
            workflow::run::command::Judgement::Collected(Ok(versions)) => unfit(versions),
            _ => false,
        },
        _ => false,
    }
}

/// Which command it is; all of it only where that costs nothing.
fn word(command: &Command) -> String {
    match command {
        Command::Start(_) => "Start".to_owned(),
        Command::Finished(done) => format!("Finished {}", done.step),
        Command::Judged(judged) => format!("Judged {}", judged.step),
        Command::Edit(edit) => format!("Edit {}", edit.step),
        Command::ChildEnded(ended) => format!("ChildEnded {}", ended.step),
        Command::Adopt { .. } => "Adopt".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A step that is part of a run, if it has one.
pub(crate) fn pick_step(rng: &mut Rng, keys: Vec<StepKey>) -> Option<StepKey> {
    let n = rng.roll(keys.len());
    keys.into_iter().nth(n)
}
