//! Which Postgres to use: one that exists, or an embedded cluster in the data folder.
//! Must never print the URL whole: it holds the password.

use std::{ffi::OsString, fmt, fs, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ValueEnum};
use workflow::cell::CellNumber;

use super::quotas::{Limit, STATEMENT_TIMEOUT, statement_timeout};

/// The data folder that root handed over to the user as whom Weft goes on.
pub const HANDED_DATA_DIR: &str = "WEFT_HANDED_DATA_DIR";
/// `true` in the environment of a program that root started again as somebody else.
pub const GAVE_UP_ROOT: &str = "WEFT_GAVE_UP_ROOT";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct Database {
    #[arg(
        id = "database_url",
        long = "database-url",
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true,
        help = "An existing Postgres, version 15 or newer, such as postgres://user:password@host/weft, or file:PATH of a file that holds the address; without one Weft runs its own in the data folder"
    )]
    url: Option<MaybeUrl>,
    #[arg(
        id = "database_owner_url",
        long = "database-owner-url",
        env = "DATABASE_OWNER_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true,
        help = "The same database as the role that owns the tables: used to bring them up to date and closed before the first request; the role of DATABASE_URL then owns nothing"
    )]
    owner_url: Option<MaybeUrl>,
    #[arg(
        id = "db_pooler",
        long = "db-pooler",
        env = "WEFT_DB_POOLER",
        value_enum,
        default_value_t = Pooler::None,
        value_name = "MODE",
        global = true,
        help = "What DATABASE_URL leads to: transaction for a pooler that hands out another session at each transaction, such as PgBouncer in its transaction mode"
    )]
    pub pooler: Pooler,
    #[arg(
        id = "db_direct_url",
        long = "db-direct-url",
        env = "WEFT_DB_DIRECT_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true,
        help = "The same database as the same role, past the pooler: for what needs a session of its own, as commits of runs, beats and listening do"
    )]
    direct_url: Option<MaybeUrl>,
    /// Seconds that the database may take for one statement of a request, and ten times as many for one of the engine; off for any time
    #[arg(long = "statement-timeout-s", env = STATEMENT_TIMEOUT, default_value = "30", value_name = "SECONDS", value_parser = statement_timeout, global = true)]
    statement_timeout: Limit,
    /// Connections on which a process commits what it decides about runs, and claims steps
    #[arg(long, env = "WEFT_COMMIT_CONNECTIONS", default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100), global = true)]
    commit_connections: u32,
    /// Which of several installations this is, as the ids of its runs carry it, for good; without it what the database says, or 0
    #[arg(long, env = "WEFT_CELL", value_name = "N", value_parser = clap::value_parser!(u16).range(0..=i64::from(CellNumber::MAX)), global = true)]
    cell: Option<u16>,
    /// Folder of everything that Weft keeps on disk
    #[arg(long, env = "WEFT_DATA_DIR", default_value = ".weft", value_name = "FOLDER", global = true)]
    data_dir: PathBuf,
    /// Set by Weft itself where root handed the folder over to another user
    #[arg(long, env = HANDED_DATA_DIR, hide = true, global = true)]
    handed_data_dir: Option<PathBuf>,
    /// Set by Weft itself, for the program that root started again as somebody else
    #[arg(long, env = GAVE_UP_ROOT, hide = true, global = true)]
    pub gave_up_root: bool,
    #[arg(long, env = "XDG_RUNTIME_DIR", hide = true, global = true)]
    runtime_dir: Option<PathBuf>,
    #[arg(long, env = "PATH", hide = true, global = true)]
    search_path: Option<OsString>,
}

/// What stands between Weft and Postgres.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pooler {
    /// Nothing that matters: each connection has one session for as long as it lives
    None,
    /// A pooler that hands out another session at each transaction
    Transaction,
}

/// Where the embedded cluster may live.
#[derive(Clone, Debug)]
pub struct Place {
    /// `WEFT_DATA_DIR`.
    pub data_dir: PathBuf,
    /// A folder for sockets whose path is short, if the system has one.
    pub runtime_dir: Option<PathBuf>,
    /// Where to look for Postgres' programs first: `PATH`.
    pub search_path: OsString,
}

impl Database {
    /// The Postgres that the person named; an empty variable counts as none.
    pub fn url(&self) -> Option<&DatabaseUrl> {
        self.url.as_ref().and_then(|url| url.0.as_ref())
    }

    /// Whom the tables belong to, if the person named them apart.
    pub fn owner_url(&self) -> Option<&DatabaseUrl> {
        self.owner_url.as_ref().and_then(|url| url.0.as_ref())
    }

    /// The way past the pooler, if the person named one.
    pub fn direct_url(&self) -> Option<&DatabaseUrl> {
        self.direct_url.as_ref().and_then(|url| url.0.as_ref())
    }

    /// How long one statement of a request may take.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout.seconds()
    }

    pub fn commit_connections(&self) -> u32 {
        self.commit_connections
    }

    /// The number of this installation, if the person named one.
    pub fn cell(&self) -> Option<CellNumber> {
        self.cell.and_then(CellNumber::new)
    }

    pub fn place(&self) -> Place {
        Place {
            data_dir: self.handed_data_dir.as_ref().unwrap_or(&self.data_dir).clone(),
            runtime_dir: self.runtime_dir.clone(),
            search_path: self.search_path.clone().unwrap_or_default(),
        }
    }
}

/// The address of a Postgres, with its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(crate) fn new(url: String) -> Self {
        Self(url)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without user and password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        write!(f, "postgres://{}", rest.split('?').next().unwrap_or_default())
    }
}

/// Why a text is no address of a Postgres. It does not repeat the text, which may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadUrl {
    #[error("a database URL begins with postgres:// or postgresql://, such as postgres://user:password@host:5432/weft")]
    Scheme,
    #[error("the database URL names no database: add it at the end, such as postgres://user:password@host:5432/weft")]
    NoDatabase,
    #[error("the port of the database URL is not a number from 1 to 65535")]
    Port,
    #[error(
        "the file of the database URL cannot be read: name one that this user may read, such as file:/run/secrets/url"
    )]
    Unreadable,
}

impl FromStr for DatabaseUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest =
            text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")).ok_or(BadUrl::Scheme)?;
        let (server, database) =
            rest.split('?').next().unwrap_or_default().split_once('/').ok_or(BadUrl::NoDatabase)?;
        if database.is_empty() {
            return Err(BadUrl::NoDatabase);
        }
        let host = server.rsplit_once('@').map_or(server, |(_, host)| host);
        // A colon inside brackets belongs to an IPv6 address.
        if let Some((_, port)) = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'))
            && !port.is_empty()
            && !port.parse::<u16>().is_ok_and(|port| port != 0)
        {
            return Err(BadUrl::Port);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An empty variable is the same as none. What stands in a file is not in the environment, which others may see and which is handed on.
#[derive(Clone, Debug)]
struct MaybeUrl(Option<DatabaseUrl>);

impl FromStr for MaybeUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let url: DatabaseUrl = match text.strip_prefix("file:") {
            // An empty file is a mistake, and no wish for a database of Weft's own.
            Some(path) => fs::read_to_string(path).map_err(|_| BadUrl::Unreadable)?.trim().parse()?,
            None => text.parse()?,
        };
        Ok(Self(Some(url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_refused_with_the_reason() {
        let table = [
            ("postgres://u:p@db:5432/weft", None),
            ("postgresql:///weft?host=/run/postgresql", None),
            ("postgres://[::1]/weft", None),
            ("mysql://u:p@db/weft", Some(BadUrl::Scheme)),
            ("weft", Some(BadUrl::Scheme)),
            ("postgres://db", Some(BadUrl::NoDatabase)),
            ("postgres://db/", Some(BadUrl::NoDatabase)),
            ("postgres://db:99999/weft", Some(BadUrl::Port)),
            ("postgres://u:p@db:x/weft", Some(BadUrl::Port)),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<DatabaseUrl>().err(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_may_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str| text.parse::<MaybeUrl>().map(|url| url.0.map(|url| url.as_str().to_owned()));
        let named = format!("file:{}", file.path().display());
        assert_eq!(of(&named), Err(BadUrl::Scheme), "it is empty");
        fs::write(file.path(), "postgres://u:p@db/weft\n").unwrap();
        assert_eq!(of(&named), Ok(Some("postgres://u:p@db/weft".to_owned())));
        assert_eq!(of("file:/nowhere/at/all"), Err(BadUrl::Unreadable));
        assert_eq!(of(" "), Ok(None));
    }

    #[test]
    fn a_printed_url_holds_no_password() {
        let url: DatabaseUrl = "postgres://weft:se@cret@db:5432/weft?sslmode=require".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://db:5432/weft postgres://db:5432/weft");
    }
}
