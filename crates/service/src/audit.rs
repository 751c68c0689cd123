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
    // Of an account that is not there, there is nothing: that is an answer, and no mistake.
    let Some(wanted) = wanted(ctx, filter).await? else { return Ok(AuditPage { entries: Vec::new(), next: None }) };
    let mut entries = ctx.store().audit(&wanted).await?;
    let limit = usize::try_from(wanted.limit).unwrap_or_default();
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().map(|entry| entry.id).filter(|_| has_more);
    Ok(AuditPage { entries, next })
}

/// What is asked for, checked; none if it is about somebody who has no account.
async fn wanted(ctx: &OpContext, filter: AuditFilter) -> Result<Option<Wanted>> {
    let who = word("who", filter.who)?;
    let is_operator = who.as_deref() == Some(OPERATOR);
    let who = who.filter(|_| !is_operator);
    if let Some(who) = who.as_ref().filter(|who| !who.contains('@')) {
        return Err(Error::invalid("who", format!("`{who}` is no email. Write a whole one, or operator.")));
    }
    let actor = match &who {
        Some(email) => person(ctx, email).await?,
        None => None,
    };
    let subject = word("subject", filter.subject)?;
    let email = subject.as_ref().filter(|subject| subject.contains('@'));
    let person_subject = match email {
        Some(email) => person(ctx, email).await?,
        None => None,
    };
    let is_of_nobody = (who.is_some() && actor.is_none()) || (email.is_some() && person_subject.is_none());
    let subject = person_subject.map(|user| user.to_string()).or(subject);
    let address = word("address", filter.address)?.map(|address| {
        let address: IpAddr = address
            .parse()
            .map_err(|_| Error::invalid("address", "This is no address. Write it like 192.0.2.7 or 2001:db8::7."))?;
        Ok::<_, Error>(address.to_canonical().to_string())
    });
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from >= to
    {
        return Err(Error::invalid("to", "This is before the beginning. Choose a later time."));
    }
    // `%` and `_` mean something to LIKE, and no action has other than letters.
    let action = word("action", filter.action)?;
    if action.as_ref().is_some_and(|action| !action.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')) {
        return Err(Error::invalid(
            "action",
            "There is no such action. Write it like token.created, or token for all of them.",
        ));
    }
    let wanted = Wanted {
        actor,
        is_operator,
        action,
        subject,
        address: address.transpose()?,
        from: filter.from,
        to: filter.to,
        before: filter.before,
        limit: filter.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into(),
    };
    Ok((!is_of_nobody).then_some(wanted))
}

async fn person(ctx: &OpContext, email: &str) -> Result<Option<UserId>> {
    let found = match text::email(email) {
        Ok(email) => ctx.store().user_by_email(&email).await?,
        Err(_) => None,
    };
    Ok(found.map(|user| user.id))
}

/// What was typed into a filter; an empty one restricts nothing.
fn word(field: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    Ok(Some(text::name(field, &text, MAX_WORD)?))
}
