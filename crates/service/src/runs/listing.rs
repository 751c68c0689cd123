//! The list of runs that is searched, narrowed and sorted.
//! Must never tell who has an account, nor whom a workflow is for, by what it finds.

use chrono::{DateTime, Utc};
use workflow::{
    UserId,
    api::{ListedRun, Page, RunQuery, RunScope},
    id::GroupId,
    limits::MAX_TAG_CHARS,
};

use super::PAGE;
use crate::{Error, OpContext, Result, Wanted, text};

/// Runs that are asked for: mine, those that a group of mine sees, or for an admin everybody's.
pub async fn find(ctx: &OpContext, query: &RunQuery, wanted: &Wanted) -> Result<Page<ListedRun>> {
    let viewer = if query.scope == RunScope::All { ctx.admin()? } else { ctx.user()? };
    check_times(query.from, query.to)?;
    let search = text::searched(query.search.as_deref())?;
    let tag = match text::given(query.tag.as_deref()) {
        Some(tag) => Some(text::name("tag", tag, MAX_TAG_CHARS)?),
        None => None,
    };
    let nothing = || Ok(Page { items: Vec::new(), next: None });
    let person = match text::given(query.person.as_deref()) {
        Some(email) => match person(ctx, email).await? {
            Some(id) => Some(id),
            None => return nothing(),
        },
        None => None,
    };
    // A group that one is not in is as missing as one that nobody made.
    let is_theirs = |group: &GroupId| viewer.is_admin() || viewer.groups.contains(group);
    if query.group.as_ref().is_some_and(|group| !group.is_well_formed() || !is_theirs(group)) {
        return nothing();
    }
    let query = RunQuery { search, tag, ..query.clone() };
    let wanted = Wanted { after: wanted.after.clone(), limit: Some(wanted.limit.unwrap_or(PAGE)) };
    Ok(ctx.store().listed_runs(viewer, &query, person, wanted.window()).await?)
}

pub(super) async fn person(ctx: &OpContext, email: &str) -> Result<Option<UserId>> {
    let wrong = "This is no email. Write a whole one, such as name@example.org.";
    let email = text::email(email).map_err(|_| Error::invalid("person", wrong))?;
    Ok(ctx.store().user_by_email(&email).await?.map(|user| user.id))
}

fn check_times(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<()> {
    for (field, at) in [("from", from), ("to", to)] {
        // Beyond that Postgres knows no time.
        if at.is_some_and(|at| !(0..253_402_300_800).contains(&at.timestamp())) {
            return Err(Error::invalid(field, "Give a time of the years 1970 to 9999."));
        }
    }
    match from.zip(to) {
        Some((from, to)) if from >= to => {
            Err(Error::invalid("to", "This is before the beginning. Choose a later time."))
        }
        _ => Ok(()),
    }
}
