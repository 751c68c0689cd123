//! A process: a whole engine, as a server has it. It ends at any of its waits, or by being asked to, and another one takes its place.

use std::{future::pending, sync::Arc, time::Duration};

use chrono::TimeDelta;
use runs::{
    Unavailable,
    memory::{Connection, Rng},
    sim::{Alive, Held, N_PROCESSES},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use workflow::run::testing::Dice;

use super::{player::Cast, shelf::Drawer, stage::Stage};
use crate::{Dice as Random, Engine, Memory, Options, Shelf, slots::Slots, tasks::Life, work_on_runs_with};

/// Beside the time that it has to drain, while it is awake: to give back, to end its duties, and to sign off.
const LONGEST_LEAVE: Duration = Duration::from_secs(20);
const A_SECOND: Duration = Duration::from_secs(1);

pub(super) fn begin(stage: &Arc<Stage>) {
    for n in 0..N_PROCESSES {
        tokio::spawn(live(Arc::clone(stage), n));
    }
}

async fn live(stage: Arc<Stage>, n: usize) {
    loop {
        let mut rng = stage.world.fork();
        sleep(Duration::from_millis(rng.short(2_000))).await;
        one_life(&stage, n, &mut rng).await;
        stage.world.leave(n);
    }
}

async fn one_life(stage: &Arc<Stage>, n: usize, rng: &mut Rng) {
    let world = &stage.world;
    // Whoever set its clock was wrong by an hour.
    let off = if rng.one_in(3) && !world.is_stopped() { [-1, 1][rng.roll(2)] } else { 0 };
    let connection = Connection::new(world.memory.clone()).with_clock_off(TimeDelta::hours(off));
    let process = Arc::clone(connection.process());
    let life = Life::new(Arc::clone(world), Arc::clone(&process), waits(rng));
    let drain = Duration::from_millis(rng.short(20_000));
    let stop = CancellationToken::new();
    let program = program(Arc::clone(stage), n, connection, Rng::new(rng.draw()), drain, stop.clone());
    let mut program = tokio::spawn(life.own(program));
    tokio::select! {
        biased;
        () = life.over() => {}
        ended = &mut program => {
            if matches!(ended, Ok(Ok(()))) {
                world.violated("an engine ended that was not asked to");
            }
        }
        () = is_asked_to_stop(stage, rng) => {
            stop.cancel();
            let limit = drain + LONGEST_LEAVE;
            tokio::select! {
                biased;
                () = life.over() => {}
                _ = &mut program => {}
                () = awake(&process, limit) => world.violated(format!("an engine is not done {limit:?} after it was asked to end")),
            }
        }
    }
    life.end();
}

/// Some end soon after they began, some live long.
fn waits(rng: &mut Rng) -> u64 {
    match rng.roll(4) {
        0 => 1 + rng.short(1_500),
        1 => 1 + rng.short(20_000),
        _ => u64::MAX,
    }
}

async fn is_asked_to_stop(stage: &Stage, rng: &mut Rng) {
    let most = if rng.one_in(2) { 6_000 } else { 60_000 };
    sleep(Duration::from_millis(rng.short(most))).await;
    if stage.world.is_stopped() {
        pending::<()>().await;
    }
}

/// So long, but for the time that the process stands still.
async fn awake(process: &runs::memory::Process, limit: Duration) {
    let mut left = limit;
    while let Some(then) = left.checked_sub(A_SECOND) {
        sleep(A_SECOND).await;
        if process.stands_still_until() <= Instant::now() {
            left = then;
        }
    }
}

/// What `server` does.
async fn program(
    stage: Arc<Stage>,
    n: usize,
    connection: Connection,
    mut rng: Rng,
    drain: Duration,
    stop: CancellationToken,
) -> Result<(), Unavailable> {
    let log = Arc::new(connection.clone());
    let shelf = Arc::new(Drawer::new(Arc::clone(&stage), connection.clone()));
    let world = Arc::clone(&stage.world);
    let dice = Random::new(move || world.random());
    // Small, so that states are put away and loaded again.
    let of_runs = runs::Options {
        cache_bytes: 60_000 << rng.roll(4),
        parallel_commits: 1 + rng.roll(3),
        ..runs::Options::default()
    };
    let for_runs = Arc::clone(&shelf) as Arc<dyn Shelf>;
    let (runs, _decider) = work_on_runs_with(Arc::clone(&log), for_runs, dice.clone(), of_runs).await?;
    let options = Options {
        slots: 1 + rng.roll(10),
        // From a few attempts at a time to as many as there are places.
        memory: (1024 * 1024) << rng.roll(6),
        drain,
        dice,
        ..Options::default()
    };
    let cast = Cast::new(Arc::clone(&stage), options.slots);
    let engine = Engine::new(runs.clone(), log, shelf, Arc::new(cast), stage.listen(n), options);
    let held = Arc::new(Holds { slots: Arc::clone(&engine.shared.slots), memory: engine.memory() });
    stage.world.enter(n, Alive { runs, connection, held });
    engine.run(stop).await;
    Ok(())
}

/// What an engine may keep too long.
struct Holds {
    slots: Arc<Slots>,
    memory: Memory,
}

impl Held for Holds {
    fn left(&self) -> Option<String> {
        let ((n_promised, n_running), memory) = (self.slots.taken(), self.memory.in_use());
        let is_any = n_promised > 0 || n_running > 0 || memory.attempts > 0 || memory.waiting > 0;
        is_any.then(|| format!("{n_promised} places are promised, {n_running} are taken, and {memory:?} is held"))
    }
}
