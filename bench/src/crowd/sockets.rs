//! Two thousand live sockets of forty people, half of them of runs, half of one's own runs: a third reads, a third slowly, a third never.
//! Runs go on meanwhile, so that there is something to tell. What the server holds in memory is looked at before, during and afterwards.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::{StreamExt, stream};
use tokio::{task::JoinSet, time::sleep};

use super::{
    Size, crew,
    table::Table,
    viewer::{Heard, Reader, Viewer},
};
use crate::{client::Client, definitions::Shape, figures::Bar, lab::Lab, server::Process, watch::At};

/// Runs of each person that go on for all the time, each with two steps a second or so.
const RUNS_OF_EACH: usize = 5;
/// Runs of each that are over at once, a second apart: what the lists are told late is their end.
const SHORT_EVERY: Duration = Duration::from_secs(1);
/// As fast as a person's sockets may be opened without a pause.
const OPENED_AT_ONCE: usize = 50;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The allocator gives back what was freed within seconds.
const SETTLES: Duration = Duration::from_secs(15);
/// Of each socket, those that read nothing among them.
const MOST_KB_EACH: f64 = 256.0;
/// A frame that is later is no live page.
const MOST_LATE_MS: f64 = 5_000.0;

pub(super) async fn measure(lab: &mut Lab, size: Size, table: &mut Table) -> Result<()> {
    let database = lab.fresh_database().await?;
    let tokens = crew::tokens(lab, &database, size.viewers).await?;
    let mut session = lab.session_set(database, &[]).await?;
    let (long, short) = (session.template(Shape::SlowChain).await?, session.template(Shape::Dag).await?);
    let people = crew::clients(&session.client, &tokens);
    let mut runs = Vec::new();
    for person in &people {
        let mut of_person = Vec::new();
        for _ in 0..RUNS_OF_EACH {
            of_person.push(person.start(&long).await?);
        }
        runs.push(of_person);
    }
    sleep(Duration::from_secs(2)).await;
    let before = session.server.resident_mb()?;

    let (of_runs, of_lists) = (Arc::<Heard>::default(), Arc::<Heard>::default());
    let opening = (0..size.sockets).map(|n| open(&people, &runs, n));
    let mut opening = stream::iter(opening).buffer_unordered(OPENED_AT_ONCE);
    let (mut looking, mut n_open) = (JoinSet::new(), 0);
    while let Some(viewer) = opening.next().await {
        let viewer = viewer?;
        n_open += 1;
        let heard = Arc::clone(if viewer.is_of_run() { &of_runs } else { &of_lists });
        looking.spawn(async move { viewer.look(&heard).await });
    }
    let mut starting = JoinSet::new();
    for person in people.clone() {
        let short = short.clone();
        starting.spawn(async move { keep_starting(&person, &short).await });
    }
    let peak = peak(&session.server, Duration::from_secs(size.seconds)).await?;
    starting.abort_all();
    looking.abort_all();
    while looking.join_next().await.is_some() {}
    sleep(SETTLES).await;
    let after = session.server.resident_mb()?;

    let n_asked = f64::from(u32::try_from(size.sockets)?);
    table.count("sockets_open", n_open, Bar::AtLeast(n_asked));
    table.add("sockets_before_mb", before, "MB", Bar::None);
    table.add("sockets_peak_mb", peak, "MB", Bar::None);
    table.add("sockets_after_mb", after, "MB", Bar::None);
    table.add("sockets_kb_each", (peak - before) * 1000.0 / n_asked, "KB", Bar::AtMost(MOST_KB_EACH));
    for (name, heard) in [("sockets_run_late", &of_runs), ("sockets_list_late", &of_lists)] {
        table.times(name, &heard.delays(), Bar::AtMost(MOST_LATE_MS));
        table.count(format!("{name}_frames"), heard.n_frames.load(Ordering::Relaxed), Bar::None);
        // Of those that read: nobody may be cut off who takes what comes.
        table.count(format!("{name}_cut_off"), heard.n_ended.load(Ordering::Relaxed), Bar::AtMost(0.0));
    }
    lab.throw_away(session).await
}

/// The n-th of all: of the people in turns, first a run's and then a list's, and of each a third of every sort.
async fn open(people: &[Client], runs: &[Vec<String>], n: usize) -> Result<Viewer> {
    let (of_whom, nth) = (n % people.len(), n / people.len());
    let person = people.get(of_whom).context("nobody is there")?;
    let reader = Reader::nth(nth / 2);
    if nth.is_multiple_of(2) {
        let of_person = runs.get(of_whom).context("nobody's runs are there")?;
        let run = of_person.get(nth / 2 % RUNS_OF_EACH).context("a run is missing")?;
        return Viewer::open(person, At::Run(run), reader).await;
    }
    Viewer::open(person, At::Mine, reader).await
}

/// Until it is dropped. A start that is refused is left out: it is the load, not what is measured.
async fn keep_starting(person: &Client, template: &str) {
    loop {
        let _ = person.start(template).await;
        sleep(SHORT_EVERY).await;
    }
}

/// The most that it held within this time.
async fn peak(server: &Process, lasts: Duration) -> Result<f64> {
    let (began, mut peak) = (Instant::now(), 0.0);
    while began.elapsed() < lasts {
        peak = f64::max(peak, server.resident_mb()?);
        sleep(LOOK_EVERY).await;
    }
    Ok(peak)
}
