//! What can go wrong between a row and its value. Expected outcomes (a taken email, a stale revision) are no errors: they are typed results;
//! only a spent quota is one, since whatever stores anything may meet it.
//! Must never be shown to a person: `service` logs it and answers in its own words.

use crate::{quotas::Spent, read_only};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database refused or could not be reached")]
    Sqlx(#[source] sqlx::Error),
    #[error("the schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Its tables were made before the first release.
    #[error(
        "the database was set up by a Weft from before its first release, whose data this one cannot read. Start with an empty database or \
         an empty data folder; what is there is left as it is"
    )]
    Predates,
    #[error("the database takes no writes")]
    ReadOnly,
    /// What went wrong is told to one of those who asked.
    #[error("the database could not be reached for several who asked together")]
    AwayForAll,
    /// A row holds what the domain does not know: a newer program wrote it, or somebody edited it by hand.
    #[error("the column {table}.{column} of row {row} holds what this program cannot read")]
    Inconsistent { table: &'static str, column: &'static str, row: String },
    #[error("{statement} changed {changed} rows where one was expected")]
    RowCount { statement: &'static str, changed: u64 },
    /// Nothing was stored.
    #[error("a quota is used up")]
    Quota(#[source] Spent),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        read_only::heed(&error);
        Self::Sqlx(error)
    }
}

impl Error {
    /// Whether trying again later, without a change, may help: the database is down, restarting or out of connections.
    pub fn is_unavailable(&self) -> bool {
        let sqlx = match self {
            Self::Sqlx(error) | Self::Migrate(sqlx::migrate::MigrateError::Execute(error)) => error,
            Self::ReadOnly | Self::AwayForAll => return true,
            Self::Migrate(_) | Self::Predates | Self::Inconsistent { .. } | Self::RowCount { .. } | Self::Quota(_) => {
                return false;
            }
        };
        match sqlx {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            // 08: connection exceptions; 40: rolled back; 53: no resources left; 25006: a standby; 25P03, 25P04, 55P03, 57014: it took too
            // long; 57P01 to 57P03: shutting down or starting; 57P05: the session idled; 58000, 58030: its disk or its system failed it.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53"].iter().any(|class| code.starts_with(class))
                    || matches!(&*code, "25006" | "25P03" | "25P04" | "55P03" | "57014")
                    || matches!(&*code, "57P01" | "57P02" | "57P03" | "57P05" | "58000" | "58030")
            }),
            _ => false,
        }
    }

    /// Whether a statement was given up because it, or the lock that it waited for, took longer than the pool allows. Nothing was changed.
    pub fn took_too_long(&self) -> bool {
        let Self::Sqlx(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| matches!(&*code, "55P03" | "57014"))
    }

    /// Whether the database's role may not do what was asked.
    pub fn is_forbidden(&self) -> bool {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        let (Self::Sqlx(error) | Self::Migrate(Execute(error) | ExecuteMigration(error, _))) = self else {
            return false;
        };
        // 3F000: there is no schema that the role may even look into.
        let sqlx::Error::Database(error) = error else { return false };
        error.code().is_some_and(|code| matches!(&*code, "42501" | "3F000"))
    }

    /// Whether the database refused a value for what it is: asking again cannot help. Everything else may.
    pub fn is_refused_value(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Sqlx(sqlx::Error::Encode(_)) => true,
            _ => false,
        }
    }

    /// The unique, check or foreign key constraint that a statement ran into.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_database_in_trouble_is_away_and_one_that_is_wrong_is_not(pool: PgPool) {
        let is_away = async |code: &str| {
            let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END $$");
            let error = sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&pool).await.unwrap_err();
            assert_eq!(error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(), Some(code));
            Error::Sqlx(error).is_unavailable()
        };
        for code in
            ["25P03", "25P04", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P05", "58000", "58030"]
        {
            assert!(is_away(code).await, "{code}");
        }
        for code in ["22001", "23505", "42501", "42P01", "54000", "58P01", "XX000", "XX001"] {
            assert!(!is_away(code).await, "{code}");
        }
    }
}
