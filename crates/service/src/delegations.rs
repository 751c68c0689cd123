//! Delegations: my reviews to somebody, from a day to a day. The rules are in docs/delegation.md.
//! Must never be done by a token, nor tell apart who has no account and who cannot sign in.

use chrono::NaiveDate;
use store::delegations::{Delegate, NewDelegation as New};
use workflow::{
    api::{DelegationView, MyDelegations, NewDelegation, Page},
    id::DelegationId,
    limits::{MAX_DELEGATION_DAYS, MAX_DELEGATIONS},
};

use crate::{Error, OpContext, Result, Wanted, id, text};

/// Where nothing else is said.
const UTC: &str = "UTC";
const MAX_ZONE_CHARS: usize = 64;

/// What I gave and what I received, as far as it is not over.
pub async fn mine(ctx: &OpContext) -> Result<MyDelegations> {
    Ok(ctx.store().delegations_of(ctx.user()?.id).await?)
}

/// Gives my reviews to somebody. Whoever is signed in does that themselves.
pub async fn create(ctx: &OpContext, wanted: &NewDelegation) -> Result<DelegationView> {
    let (actor, _) = ctx.session_user()?;
    let (from_day, to_day) = days(wanted)?;
    let zone = wanted.zone.as_deref().map_or(UTC, str::trim);
    if zone.is_empty() || zone.chars().count() > MAX_ZONE_CHARS || zone.chars().any(char::is_control) {
        return Err(unknown_zone());
    }
    let Ok(email) = text::email(&wanted.delegate) else {
        return Err(Error::invalid("delegate", "This is no email. Write a whole one, such as ben@example.org."));
    };
    let delegate = ctx.store().user_by_email(&email).await?.filter(|user| !user.is_disabled).ok_or_else(nobody)?;
    if delegate.id == actor.id {
        return Err(Error::invalid("delegate", "This is you. Name somebody else who decides while you are away."));
    }
    let new = New {
        id: DelegationId(id::new_id()),
        principal: actor.id,
        delegate: delegate.id,
        from_day,
        to_day,
        zone,
        most: MAX_DELEGATIONS,
        most_ahead: MAX_DELEGATION_DAYS,
    };
    match ctx.store().delegate(&new, ctx.author()).await? {
        Delegate::Made => {
            let mine = ctx.store().delegations_of(actor.id).await?;
            // Somebody may have ended it already.
            mine.given.into_iter().find(|one| one.id == new.id).ok_or(Error::NotFound)
        }
        refused => Err(words(&refused, &new, &delegate.email)),
    }
}

/// Ends one that I gave or received, before its time.
pub async fn end(ctx: &OpContext, id: DelegationId) -> Result<()> {
    let (actor, _) = ctx.session_user()?;
    if ctx.store().end_delegation(id, Some(actor.id), ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// All that ever were, the newest first, for admins.
pub async fn list(ctx: &OpContext, wanted: &Wanted) -> Result<Page<DelegationView>> {
    ctx.manager_of_people()?;
    Ok(ctx.store().delegations(wanted.window()).await?)
}

/// Ends anybody's, for admins.
pub async fn end_any(ctx: &OpContext, id: DelegationId) -> Result<()> {
    ctx.manager_of_people()?;
    if ctx.store().end_delegation(id, None, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

fn days(wanted: &NewDelegation) -> Result<(NaiveDate, NaiveDate)> {
    let (from_day, to_day) = (day("from_day", &wanted.from_day)?, day("to_day", &wanted.to_day)?);
    let n = (to_day - from_day).num_days() + 1;
    if n < 1 {
        return Err(Error::invalid("to_day", "It is before the first day. Choose that day or a later one."));
    }
    if n > MAX_DELEGATION_DAYS {
        let detail = format!("These are {n} days, and {MAX_DELEGATION_DAYS} is the most. Choose an earlier last day.");
        return Err(Error::invalid("to_day", detail));
    }
    Ok((from_day, to_day))
}

fn day(field: &str, text: &str) -> Result<NaiveDate> {
    let text = text.trim();
    // In other lengths there are years that no calendar of a database has.
    let day = if text.len() == 10 { text.parse().ok() } else { None };
    day.ok_or_else(|| Error::invalid(field, "This is no day. Write it like 2026-12-01."))
}

fn words(refused: &Delegate, new: &New<'_>, delegate: &str) -> Error {
    match refused {
        Delegate::Made => Error::NotFound,
        Delegate::Gone(user) if *user == new.principal => Error::Unauthenticated,
        Delegate::Gone(_) => nobody(),
        Delegate::UnknownZone => unknown_zone(),
        Delegate::Past(today) => Error::invalid(
            "from_day",
            format!("This day is over. Choose {today}, which is today there, or a later one."),
        ),
        Delegate::TooFarAhead => Error::invalid(
            "from_day",
            format!("This is more than {MAX_DELEGATION_DAYS} days ahead. Choose an earlier day."),
        ),
        Delegate::TooMany => Error::Conflict(format!(
            "{MAX_DELEGATIONS} times that are to come are yours already, as many as there may be. End one first."
        )),
        Delegate::Overlaps { delegate, from_day, to_day } => Error::invalid(
            "from_day",
            format!("{delegate} has your reviews from {from_day} to {to_day}. Choose other days, or end that first."),
        ),
        Delegate::Circle => Error::invalid(
            "delegate",
            format!(
                "On some of these days {delegate} is away too, and their reviews come to you. Choose somebody else."
            ),
        ),
    }
}

fn nobody() -> Error {
    Error::invalid("delegate", "Nobody who can sign in has this email. Check it, or name somebody else.")
}

fn unknown_zone() -> Error {
    Error::invalid("zone", "There is no such time zone. Write it like Europe/Berlin, or leave it out for UTC.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(from_day: &str, to_day: &str) -> NewDelegation {
        NewDelegation { from_day: from_day.into(), to_day: to_day.into(), ..NewDelegation::default() }
    }

    #[test]
    fn what_is_no_span_of_days_is_refused_at_its_field() {
        for (from_day, to_day, field) in [
            ("", "2026-12-01", "from_day"),
            ("tomorrow", "2026-12-01", "from_day"),
            ("2026-02-30", "2026-12-01", "from_day"),
            ("-200000-01-01", "2026-12-01", "from_day"),
            ("2026-12-01", "+12026-12-01", "to_day"),
            ("2026-12-01", "2026-11-30", "to_day"),
            ("2026-12-01", "2027-12-02", "to_day"),
        ] {
            let refused = days(&wanted(from_day, to_day)).unwrap_err();
            assert!(
                matches!(&refused, Error::Invalid { field: at, .. } if at == field),
                "{from_day} {to_day}: {refused:?}"
            );
        }
        assert!(days(&wanted("2026-12-01", "2026-12-01")).is_ok(), "one day");
        assert!(days(&wanted(" 2026-12-01", "2027-12-01 ")).is_ok(), "366 days");
    }
}
