//! A process: it registers, works, stands still, crashes at any moment, and another one takes its place.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures::future::join_all;
use tokio::{task::JoinSet, time::sleep};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::{Command, testing::Dice},
};

use super::{
    attempt, children,
    inside::Inside,
    judging,
    slots::Slots,
    world::{Alive, Held, N_PROCESSES, World},
};
use crate::{
    ask::Ask,
    bugs::{Bug, is_on},
    clock::Clock,
    log::{Beat, Log, Ready, Want},
    memory::{Connection, Rng},
    options::Options,
    reserving::reserved,
    runs::Runs,
    shared::Surroundings,
};

/// A worker that was not heard of for so long, at two looks, is dead.
const LEASE: Duration = Duration::from_secs(10);
/// Claimed at once.
const MOST_CLAIMED: usize = 12;

pub(crate) fn begin(world: &Arc<World>) {
    for n in 0..N_PROCESSES {
        tokio::spawn(live(Arc::clone(world), n));
    }
}

async fn live(world: Arc<World>, n: usize) {
    loop {
        let mut rng = world.fork();
        sleep(Duration::from_millis(rng.short(2_000))).await;
        one_life(&world, n, &mut rng).await;
    }
}

async fn one_life(world: &Arc<World>, n: usize, rng: &mut Rng) {
    let connection = Connection::new(world.memory.clone());
    let Ok(now) = connection.clock().await else { return };
    // Whoever set it was wrong by an hour.
    let off = if rng.one_in(3) && !world.is_stopped() { [-1, 1][rng.roll(2)] } else { 0 };
    let memory = world.memory.clone();
    let random = Arc::clone(world);
    let around = Surroundings {
        clock: Clock::new(now + TimeDelta::hours(off), Box::new(move || memory.elapsed())),
        random: Box::new(move || random.random()),
    };
    // Small, so that states are put away and loaded again.
    let options =
        Options { cache_bytes: 60_000 << rng.roll(4), parallel_commits: 1 + rng.roll(3), ..Options::default() };
    let (runs, driver) = Runs::new(Arc::new(connection.clone()), Arc::new(around), options);
    let slots = Arc::new(Slots::new(world.crowds.clone()));
    runs.set_taker(Arc::clone(&slots) as Arc<dyn crate::Taker>);
    let held = Arc::clone(&slots) as Arc<dyn Held>;
    world.enter(n, Alive { runs: runs.clone(), connection: connection.clone(), held });
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    tasks.spawn(workers(Arc::clone(world), runs, connection, slots));
    crash(world, Duration::from_millis(1_000 + rng.short(90_000))).await;
    // Whatever it was just waiting for, it does not go on.
    tasks.shutdown().await;
    world.leave(n);
}

/// One worker after the other: one that is dead, or whose database is another one, begins anew, with what its process knows.
async fn workers(world: Arc<World>, runs: Runs, connection: Connection, slots: Arc<Slots>) {
    loop {
        let worker = WorkerId(world.new_id());
        let Ok(Beat::Alive { timeline }) = connection.beat(worker).await else {
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        slots.begin(Some(worker));
        let (runs, connection, slots) = (runs.clone(), connection.clone(), Arc::clone(&slots));
        let inside = Inside { world: Arc::clone(&world), runs, connection, worker, slots };
        let mut tasks = JoinSet::new();
        tasks.spawn(work(inside.clone(), world.fork()));
        heartbeat(&inside, timeline).await;
        inside.slots.begin(None);
        tasks.shutdown().await;
    }
}

async fn crash(world: &World, after: Duration) {
    sleep(after).await;
    while world.is_stopped() {
        sleep(Duration::from_mins(10)).await;
    }
}

/// Until it is told that it is dead, or that the database is another one.
async fn heartbeat(inside: &Inside, timeline: i64) {
    loop {
        sleep(Duration::from_secs(2)).await;
        if inside.connection.beat(inside.worker).await.is_ok_and(|now| now != Beat::Alive { timeline }) {
            return;
        }
        // If it cannot be reached, the next look does it.
        let _ = inside.connection.sweep(LEASE).await;
    }
}

async fn work(inside: Inside, mut rng: Rng) {
    let mut attempts = JoinSet::new();
    loop {
        let pause = 2 + rng.short(if inside.world.is_stopped() { 800 } else { 120 });
        sleep(Duration::from_millis(pause)).await;
        while attempts.try_join_next().is_some() {}
        if rng.one_in(2) || inside.world.is_stopped() {
            claim(&inside).await;
        }
        for (run, step, number) in inside.slots.take_begun() {
            let (inside, rng) = (inside.clone(), Rng::new(rng.draw()));
            attempts.spawn(async move {
                attempt::run(&inside, rng, run, step, number).await;
                inside.slots.ended(inside.worker);
            });
        }
        for run in inside.slots.take_look() {
            judging::judge(&inside, &mut rng, run).await;
        }
        look(&inside, &mut rng).await;
        if !is_on(Bug::InboxByHintOnly) || rng.one_in(2) && !inside.world.is_stopped() {
            children::inbox(&inside, &mut rng).await;
        }
    }
}

async fn claim(inside: &Inside) {
    let places = Promised { slots: &inside.slots, n: inside.slots.promise(MOST_CLAIMED) };
    if places.n == 0 {
        return;
    }
    let kinds = ["template", "human", "workflow"].map(str::to_owned);
    let Ok(found) = inside.connection.claimable(inside.worker, &kinds, None, &[], places.n).await else { return };
    let mut of_run: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
    for Ready { run, step, .. } in found {
        of_run.entry(run).or_default().push(step);
    }
    let start = |(run, steps): (RunId, Vec<StepKey>)| async move {
        let command = Command::StartSteps { worker: inside.worker, build: None, steps };
        (run, inside.world.ask(&inside.runs, Ask::itself(run, command)).await)
    };
    let answers = join_all(of_run.into_iter().map(start)).await;
    drop(places);
    for (run, answer) in answers {
        // What is not answered may be written: then its worker holds it, until it is dead.
        if let Ok(answer) = answer {
            inside.slots.begin_all(run, &answer.events);
        }
    }
}

/// Places for a claim, free again when it is over, however it ends.
struct Promised<'s> {
    slots: &'s Slots,
    n: usize,
}

impl Drop for Promised<'_> {
    fn drop(&mut self) {
        self.slots.kept(self.n);
    }
}

/// What waits for whoever looks first.
async fn look(inside: &Inside, rng: &mut Rng) {
    let Ok(waiting) = inside.connection.waiting(20).await else { return };
    for run in waiting.undecided {
        judging::judge(inside, rng, run).await;
    }
    let due = waiting.due.into_iter().map(|run| Ask::itself(run, Command::TimePassed));
    let lost = waiting.lost.into_iter().map(|lost| Ask::itself(lost.run, Command::Lost { worker: lost.worker }));
    join_all(due.chain(lost).map(|ask| inside.world.ask(&inside.runs, ask))).await;
    let wants = waiting.reserving.into_iter().map(|(run, step, limits)| Want { run, step, limits });
    let wants: Vec<Want> = wants.collect();
    let granted = inside.connection.reserve(&wants).await.unwrap_or_default();
    for (run, command) in reserved(wants, granted) {
        // If it is not written, the place is orphaned, and the step asks again.
        let _ = inside.world.ask(&inside.runs, Ask::itself(run, command)).await;
    }
}
