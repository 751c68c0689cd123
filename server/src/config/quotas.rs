//! What one person, and the workers of one token, may take up, and how long a statement may take: numbers, or `off`.
//! Zero is refused: it would keep everybody out, and whoever writes it means `off`.

use std::{fmt, time::Duration};

use clap::Args;

const OFF: &str = "off";
const RUNNING_RUNS: &str = "WEFT_USER_RUNNING_RUNS";
const BYTES_PER_DAY: &str = "WEFT_USER_BYTES_PER_DAY";
const TOKEN_BYTES_PER_DAY: &str = "WEFT_WORKER_TOKEN_BYTES_PER_DAY";
const REQUESTS_PER_SECOND: &str = "WEFT_USER_REQUESTS_PER_SECOND";
pub(super) const STATEMENT_TIMEOUT: &str = "WEFT_STATEMENT_TIMEOUT_S";

/// The defaults are far above what a person with many tabs does, and far below what hurts others.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Quotas of each person, and of each worker token")]
pub struct Quotas {
    /// Runs of one person that are not over; off for any number
    #[arg(long = "user-running-runs", env = RUNNING_RUNS, default_value = "100", value_name = "N", value_parser = running_runs)]
    running_runs: Limit,
    /// What the requests of one person store in a day of UTC, in bytes or such as 512MiB; off for any amount
    #[arg(long = "user-bytes-per-day", env = BYTES_PER_DAY, default_value = "1GiB", value_name = "SIZE", value_parser = bytes_per_day)]
    bytes_per_day: Limit,
    /// Content that outside workers with one token send in a day of UTC, in bytes or such as 512GiB; off for any amount
    #[arg(long = "worker-token-bytes-per-day", env = TOKEN_BYTES_PER_DAY, default_value = "64GiB", value_name = "SIZE", value_parser = token_bytes_per_day)]
    token_bytes_per_day: Limit,
    /// Requests of one person in a second, and four times as many at once; off for any number
    #[arg(long = "user-requests-per-second", env = REQUESTS_PER_SECOND, default_value = "50", value_name = "N", value_parser = requests_per_second)]
    requests_per_second: Limit,
}

impl Quotas {
    /// What the store holds people to.
    pub fn limits(&self) -> store::quotas::Limits {
        let signed = |limit: Limit| limit.0.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        store::quotas::Limits {
            running_runs: signed(self.running_runs),
            bytes_per_day: signed(self.bytes_per_day),
            token_bytes_per_day: signed(self.token_bytes_per_day),
        }
    }

    pub fn requests_per_second(&self) -> Option<u32> {
        self.requests_per_second.0.map(|n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// None is `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limit(Option<u64>);

impl Limit {
    pub(super) fn seconds(self) -> Option<Duration> {
        self.0.map(Duration::from_secs)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BadLimit {
    variable: &'static str,
    most: u64,
    takes_units: bool,
}

impl std::error::Error for BadLimit {}

impl fmt::Display for BadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, most, takes_units } = self;
        let units = if *takes_units { ", perhaps followed by KiB, MiB or GiB" } else { "" };
        write!(f, "{variable} is a whole number from 1 to {most}{units}, or `{OFF}` for no limit")
    }
}

fn running_runs(text: &str) -> Result<Limit, BadLimit> {
    number(RUNNING_RUNS, 1_000_000, text)
}

fn requests_per_second(text: &str) -> Result<Limit, BadLimit> {
    number(REQUESTS_PER_SECOND, 1_000_000, text)
}

/// At most an hour: whatever takes longer is not waited for.
pub(super) fn statement_timeout(text: &str) -> Result<Limit, BadLimit> {
    number(STATEMENT_TIMEOUT, 3_600, text)
}

fn bytes_per_day(text: &str) -> Result<Limit, BadLimit> {
    size(BYTES_PER_DAY, text)
}

fn token_bytes_per_day(text: &str) -> Result<Limit, BadLimit> {
    size(TOKEN_BYTES_PER_DAY, text)
}

fn size(variable: &'static str, text: &str) -> Result<Limit, BadLimit> {
    const MOST: u64 = 1 << 60;
    let bad = || BadLimit { variable, most: MOST, takes_units: true };
    let text = text.trim();
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let with_unit = units.into_iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let (digits, unit) = with_unit.unwrap_or((text, 1_u64));
    match parse(digits).ok_or_else(bad)? {
        // `offGiB`
        Limit(None) if unit > 1 => Err(bad()),
        Limit(None) => Ok(Limit(None)),
        Limit(Some(n)) => {
            let n = n.checked_mul(unit).filter(|n| *n <= MOST);
            n.map(|n| Limit(Some(n))).ok_or_else(bad)
        }
    }
}

fn number(variable: &'static str, most: u64, text: &str) -> Result<Limit, BadLimit> {
    let limit = parse(text).filter(|limit| limit.0.is_none_or(|n| n <= most));
    limit.ok_or(BadLimit { variable, most, takes_units: false })
}

fn parse(text: &str) -> Option<Limit> {
    match text.trim() {
        OFF => Some(Limit(None)),
        text => text.parse::<u64>().ok().filter(|n| *n > 0).map(|n| Limit(Some(n))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        quotas: Quotas,
    }

    /// Runs, bytes and requests.
    type Limited = (Option<i64>, Option<i64>, Option<u32>);

    /// As on the command line: the environment of the test has no say then.
    fn read(runs: &str, bytes: &str, requests: &str) -> Result<Limited, String> {
        let arguments = [
            "weft".to_owned(),
            format!("--user-running-runs={runs}"),
            format!("--user-bytes-per-day={bytes}"),
            format!("--user-requests-per-second={requests}"),
        ];
        let quotas = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.quotas;
        let limits = quotas.limits();
        Ok((limits.running_runs, limits.bytes_per_day, quotas.requests_per_second()))
    }

    #[test]
    fn a_quota_is_a_number_or_off() {
        assert_eq!(read("100", "1GiB", "50"), Ok((Some(100), Some(1 << 30), Some(50))));
        assert_eq!(read("off", "off", "off"), Ok((None, None, None)));
        assert_eq!(read(" 7 ", "512", "1"), Ok((Some(7), Some(512), Some(1))));
        assert_eq!(read("7", "3KiB", "1").unwrap().1, Some(3072));
        assert_eq!(read("7", "2MiB", "1").unwrap().1, Some(2 << 20));
    }

    #[test]
    fn what_workers_send_is_bounded_even_where_nobody_said_so() {
        let read =
            |arguments: &[&str]| Cli::try_parse_from([&["weft"], arguments].concat()).map(|cli| cli.quotas.limits());
        assert_eq!(read(&["--worker-token-bytes-per-day=3MiB"]).unwrap().token_bytes_per_day, Some(3 << 20));
        assert_eq!(read(&["--worker-token-bytes-per-day=off"]).unwrap().token_bytes_per_day, None);
        let words = read(&["--worker-token-bytes-per-day=0"]).unwrap_err().to_string();
        assert!(words.contains(TOKEN_BYTES_PER_DAY), "{words}");
        if std::env::var_os(TOKEN_BYTES_PER_DAY).is_none() {
            assert_eq!(read(&[]).unwrap().token_bytes_per_day, Some(64 << 30));
        }
    }

    #[test]
    fn a_bad_quota_is_refused_with_the_name_of_its_variable() {
        for bad in ["0", "-1", "1.5", "", "none", "2000000"] {
            let words = read(bad, "1", "1").unwrap_err();
            assert!(words.contains(RUNNING_RUNS) && words.contains("`off`"), "{bad}: {words}");
            let words = read("1", "1", bad).unwrap_err();
            assert!(words.contains(REQUESTS_PER_SECOND), "{bad}: {words}");
        }
        for bad in ["0", "0GiB", "-1", "1 TB", "GiB", "offGiB", "99999999999GiB", "1.5GiB"] {
            let words = read("1", bad, "1").unwrap_err();
            assert!(words.contains(BYTES_PER_DAY) && words.contains("GiB"), "{bad}: {words}");
        }
        assert_eq!(statement_timeout("30").map(Limit::seconds), Ok(Some(Duration::from_secs(30))));
        assert_eq!(statement_timeout("off").map(Limit::seconds), Ok(None));
        assert!(statement_timeout("0").unwrap_err().to_string().contains(STATEMENT_TIMEOUT));
    }
}
