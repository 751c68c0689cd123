//! What breaks: processes, their database, the lines between them, their clocks and the disk. One thing at a time, in an order that the seed
//! gives, and each is over before the next one begins; what the product was doing just then is left to chance, and the moments that matter
//! most are found by what is on the line (`wire`).

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use tokio::time::{sleep, timeout};

use super::{
    cluster::Cluster,
    dice::Dice,
    fleet::Fleet,
    wire::{At, Does},
};
use crate::postgres::Postgres;

/// Longer than a lease with both of the looks that end it.
const PAST_LEASE: u64 = 14_000;
/// A statement that is waited for may not come: nothing is to be committed just then.
const COMES_WITHIN: Duration = Duration::from_secs(5);
const MEBIBYTE: usize = 1024 * 1024;
/// The disk of the database is smaller: whoever gets so far fills another one.
const MOST_BALLAST: usize = 1024 * MEBIBYTE;

/// The number is that of a process; times are in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// SIGKILL at a moment that is seen on the line.
    KilledAt { n: usize, does: Does, at: At },
    /// SIGKILL at any moment.
    Killed { n: usize },
    /// SIGSTOP, until others think that it is dead.
    Stopped { n: usize, ms: u64 },
    /// Each is asked to end and started again, one after the other.
    Rolling,
    /// The database ends every session.
    SessionsEnded,
    /// The database is killed.
    DatabaseKilled,
    /// The database is restarted in order.
    DatabaseRestarted,
    /// The database's answers to one are lost.
    AnswersLost { n: usize, ms: u64 },
    /// A server's answers to its clients are lost.
    ClientsUnanswered { n: usize, ms: u64 },
    /// The database answers slowly, to all.
    Slow { latency: u64, ms: u64 },
    /// The clock of one is off, in seconds.
    ClockOff { n: usize, seconds: i64, ms: u64 },
    /// The disk of the database is full.
    DiskFull { ms: u64 },
}

/// What can be broken here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Possible {
    pub(crate) clocks: bool,
    pub(crate) disk: bool,
}

/// All that can happen, each once, in an order of its own.
pub(crate) fn deck(dice: &mut Dice, n_processes: usize, possible: Possible) -> Vec<Fault> {
    let any = |dice: &mut Dice| dice.index(n_processes);
    let mut deck: Vec<Fault> = Vec::new();
    for (does, at) in [
        (Does::Commit, At::Asked),
        (Does::Commit, At::Torn),
        (Does::Commit, At::Answered),
        (Does::Claim, At::Answered),
        (Does::Beat, At::Asked),
    ] {
        deck.push(Fault::KilledAt { n: any(dice), does, at });
    }
    deck.push(Fault::Killed { n: any(dice) });
    deck.push(Fault::Stopped { n: any(dice), ms: PAST_LEASE + dice.between(0, 1_500) });
    deck.extend([Fault::Rolling, Fault::SessionsEnded, Fault::DatabaseKilled, Fault::DatabaseRestarted]);
    deck.push(Fault::AnswersLost { n: any(dice), ms: dice.between(500, 4_000) });
    deck.push(Fault::ClientsUnanswered { n: any(dice), ms: dice.between(500, 3_000) });
    deck.push(Fault::Slow { latency: dice.between(5, 200), ms: dice.between(2_000, 5_000) });
    let (n, hours, is_ahead) = (any(dice), i64::try_from(dice.between(1, 48)).unwrap_or(1), dice.one_in(2));
    let seconds = if is_ahead { hours * 3_600 } else { -hours * 3_600 };
    if possible.clocks {
        deck.push(Fault::ClockOff { n, seconds, ms: dice.between(2_000, 5_000) });
    }
    if possible.disk {
        deck.push(Fault::DiskFull { ms: dice.between(2_000, 6_000) });
    }
    dice.shuffle(&mut deck);
    deck
}

/// What faults are done to.
pub(crate) struct Broken {
    pub(crate) fleet: Fleet,
    pub(crate) cluster: Cluster,
    pub(crate) postgres: Postgres,
    pub(crate) database: String,
    /// A small file system that is the database's alone, if there is one.
    pub(crate) disk: Option<PathBuf>,
}

impl Broken {
    pub(crate) fn possible(&self) -> Possible {
        Possible { clocks: self.fleet.has_clocks(), disk: self.disk.is_some() }
    }

    /// What it is, for whoever reads along.
    pub(crate) fn words(&self, fault: Fault) -> String {
        let name = |n: usize| self.fleet.members.get(n).map_or("?", |member| member.name.as_str());
        match fault {
            Fault::KilledAt { n, does, at } => {
                let when = match at {
                    At::Asked => "before it is sent",
                    At::Torn => "with half of it sent",
                    At::Answered => "done and not answered",
                };
                format!("kill -9 {} at a statement ({does:?}) {when}", name(n))
            }
            Fault::Killed { n } => format!("kill -9 {}", name(n)),
            Fault::Stopped { n, ms } => format!("{} stands still for {ms} ms", name(n)),
            Fault::Rolling => "SIGTERM to each, one after the other".to_owned(),
            Fault::SessionsEnded => "all sessions of the database end".to_owned(),
            Fault::DatabaseKilled => "kill -9 the database".to_owned(),
            Fault::DatabaseRestarted => "the database restarts".to_owned(),
            Fault::AnswersLost { n, ms } => format!("{} hears nothing of the database for {ms} ms", name(n)),
            Fault::ClientsUnanswered { n, ms } => {
                let front = n % 2 + 1;
                format!("clients hear nothing of serve {front} for {ms} ms")
            }
            Fault::Slow { latency, ms } => format!("each answer of the database takes {latency} ms more, for {ms} ms"),
            Fault::ClockOff { n, seconds, ms } => format!("the clock of {} is off by {seconds} s for {ms} ms", name(n)),
            Fault::DiskFull { ms } => format!("the disk of the database is full for {ms} ms"),
        }
    }

    /// Breaks it, and mends what does not mend itself.
    pub(crate) async fn perform(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::KilledAt { n, does, at } => {
                let sprung = self.fleet.members[n].to_database.arm(does, at);
                // Where nothing came it is killed at any moment.
                let _ = timeout(COMES_WITHIN, sprung).await;
                self.fleet.kill(n).await?;
            }
            Fault::Killed { n } => self.fleet.kill(n).await?,
            Fault::Stopped { n, ms } => {
                self.fleet.signal(n, Signal::SIGSTOP);
                pause(ms).await;
                self.fleet.signal(n, Signal::SIGCONT);
            }
            Fault::Rolling => {
                for n in 0..self.fleet.members.len() {
                    self.fleet.renew(n).await?;
                }
            }
            Fault::SessionsEnded => {
                let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE usename = current_user AND pid <> pg_backend_pid()";
                self.postgres.execute(&self.database, end).await?;
            }
            Fault::DatabaseKilled => {
                self.cluster.end(Signal::SIGKILL).await;
                self.cluster.start().await?;
            }
            Fault::DatabaseRestarted => {
                self.cluster.end(Signal::SIGINT).await;
                self.cluster.start().await?;
            }
            Fault::AnswersLost { n, ms } => {
                let proxy = &self.fleet.members[n].to_database;
                proxy.swallow();
                pause(ms).await;
                proxy.heal();
            }
            Fault::ClientsUnanswered { n, ms } => {
                if let Some(front) = self.fleet.front(n) {
                    front.swallow();
                    pause(ms).await;
                    front.heal();
                }
            }
            Fault::Slow { latency, ms } => {
                self.set_latency(latency);
                pause(ms).await;
                self.set_latency(0);
            }
            Fault::ClockOff { n, seconds, ms } => {
                self.fleet.set_clock(n, seconds)?;
                pause(ms).await;
                self.fleet.set_clock(n, 0)?;
            }
            Fault::DiskFull { ms } => self.fill_disk(ms).await?,
        }
        self.fleet.look_after().await
    }

    fn set_latency(&self, milliseconds: u64) {
        for member in &self.fleet.members {
            member.to_database.set_latency(Duration::from_millis(milliseconds));
        }
    }

    async fn fill_disk(&mut self, ms: u64) -> Result<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let ballast = disk.join("ballast");
        let file = ballast.clone();
        tokio::task::spawn_blocking(move || fill(&file, MOST_BALLAST)).await.context("filling the disk panicked")??;
        pause(ms).await;
        fs::remove_file(&ballast).context("cannot make room on the disk again")?;
        // It ends where it cannot write its log, and is started again as whatever places processes does.
        self.cluster.start().await
    }
}

async fn pause(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

/// Whether a folder is a file system of its own, and none that others write on.
pub(crate) fn is_file_system(folder: &Path) -> bool {
    let device = |of: &Path| fs::symlink_metadata(of).ok().map(|meta| meta.dev());
    device(folder).is_some() && device(folder) != folder.parent().and_then(device)
}

/// Writes until there is no room. Where there is more of it than there may be, it was the wrong disk, and is as it was.
fn fill(path: &Path, most_bytes: usize) -> Result<()> {
    let mut file = File::create(path).context("cannot write on the disk of the database")?;
    let (zeros, mut most, mut n_bytes) = (vec![0; MEBIBYTE], MEBIBYTE, 0);
    while most > 0 {
        let n = file.write(&zeros[..most]).unwrap_or_default();
        n_bytes += n;
        if n_bytes > most_bytes {
            fs::remove_file(path).context("cannot make room on the disk again")?;
            bail!("{} is on a disk that is too large to be the database's alone", path.display());
        }
        if n == 0 {
            most /= 2;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_not_the_databases_alone_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let ballast = folder.path().join("ballast");
        assert!(fill(&ballast, 2 * MEBIBYTE).unwrap_err().to_string().contains("too large"));
        assert!(!ballast.exists());
        assert!(!is_file_system(folder.path()) && !is_file_system(&ballast) && is_file_system(Path::new("/proc")));
    }

    const ALL: Possible = Possible { clocks: true, disk: true };

    #[test]
    fn a_seed_gives_its_faults_in_its_order_and_every_deck_has_all() {
        let dealt = |seed, possible| deck(&mut Dice::new(seed, 0), 5, possible);
        assert_eq!(dealt(3, ALL), dealt(3, ALL));
        assert_ne!(dealt(3, ALL), dealt(4, ALL));
        for seed in 0..20 {
            let all = dealt(seed, ALL);
            let n_some = dealt(seed, Possible { clocks: false, disk: false }).len();
            assert_eq!((all.len(), n_some), (16, 14));
            assert!(all.iter().any(|fault| matches!(fault, Fault::DiskFull { .. })));
        }
    }
}
