//! Workers outside: programs of somebody else that register, claim, beat, play what they were given, and tell it, or that are gone in the
//! middle of that. What they make tells which attempt made it, as that of the agents inside does.
//! One that may have lost its session must stop by itself, and tell nothing of what is not its own any more.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use runs::{Content, memory::Rng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use workflow::{
    ArtifactId, RunId,
    hash::sha256_hex,
    run::{
        Command,
        command::AttemptResult,
        state::{Attempt, NewVersion, Wait},
        testing::Dice,
    },
    status::ErrorClass,
};

use super::{
    gateway::{self, Beaten, Place, Session, finished},
    stage::{self, Stage},
};

const N_PROGRAMS: usize = 2;
const PLACES: usize = 6;
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// Three quarters of a lease: then a program stops its tasks by itself.
const STOPS_AFTER: Duration = Duration::from_secs(15);
/// Looks at an attempt that is over, before that is a mistake: it stops at a beat, or when there was none for so long.
const MOST_LOOKS_TOO_LATE: u32 = 100;

pub(super) fn begin(stage: &Arc<Stage>) {
    for _ in 0..N_PROGRAMS {
        tokio::spawn(live(Arc::clone(stage)));
    }
    tokio::spawn(gateway::end_due(Arc::clone(stage)));
}

async fn live(stage: Arc<Stage>) {
    loop {
        let mut rng = stage.world.fork();
        sleep(Duration::from_millis(rng.short(3_000))).await;
        let Some(session) = Session::register(&stage).await else { continue };
        let program = Arc::new(Program { session, tasks: Mutex::default() });
        // Whichever ends first, nothing of the other goes on.
        tokio::select! {
            biased;
            () = work(&program, &mut rng) => {}
            () = is_killed(&stage) => {}
        }
    }
}

async fn is_killed(stage: &Stage) {
    let mut rng = stage.world.fork();
    let most = if rng.one_in(2) { 9_000 } else { 120_000 };
    sleep(Duration::from_millis(1_000 + rng.short(most))).await;
    if stage.world.is_stopped() {
        pending::<()>().await;
    }
}

struct Program {
    session: Session,
    /// What it was given and plays, each under a number of its own.
    tasks: Mutex<BTreeMap<Place, (u64, CancellationToken)>>,
}

/// Who plays an attempt; no more when dropped.
struct Playing<'p> {
    program: &'p Program,
    place: Place,
    n: u64,
}

impl Drop for Playing<'_> {
    fn drop(&mut self) {
        let mut tasks = self.program.tasks();
        if tasks.get(&self.place).is_some_and(|(n, _)| *n == self.n) {
            tasks.remove(&self.place);
        }
    }
}

impl Program {
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<Place, (u64, CancellationToken)>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_all(&self) {
        self.tasks().values().for_each(|(_, cancel)| cancel.cancel());
    }

    /// It has a task. The same once more is of another history of the database, where what it does already never began.
    fn begins(&self, place: &Place, n: u64) -> CancellationToken {
        let cancel = CancellationToken::new();
        if let Some((_, before)) = self.tasks().insert(place.clone(), (n, cancel.clone())) {
            before.cancel();
        }
        cancel
    }
}

/// Until its session is over: then it stops what it plays.
async fn work(program: &Arc<Program>, rng: &mut Rng) {
    let stage = &program.session.stage;
    let mut playing = JoinSet::new();
    let beats = beat(program);
    tokio::pin!(beats);
    loop {
        let pause = Duration::from_millis(20 + rng.short(1_000));
        tokio::select! {
            biased;
            () = &mut beats => return,
            () = sleep(pause) => {}
        }
        while playing.try_join_next().is_some() {}
        let n_free = PLACES.saturating_sub(program.tasks().len());
        if n_free == 0 {
            continue;
        }
        let begun = tokio::select! {
            biased;
            () = &mut beats => return,
            begun = program.session.claim(rng, n_free) => begun,
        };
        for (run, attempt) in begun {
            // Now and then a task is lost on the way to it: no beat will name it.
            if !rng.one_in(8) {
                playing.spawn(play(Arc::clone(program), stage.world.fork(), run, attempt));
            }
        }
    }
}

async fn beat(program: &Program) {
    let mut last = Instant::now();
    loop {
        sleep(BEAT_EVERY).await;
        let (sent, named) = (Instant::now(), program.tasks().keys().cloned().collect());
        match program.session.beat(&named).await {
            Beaten::Gone => return,
            Beaten::NoAnswer if last.elapsed() > STOPS_AFTER => program.stop_all(),
            Beaten::NoAnswer => {}
            Beaten::Ok { fenced } => {
                last = sent;
                let tasks = program.tasks();
                fenced.iter().filter_map(|place| tasks.get(place)).for_each(|(_, cancel)| cancel.cancel());
            }
        }
    }
}

async fn play(program: Arc<Program>, mut rng: Rng, run: RunId, attempt: Attempt) {
    let stage = &program.session.stage;
    let place: Place = (run, attempt.step.clone(), attempt.number);
    let key = stage::key(run, &attempt.step, attempt.generation);
    let n = rng.draw();
    let cancel = program.begins(&place, n);
    let _playing = Playing { program: &program, place: place.clone(), n };
    stage.plays(&key, attempt.number);
    let looks = if rng.one_in(10) { 4 + rng.roll(80) } else { rng.roll(8) };
    let hangs = rng.one_in(12) && !stage.world.is_stopped();
    let is_through = pass(stage, &mut rng, &key, attempt.number, if hangs { usize::MAX } else { looks });
    // Nothing is told of what is not its own any more.
    if cancel.run_until_cancelled(is_through).await.is_none() {
        return;
    }
    let (command, contents) = end(&program, &mut rng, &place, &key);
    cancel.run_until_cancelled(gateway::tell(stage, &mut rng, &place, command, contents)).await;
}

/// Time passes in slices, in each of which it is looked at whether it is yet to play.
async fn pass(stage: &Stage, rng: &mut Rng, key: &str, attempt: i32, looks: usize) {
    let mut n_late = 0;
    for _ in 0..looks {
        sleep(Duration::from_millis(200 + rng.short(100))).await;
        n_late = if stage.runs(key, attempt) { 0 } else { n_late + 1 };
        if n_late > MOST_LOOKS_TOO_LATE {
            stage
                .world
                .violated(format!("attempt {attempt} of {} goes on outside although it is over", stage.name(key)));
            return;
        }
    }
}

fn end(program: &Program, rng: &mut Rng, place: &Place, key: &str) -> (Command, Vec<Content>) {
    let session = &program.session;
    let result = match rng.roll(16) {
        0 => AttemptResult::Released,
        n @ 1..=3 => {
            let class = [ErrorClass::Permanent, ErrorClass::Server, ErrorClass::RateLimit][n - 1];
            let error = if rng.one_in(10) { "no\0" } else { "no" };
            let retry_after_ms = rng.one_in(3).then(|| rng.short(4_000));
            AttemptResult::Failed { class, error: error.to_owned(), retry_after_ms }
        }
        4 | 5 => {
            let (_, step, attempt) = place.clone();
            let wait = Wait::Callback { token: "t".into() };
            return (Command::Suspend { step, attempt, worker: session.id, wait }, Vec::new());
        }
        _ => {
            let bytes = format!("{key} {} null", place.2).into_bytes();
            let hash = sha256_hex(&bytes);
            let version = NewVersion {
                id: ArtifactId(session.stage.world.new_id()),
                name: "text".to_owned(),
                media_type: if rng.one_in(40) { "text/plain\0" } else { "text/plain" }.to_owned(),
                content_hash: hash.clone(),
                value_hash: None,
                size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                copy_of: None,
            };
            let done = finished(place, session.id, AttemptResult::Succeeded(vec![version]));
            return (Command::Finished(Box::new(done)), vec![Content { hash, bytes: bytes.into() }]);
        }
    };
    (Command::Finished(Box::new(finished(place, session.id, result))), Vec::new())
}
