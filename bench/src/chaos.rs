//! Chaos: the product's processes over one Postgres, people who start and steer runs, and faults in an order that a seed gives. Afterwards
//! everything is mended, what was begun has to end, and `weft check` looks at what the database holds beside what people were told.
//! The last line is `violations: N`. It must never look away: whatever cannot be broken here is said, and whatever nobody asked for counts.

mod cluster;
pub(crate) mod crowd;
pub(crate) mod dice;
mod faults;
pub(crate) mod fleet;
mod people;
mod proxy;
pub(crate) mod settle;
mod wire;
pub(crate) mod world;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::time::sleep;

use self::{
    cluster::Cluster,
    crowd::Crowd,
    dice::Dice,
    faults::{Broken, deck, is_file_system},
    fleet::{Fleet, N_WORK},
    world::Templates,
};
use crate::{lab::Lab, postgres::Postgres};

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
    // libfaketime keeps what it shares by the user that began a process, and ends one that becomes another.
    let weft = if options.faketime.is_some() { lab.weft.clone().never_root()? } else { lab.weft.clone() };
    let fleet = Fleet::start(weft, N_WORK, &postgres, &database.name, options.faketime.as_deref()).await?;
    let clients = fleet.clients(&database.token);
    let templates = Templates::publish(clients.first().context("nobody serves")?).await?;
    let disk = options.disk.filter(|disk| is_file_system(disk));
    let mut broken = Broken { fleet, cluster, postgres, database: database.name.clone(), disk };
    for (is_there, what) in [
        (broken.possible().clocks, "clocks that jump (there is no libfaketime)"),
        (broken.possible().disk, "a full disk (no small file system could be mounted)"),
    ] {
        if !is_there {
            println!("left out: {what}");
        }
    }

    let mut crowd = Crowd::gather(&lab.weft.folder, seed, &clients, &templates)?;
    let n_faults = break_things(&mut broken, seed, Duration::from_secs(options.seconds), began).await?;
    crowd.go_home().await?;
    let violations = settle::settle(&mut broken, &clients).await?;
    let n_violations = crowd.judge(&mut broken.fleet, violations, &database.url).await?;
    println!(
        "seed {seed}: {n_faults} faults, {} answers that hold, {} answers 500, {} runs to be deleted, {:.0} s in all",
        crowd.told().count(),
        crowd.told().count_broken(),
        crowd.told().count_deleted(),
        began.elapsed().as_secs_f32()
    );
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
