//! Which of several installations a database is: a number that it keeps from the first start that names one, for good.
//! Must never be another number later: the ids of runs carry it.

use workflow::cell::CellNumber;

use crate::{Error, Result, Store};

/// What the database says about its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// That one; none where nobody ever named one.
    Is(Option<CellNumber>),
    /// Another one than was named.
    IsAnother(CellNumber),
    /// None, and its runs carry 0 already.
    HasRuns,
}

impl Store {
    /// What number this database has. One that is named becomes its number if it has none and no run carries another.
    pub async fn settle_cell(&self, named: Option<CellNumber>) -> Result<Cell> {
        // A look comes first: a database that takes no writes at the moment is no reason not to start.
        let mut found = self.cell().await?;
        if let (None, Some(named)) = (found, named) {
            sqlx::query!(
                "INSERT INTO cell (id, number)
                SELECT true, $1::int WHERE $1::int = 0 OR NOT EXISTS (SELECT FROM workflow_runs)
                ON CONFLICT (id) DO NOTHING",
                i32::from(named.number()),
            )
            .execute(&self.pool)
            .await?;
            // Of two that name one at the same time, the first one did.
            found = self.cell().await?;
        }
        Ok(match (found, named) {
            (None, Some(_)) => Cell::HasRuns,
            (Some(found), Some(named)) if found != named => Cell::IsAnother(found),
            (found, _) => Cell::Is(found),
        })
    }

    async fn cell(&self) -> Result<Option<CellNumber>> {
        let stored = sqlx::query_scalar!("SELECT number FROM cell WHERE id").fetch_optional(&self.pool).await?;
        let Some(stored) = stored else { return Ok(None) };
        let known = u16::try_from(stored).ok().and_then(CellNumber::new);
        let unknown = || Error::Inconsistent { table: "cell", column: "number", row: stored.to_string() };
        known.map(Some).ok_or_else(unknown)
    }
}
