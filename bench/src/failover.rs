//! Failover: the product over a Postgres that Patroni keeps on two nodes, with `HAProxy` before them. The primary is lost under load, again
//! and again, and the next time only when the standby is in sync; a client writes down what it was told.
//! The last line is `violations: N`. What Patroni takes to notice is told apart from what the product takes to go on.

mod cluster;
mod node;
mod table;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::time::{sleep, timeout};

use self::{
    cluster::{Cluster, Plan},
    node::Loss,
    table::{Failover, table},
};
use crate::{
    chaos::{crowd::Crowd, dice::Dice, fleet::Fleet, settle, world::Templates},
    lab::Lab,
    postgres::Postgres,
};

const N_WORK: usize = 2;
/// Whose numbers these are, as in the chaos; those after it are people's.
const OF_LOSSES: u64 = 0;
/// After a primary answers, work has to go on.
const GOES_ON_WITHIN: Duration = Duration::from_secs(15);
/// Whatever takes longer than this is not waited for any more.
const GIVE_UP: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A standby that takes no notice of a lost primary would be waited for, and so would an answer that never comes.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);
/// Where it is tried whether anything can be written.
const PROBE: &str = "weft_probe";

#[derive(Args)]
pub(crate) struct Options {
    /// Where what people do begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long the primary is lost again and again
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The server's binary
    #[arg(long, env = "WEFT_BENCH_WEFT", hide = true)]
    weft: PathBuf,
    /// What is to be started, as JSON
    #[arg(long, env = "WEFT_FAILOVER_PLAN", hide = true)]
    plan: String,
    #[command(flatten)]
    postgres: Postgres,
}

/// How many violations there are.
pub(crate) async fn run(options: Options) -> Result<u32> {
    let Options { seed, seconds, weft, plan, postgres } = options;
    let plan: Plan = serde_json::from_str(&plan).context("the plan is none")?;
    let mut cluster = Cluster::start(plan)?;
    println!("waiting for a primary and a standby that is in sync");
    cluster.until_in_sync(GIVE_UP).await?;
    let mut lab = Lab::open(postgres.clone(), weft, 1)?;
    let database = lab.fresh_database().await?;
    postgres.create_database(PROBE).await?;
    postgres.execute(PROBE, "CREATE TABLE probes (at timestamptz NOT NULL)").await?;
    let mut fleet = Fleet::start(lab.weft.clone(), N_WORK, &postgres, &database.name, None).await?;
    let clients = fleet.clients(&database.token);
    let templates = Templates::publish(clients.first().context("nobody serves")?).await?;
    let mut crowd = Crowd::gather(&lab.weft.folder, seed, &clients, &templates)?;

    let mut world = World { cluster, postgres, database: database.name.clone(), dice: Dice::new(seed, OF_LOSSES) };
    let (began, mut done, mut late) = (Instant::now(), Vec::new(), Vec::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        // Each sort in turn.
        let loss = if done.len().is_multiple_of(2) { Loss::Machine } else { Loss::Database };
        let failover = world.lose(loss, crowd.told().count()).await?;
        println!("{}", failover.line(done.len() + 1));
        if failover.work > GOES_ON_WITHIN {
            let seconds = failover.work.as_secs_f32();
            late.push(format!("failover {}: work went on {seconds:.1} s after a primary answered", done.len() + 1));
        }
        done.push(failover);
        fleet.look_after().await?;
    }
    world.cluster.until_in_sync(GIVE_UP).await?;
    crowd.go_home().await?;
    let mut violations = settle::finish(&mut fleet, &world.postgres, &world.database, &clients).await?;
    violations.append(&mut late);
    let n_violations = crowd.judge(&mut fleet, violations, &database.url).await?;
    println!("\n{}", table(&done));
    println!(
        "seed {seed}: {} failovers, {} answers that hold, {} answers 500, {:.0} s",
        done.len(),
        crowd.told().count(),
        crowd.told().count_broken(),
        began.elapsed().as_secs_f32()
    );
    world.cluster.end().await;
    println!("violations: {n_violations}");
    Ok(n_violations)
}

/// What is lost, and who is asked about it.
struct World {
    cluster: Cluster,
    postgres: Postgres,
    /// The product's.
    database: String,
    dice: Dice,
}

impl World {
    /// Loses the primary once its standby is in sync, and waits until work goes on. `n_told`: answers that people had until then.
    async fn lose(&mut self, loss: Loss, n_told: u32) -> Result<Failover> {
        let (primary, standby) = self.cluster.until_in_sync(GIVE_UP).await?;
        // Under load, at any moment of it.
        sleep(Duration::from_millis(self.dice.between(2_000, 6_000))).await;
        let before = self.postgres.ask_anew(&self.database, "SELECT clock_timestamp()").await?;
        let killed = Instant::now();
        self.cluster.lose(primary, loss).await?;
        until("another one has the leader's lock", async || self.cluster.has_lock(standby).await).await?;
        let detection = killed.elapsed();
        // Whoever places processes starts what is gone; before, it would only have taken up its lock again.
        self.cluster.bring_back(primary)?;
        until("somebody answers who is no standby", async || self.is_primary().await).await?;
        let promotion = killed.elapsed();
        until("something can be written", async || self.writes().await).await?;
        let (answers, at) = (killed.elapsed(), Instant::now());
        let n_before = self.n_succeeded().await.context("nobody answers after all")?;
        until("work goes on", async || self.n_succeeded().await.is_some_and(|n| n > n_before)).await?;
        let work = at.elapsed();
        until("what was lost is taken over", async || self.is_taken_over(&before).await).await?;
        let taken_over = at.elapsed();
        Ok(Failover { loss, detection, promotion, answers, work, taken_over, n_told })
    }

    async fn ask(&self, database: &str, sql: &str) -> Option<String> {
        let asked = timeout(ANSWERS_WITHIN, self.postgres.ask_anew(database, sql));
        asked.await.ok()?.ok()
    }

    async fn is_primary(&self) -> bool {
        self.ask(PROBE, "SELECT pg_is_in_recovery()").await.is_some_and(|answer| answer == "f")
    }

    /// Without a standby nobody is told that anything was written, so this waits for one.
    async fn writes(&self) -> bool {
        self.ask(PROBE, "INSERT INTO probes VALUES (clock_timestamp())").await.is_some()
    }

    async fn n_succeeded(&self) -> Option<u64> {
        let count = "SELECT count(*) FROM attempts WHERE outcome = 'succeeded'";
        self.ask(&self.database, count).await?.parse().ok()
    }

    /// Nobody holds a step any more who was there before. `before`: a moment by the database's clock.
    async fn is_taken_over(&self, before: &str) -> bool {
        let held = format!(
            "SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.lease_worker WHERE w.started_at <= '{before}'"
        );
        self.ask(&self.database, &held).await.is_some_and(|n| n == "0")
    }
}

/// Looks again and again. What never comes is an error that says what was waited for.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_so().await {
        if began.elapsed() > GIVE_UP {
            bail!("after {} s it is still not so: {what}", GIVE_UP.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
