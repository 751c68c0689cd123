//! The gate before each repeat: it waits until the machine does nothing else, and says what it waits for.
//! It must never wait for ever; a repeat that began on a machine in use is counted, and the table says how many there were.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use tokio::time::sleep;

const LOOKS_FOR: Duration = Duration::from_secs(2);
/// What the engines themselves take while they wait for work is below it.
const MOST_BUSY_CORES: f64 = 0.15;
const SAYS_EVERY: Duration = Duration::from_secs(20);

pub(crate) struct Gate {
    /// Of the whole run.
    patience: Duration,
    n_passed: u32,
    n_unquiet: u32,
}

/// Processor time by the kernel's clock, whose unit does not matter.
#[derive(Default, Debug, PartialEq)]
struct Times {
    n_cores: u32,
    busy: u64,
    all: u64,
    /// Of each process, by its id: its name and what it used.
    processes: BTreeMap<u32, (String, u64)>,
}

/// What the machine did between two looks.
struct Load {
    busy_cores: f64,
    /// The busiest processes first.
    by: Vec<(String, f64)>,
}

impl Gate {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, n_passed: 0, n_unquiet: 0 }
    }

    /// Comes back when the machine is quiet, or the patience of the whole run is used up.
    pub(crate) async fn wait(&mut self) {
        self.n_passed += 1;
        let mut said: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let before = Times::read();
            sleep(LOOKS_FOR).await;
            let load = Load::between(&before, &Times::read());
            if load.busy_cores <= MOST_BUSY_CORES {
                return;
            }
            self.patience = self.patience.saturating_sub(began.elapsed());
            if self.patience.is_zero() {
                self.n_unquiet += 1;
                eprintln!("no longer waiting for a quiet machine: {}", load.text());
                return;
            }
            if said.is_none_or(|said| said.elapsed() >= SAYS_EVERY) {
                said = Some(Instant::now());
                eprintln!(
                    "waiting for a quiet machine, for {} s at most in this run: {}",
                    self.patience.as_secs(),
                    load.text()
                );
            }
        }
    }

    pub(crate) fn n_unquiet(&self) -> u32 {
        self.n_unquiet
    }

    pub(crate) fn warning(&self) -> Option<String> {
        let Self { n_passed, n_unquiet, .. } = self;
        (*n_unquiet > 0).then(|| {
            format!(
                "The machine was in use when {n_unquiet} of {n_passed} repeats began: these figures are worth little."
            )
        })
    }
}

impl Load {
    fn between(before: &Times, after: &Times) -> Self {
        let all = difference(after.all, before.all).max(1.0);
        let cores = |time: f64| time / all * f64::from(after.n_cores.max(1));
        let mut by: Vec<(String, f64)> = Vec::new();
        for (id, (name, time)) in &after.processes {
            let earlier = before.processes.get(id).map_or(0, |(_, time)| *time);
            by.push((name.clone(), cores(difference(*time, earlier))));
        }
        by.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self { busy_cores: cores(difference(after.busy, before.busy)), by }
    }

    fn text(&self) -> String {
        let by: Vec<String> = self
            .by
            .iter()
            .take(3)
            .filter(|(_, cores)| *cores >= 0.01)
            .map(|(name, cores)| format!("{name} {cores:.2}"))
            .collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        format!("{:.2} cores are busy{by}, {MOST_BUSY_CORES} are quiet", self.busy_cores)
    }
}

impl Times {
    /// Where the kernel does not say, nothing counts as busy.
    fn read() -> Self {
        let mut times = Self::of(&fs::read_to_string("/proc/stat").unwrap_or_default());
        for entry in fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // It may have ended since.
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            times.processes.extend(process(&stat).map(|process| (id, process)));
        }
        times
    }

    /// user nice system idle iowait irq softirq steal; the guests' are in the first two already.
    fn of(stat: &str) -> Self {
        let mut times = Self::default();
        for line in stat.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("cpu") => {
                    let values: Vec<u64> = words.take(8).filter_map(|word| word.parse().ok()).collect();
                    times.all = values.iter().sum();
                    times.busy = times.all.saturating_sub(values.iter().skip(3).take(2).sum());
                }
                Some(word) if word.starts_with("cpu") => times.n_cores += 1,
                _ => {}
            }
        }
        times
    }
}

/// The name of a process and its time, the kernel's on its behalf included. The name may hold spaces and brackets.
fn process(stat: &str) -> Option<(String, u64)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    let times: Vec<u64> = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    Some((name, times.iter().sum()))
}

/// Ticks of some seconds; far below what a float holds exactly.
fn difference(after: u64, before: u64) -> f64 {
    u32::try_from(after.saturating_sub(before)).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(busy: u64, all: u64, compiler: u64) -> Times {
        let processes = BTreeMap::from([(7, ("rustc".to_owned(), compiler)), (8, ("idle".to_owned(), 5))]);
        Times { n_cores: 2, busy, all, processes }
    }

    #[test]
    fn what_is_busy_is_told_in_cores_with_who_it_is() {
        let load = Load::between(&times(100, 1000, 10), &times(300, 1400, 190));
        assert_eq!(load.text(), "1.00 cores are busy (rustc 0.90), 0.15 are quiet");
        let load = Load::between(&times(100, 1000, 10), &times(100, 1400, 10));
        assert_eq!(load.text(), "0.00 cores are busy, 0.15 are quiet");
    }

    #[test]
    fn the_kernels_tables_are_read() {
        let stat = "cpu  10 1 4 100 20 2 3 1 0 0\ncpu0 5 0 2 50 10 1 2 1 0 0\ncpu1 5 1 2 50 10 1 1 0 0 0\nintr 1\n";
        assert_eq!(Times::of(stat), Times { n_cores: 2, busy: 21, all: 141, processes: BTreeMap::new() });
        let line = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20";
        assert_eq!(process(line), Some(("a (b) c".to_owned(), 42)));
        assert_eq!(process(""), None);
    }
}
