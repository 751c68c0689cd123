//! The audit log for admins: who did what, when and from where; and what was refused, noted at the edge.
//! Must never grow without bound by what one caller does: refusals are noted a few times a minute, the others as a number.

mod refusals;

use std::net::IpAddr;

use store::audit::Wanted;
use workflow::{
    UserId,
    api::{AuditFilter, AuditPage},
};

pub(crate) use refusals::Refusals;

use crate::{Error, OpContext, Result, text};

/// Entries of one page, unless asked otherwise.
const PAGE: u16 = 50;
const MAX_PAGE: u16 = 500;
/// What nothing in the log is longer than.
const MAX_WORD: usize = 300;
/// Who the command line is.
const OPERATOR: &str = "operator";

/// Newest first.
pub async fn list(ctx: &OpContext, filter: AuditFilter) -> Result<AuditPage> {
    ctx.admin()?;
    let wanted = wanted(ctx, filter).await?;
    let mut entries = ctx.store().audit(&wanted).await?;
    let limit = usize::try_from(wanted.limit).unwrap_or_default();
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().map(|entry| entry.id).filter(|_| has_more);
    Ok(AuditPage { entries, next })
}

async fn wanted(ctx: &OpContext, filter: AuditFilter) -> Result<Wanted> {
    let who = word("who", filter.who)?;
    let is_operator = who.as_deref() == Some(OPERATOR);
    let actor = match who.filter(|_| !is_operator) {
        Some(who) => Some(person(ctx, "who", &who).await?),
        None => None,
    };
    let subject = match word("subject", filter.subject)? {
        Some(email) if email.contains('@') => Some(person(ctx, "subject", &email).await?.to_string()),
        subject => subject,
    };
    let address = word("address", filter.address)?.map(|address| {
        let address: IpAddr = address
            .parse()
            .map_err(|_| Error::invalid("address", "This is no address. Write it like 192.0.2.7 or 2001:db8::7."))?;
        Ok::<_, Error>(address.to_canonical().to_string())
    });
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from >= to
    {
        return Err(Error::invalid("to", "It is not after the beginning. Choose a later time."));
    }
    // `%` and `_` mean something to LIKE, and no action has other than letters.
    let action = word("action", filter.action)?;
    if action.as_ref().is_some_and(|action| !action.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')) {
        return Err(Error::invalid(
            "action",
            "There is no such action. Write it like token.created, or token for all of them.",
        ));
    }
    Ok(Wanted {
        actor,
        is_operator,
        action,
        subject,
        address: address.transpose()?,
        from: filter.from,
        to: filter.to,
        before: filter.before,
        limit: filter.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into(),
    })
}

async fn person(ctx: &OpContext, field: &str, email: &str) -> Result<UserId> {
    let found = match text::email(email) {
        Ok(email) => ctx.store().user_by_email(&email).await?,
        Err(_) => None,
    };
    found.map(|user| user.id).ok_or_else(|| Error::invalid(field, "There is no account with this email. Check it."))
}

/// What was typed into a filter; an empty one restricts nothing.
fn word(field: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    Ok(Some(text::name(field, &text, MAX_WORD)?))
}
