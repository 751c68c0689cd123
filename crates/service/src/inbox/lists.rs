//! Lists of gates: those that wait for whoever asks, and those that were decided.
//! Must never show a gate of somebody else's to who is no admin, nor to a token that was not made for that.

use workflow::{
    access::Actor,
    api::{HistoryPage, HistoryQuery, InboxCounts, InboxPage, InboxQuery, InboxScope},
};

use super::name_groups;
use crate::{Error, OpContext, Result, Wanted, text};

/// Gates that wait for me, in the order that is wanted; for an admin who wants them, everybody's.
pub async fn list(ctx: &OpContext, query: &InboxQuery, wanted: &Wanted) -> Result<InboxPage> {
    let (viewer, query) = asked(ctx, query)?;
    let mut page = ctx.store().inbox(viewer, &query, wanted.window()).await?;
    name_groups(ctx, &mut page.items).await?;
    Ok(page)
}

/// How many these are, and of which workflows.
pub async fn counts(ctx: &OpContext, query: &InboxQuery) -> Result<InboxCounts> {
    let (viewer, query) = asked(ctx, query)?;
    Ok(ctx.store().inbox_counts(viewer, &query).await?)
}

/// Gates that were closed, newest first: those that I decided and those of my runs; for an admin who wants them, everybody's.
pub async fn history(ctx: &OpContext, query: &HistoryQuery, wanted: &Wanted) -> Result<HistoryPage> {
    let viewer = if query.all { ctx.admin()? } else { ctx.user()? };
    let query = HistoryQuery { search: text::searched(query.search.as_deref())?, ..query.clone() };
    Ok(ctx.store().inbox_history(viewer, &query, wanted.window()).await?)
}

/// Who asks, and for what. A token of an admin that may only read is told what everybody is.
fn asked<'a>(ctx: &'a OpContext, query: &InboxQuery) -> Result<(&'a Actor, InboxQuery)> {
    let viewer = ctx.user()?;
    let scope = if ctx.admin().is_ok() { query.scope } else { InboxScope::Mine };
    // Beyond that Postgres knows no time.
    let is_time = query.due_before.is_none_or(|at| (0..253_402_300_800).contains(&at.timestamp()));
    if !is_time {
        return Err(Error::invalid("due_before", "Give a time of the years 1970 to 9999."));
    }
    Ok((viewer, InboxQuery { scope, search: text::searched(query.search.as_deref())?, ..query.clone() }))
}
