//! Chaos: the product's processes over one Postgres, people who start and steer runs, and faults in an order that a seed gives. Afterwards
//! everything is mended, what was begun has to end, and `weft check` looks at what the database holds beside what people were told.
//! The last line is `violations: N`. It must never look away: whatever cannot be broken here is said, and whatever nobody asked for counts.

mod cluster;
mod dice;
mod faults;
mod fleet;
mod people;
mod proxy;
mod settle;
mod wire;
mod world;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use self::{
    cluster::Cluster,
    dice::Dice,
    faults::{Broken, deck},
    fleet::Fleet,
    people::{Person, Told},
    world::Templates,
};
use crate::{client::Client, lab::Lab, postgres::Postgres};

const N_PEOPLE: u64 = 8;
/// Whose numbers the faults are; those after it are people's.
const OF_FAULTS: u64 = 0;

#[derive(Args)]
pub(crate) struct Options {
    /// Where the order of the faults, and what people do, begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long faults come
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The server's binary
    #[arg(long, env = "WEFT_BENCH_WEFT", hide = true)]
    weft: PathBuf,
    /// A file system that is the database's alone, small enough to be filled
    #[arg(long, env = "WEFT_CHAOS_DISK", hide = true)]
    disk: Option<PathBuf>,
    /// The library that gives a process another clock
    #[arg(long, env = "WEFT_CHAOS_FAKETIME", hide = true)]
    faketime: Option<PathBuf>,
    #[command(flatten)]
    start: cluster::Start,
    #[command(flatten)]
    postgres: Postgres,
}

/// How many violations there are.
pub(crate) async fn run(options: Options) -> Result<u32> {
    let began = Instant::now();
    let (seed, postgres) = (options.seed, options.postgres);
    let mut cluster = Cluster::new(options.start, postgres.clone())?;
    cluster.start().await?;
    let mut lab = Lab::open(postgres.clone(), options.weft, 1)?;
    let database = lab.fresh_database().await?;
    let told_file = lab.weft.folder.join("told.jsonl");
    let told = Arc::new(Told::new(&told_file)?);
    let weft = lab.weft.clone();
    let fleet = Fleet::start(weft, &postgres, &database.name, options.faketime.as_deref()).await?;
    let clients: Vec<Client> =
        fleet.fronts().into_iter().map(|front| Client::new(front, database.token.clone())).collect();
    let templates = Templates::publish(clients.first().context("nobody serves")?).await?;
    let mut broken = Broken { fleet, cluster, postgres, database: database.name.clone(), disk: options.disk };
    for (is_there, what) in [
        (broken.possible().clocks, "clocks that jump (there is no libfaketime)"),
        (broken.possible().disk, "a full disk (no small file system could be mounted)"),
    ] {
        if !is_there {
            println!("left out: {what}");
        }
    }

    let (end, is_over) = watch::channel(false);
    let mut people = JoinSet::new();
    for n in 1..=N_PEOPLE {
        let name = format!("person{n}-{seed}");
        let person = Person::new(name, Dice::new(seed, n), clients.clone(), templates.clone(), Arc::clone(&told));
        people.spawn(person.live(is_over.clone()));
    }
    let n_faults = break_things(&mut broken, seed, Duration::from_secs(options.seconds), began).await?;
    end.send_replace(true);
    while let Some(ended) = people.join_next().await {
        ended.context("a person panicked")?;
    }
    let mut violations = settle::settle(&mut broken, &clients).await?;
    violations.extend(std::mem::take(&mut broken.fleet.violations));
    violations.extend(std::mem::take(&mut *told.violations.lock().unwrap_or_else(std::sync::PoisonError::into_inner)));
    let n_checked = settle::check(broken.fleet.weft(), &database.url, &told_file).await?;
    for violation in &violations {
        println!("VIOLATED: {violation}");
    }
    println!(
        "seed {seed}: {n_faults} faults, {} answers that hold, {} answers 500, {:.0} s in all",
        told.count(),
        told.count_broken(),
        began.elapsed().as_secs_f32()
    );
    let n_violations = u32::try_from(violations.len()).unwrap_or(u32::MAX).saturating_add(n_checked);
    println!("violations: {n_violations}");
    Ok(n_violations)
}

/// One deck after the other, until the time is up.
async fn break_things(broken: &mut Broken, seed: u64, lasts: Duration, began: Instant) -> Result<u32> {
    let (mut dice, since, mut n_faults) = (Dice::new(seed, OF_FAULTS), Instant::now(), 0);
    loop {
        for fault in deck(&mut dice, broken.fleet.members.len(), broken.possible()) {
            sleep(Duration::from_millis(dice.between(200, 1_200))).await;
            if since.elapsed() >= lasts {
                return Ok(n_faults);
            }
            println!("{:6.1} s  {}", began.elapsed().as_secs_f32(), broken.words(fault));
            broken.perform(fault).await?;
            n_faults += 1;
        }
    }
}
