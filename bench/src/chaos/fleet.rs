//! The processes of the product: two that serve and some that work, each with a way of its own to the database, and those that serve with
//! one from their clients. Who ends is started again, as whatever places processes does.
//! A process that ends without being asked to is a violation: no database and no clock may end one.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::proxy::Proxy;
use crate::{
    client::Client,
    postgres::Postgres,
    server::{Process, Weft},
};

const N_SERVE: usize = 2;
/// Of the chaos.
pub(crate) const N_WORK: usize = 3;
/// How often a start that fails is tried again: the database may be away.
const STARTS_WITHIN: Duration = Duration::from_mins(3);

pub(crate) struct Member {
    pub(crate) name: String,
    what: &'static str,
    database: OsString,
    pub(crate) to_database: Proxy,
    /// Of those that serve.
    front: Option<Proxy>,
    /// What its clock is off by, where that can be set.
    clock: Option<PathBuf>,
    settings: Vec<(&'static str, OsString)>,
    process: Option<Process>,
}

pub(crate) struct Fleet {
    weft: Weft,
    pub(crate) members: Vec<Member>,
    /// What nobody asked for.
    pub(crate) violations: Vec<String>,
}

impl Fleet {
    /// `faketime`: a library that gives a process another clock.
    pub(crate) async fn start(
        weft: Weft,
        n_work: usize,
        postgres: &Postgres,
        database: &str,
        faketime: Option<&Path>,
    ) -> Result<Self> {
        let mut members = Vec::new();
        for n in 0..N_SERVE + n_work {
            let is_serve = n < N_SERVE;
            let what = if is_serve { "serve" } else { "work" };
            let name = format!("{what} {}", if is_serve { n + 1 } else { n + 1 - N_SERVE });
            let to_database = match postgres.tcp_port() {
                Some(port) => Proxy::to_port(port).await?,
                None => Proxy::to_postgres(postgres.socket()).await?,
            };
            let front = if is_serve { Some(Proxy::to_port(0).await?) } else { None };
            let (clock, settings) = match faketime {
                Some(library) => {
                    let clock = weft.folder.join(format!("clock-{n}"));
                    set_clock(&clock, 0)?;
                    let settings = clock_settings(library, &clock);
                    (Some(clock), settings)
                }
                None => (None, Vec::new()),
            };
            let url = postgres.url_through(to_database.port(), database);
            members.push(Member { name, what, database: url, to_database, front, clock, settings, process: None });
        }
        let mut fleet = Self { weft, members, violations: Vec::new() };
        for n in 0..fleet.members.len() {
            fleet.begin(n).await?;
        }
        Ok(fleet)
    }

    pub(crate) fn weft(&self) -> &Weft {
        &self.weft
    }

    /// Where clients reach those that serve, whatever happens to them.
    fn fronts(&self) -> Vec<String> {
        let fronts = self.members.iter().filter_map(|member| member.front.as_ref());
        fronts.map(|front| format!("http://127.0.0.1:{}", front.port())).collect()
    }

    /// Whoever has this token, at each server.
    pub(crate) fn clients(&self, token: &str) -> Vec<Client> {
        self.fronts().into_iter().map(|front| Client::new(front, token.to_owned())).collect()
    }

    /// Starts one that is not there.
    pub(crate) async fn begin(&mut self, n: usize) -> Result<()> {
        let began = Instant::now();
        let (weft, member) = (&self.weft, &mut self.members[n]);
        loop {
            match weft.start(&member.database, member.what, &member.settings).await {
                Ok((process, address)) => {
                    if let (Some(front), Some(port)) = (&member.front, port_of(&address)) {
                        front.lead_to(port);
                    }
                    member.process = Some(process);
                    return Ok(());
                }
                Err(error) if began.elapsed() > STARTS_WITHIN => {
                    return Err(error.context(format!("{} does not start", member.name)));
                }
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
    }

    /// As a crash, or whoever is out of memory, ends one.
    pub(crate) async fn kill(&mut self, n: usize) -> Result<()> {
        if let Some(process) = self.members[n].process.take() {
            process.kill().await;
        }
        self.members[n].to_database.heal();
        self.begin(n).await
    }

    /// Asks one to end, and starts it again: what an update does.
    pub(crate) async fn renew(&mut self, n: usize) -> Result<()> {
        self.end(n).await;
        self.begin(n).await
    }

    /// Asks one to end, which it has to do well and in time.
    pub(crate) async fn end(&mut self, n: usize) {
        let member = &mut self.members[n];
        let Some(process) = member.process.take() else { return };
        let words = process.last_words();
        match process.stop().await {
            Some(status) if status.success() => {}
            Some(status) => {
                self.violations.push(format!("{} was asked to end and did so with {status}\n{words}", member.name));
            }
            None => self.violations.push(format!("{} was asked to end and did not within 40 s\n{words}", member.name)),
        }
    }

    pub(crate) fn signal(&self, n: usize, signal: Signal) {
        if let Some(process) = &self.members[n].process {
            process.signal(signal);
        }
    }

    /// Whoever ended unasked is told of, and started again.
    pub(crate) async fn look_after(&mut self) -> Result<()> {
        for n in 0..self.members.len() {
            let member = &mut self.members[n];
            let Some(process) = &mut member.process else { continue };
            if let Some(status) = process.ended() {
                let words = process.last_words();
                self.violations.push(format!("{} ended by itself with {status}\n{words}", member.name));
                member.process = None;
                self.begin(n).await?;
            }
        }
        Ok(())
    }

    /// Whether clocks can be set here.
    pub(crate) fn has_clocks(&self) -> bool {
        self.members.iter().all(|member| member.clock.is_some())
    }

    pub(crate) fn set_clock(&self, n: usize, seconds: i64) -> Result<()> {
        match &self.members[n].clock {
            Some(clock) => set_clock(clock, seconds),
            None => Ok(()),
        }
    }

    /// Answers to clients of the n-th that serves are lost, or arrive again.
    pub(crate) fn front(&self, n: usize) -> Option<&Proxy> {
        self.members.get(n % N_SERVE).and_then(|member| member.front.as_ref())
    }
}

fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.trim_end_matches('/').parse().ok()
}

/// Only what people call the time is another: what a process measures by goes on.
fn clock_settings(library: &Path, clock: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library.into()),
        ("FAKETIME_TIMESTAMP_FILE", clock.into()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

/// Read by a process that may be somebody else's, at every look at its clock: it is never half written.
fn set_clock(clock: &Path, seconds: i64) -> Result<()> {
    let new = clock.with_extension("new");
    fs::write(&new, format!("{seconds:+}\n"))
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&new, clock))
        .context("cannot set a clock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_written_as_its_library_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock = folder.path().join("clock-1");
        for (seconds, expected) in [(0, "+0\n"), (90, "+90\n"), (-3600, "-3600\n")] {
            set_clock(&clock, seconds).unwrap();
            assert_eq!(fs::read_to_string(&clock).unwrap(), expected);
        }
    }

    #[test]
    fn the_port_is_read_from_what_a_server_says() {
        assert_eq!(port_of("http://127.0.0.1:4711"), Some(4711));
        assert_eq!(port_of("http://127.0.0.1:4711/"), Some(4711));
        assert_eq!(port_of(""), None);
    }
}
