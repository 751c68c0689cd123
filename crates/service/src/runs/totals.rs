//! What runs did, by day, for charts.
//! Must never tell who has an account, nor count for somebody what is not theirs to see.

use workflow::{
    UserId,
    api::{MOST_TOTAL_DAYS, RunScope, RunTotals, TotalsQuery},
};

use super::listing::person;
use crate::{Error, OpContext, Result, text};

/// Nobody's id, and not the one of everybody's totals.
const NOBODY: UserId = UserId(uuid::Uuid::max());

/// Of my runs, of those that a group of mine sees, or for an admin of everybody's. A person without an account has no runs, like one who
/// started none.
pub async fn totals(ctx: &OpContext, query: &TotalsQuery) -> Result<RunTotals> {
    let viewer = if query.scope() == RunScope::All { ctx.admin()? } else { ctx.user()? };
    if !(1..=MOST_TOTAL_DAYS).contains(&query.n_days()) {
        return Err(Error::invalid("days", format!("Give a number of days from 1 to {MOST_TOTAL_DAYS}.")));
    }
    let person = match text::given(query.person.as_deref()) {
        Some(email) => Some(person(ctx, email).await?.unwrap_or(NOBODY)),
        None => None,
    };
    Ok(ctx.store().run_totals(viewer, query, person).await?)
}
