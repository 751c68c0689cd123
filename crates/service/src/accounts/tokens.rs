//! API tokens: made by a person who gave their password a moment ago, or by the operator beside the database.
//! A token must never make another one, never do more than its person may, and never last for ever.

use std::{collections::BTreeSet, time::Duration};

use store::tokens::{CreateToken, NewToken as Stored, Recent};
use workflow::{
    UserId,
    access::Scope,
    api::{CreatedToken, NewToken, Page, TokenView},
    id::TokenId,
};

use crate::{Error, OpContext, Result, Wanted, id, text};

/// What an API token begins with, so that people and secret scanners recognise one.
pub(crate) const TOKEN_PREFIX: &str = "weft_";
/// Tokens that one person may have at a time.
const MAX_TOKENS: i64 = 100;
/// How long ago the password may have been given.
pub(crate) const CONFIRMED_WITHIN: Duration = Duration::from_mins(10);
const DEFAULT_DAYS: u16 = 90;
/// For everybody: what is forgotten ends by itself.
const MAX_DAYS: u16 = 365;

pub async fn list_tokens(ctx: &OpContext, wanted: &Wanted) -> Result<Page<TokenView>> {
    Ok(ctx.store().tokens(ctx.user()?.id, wanted.window()).await?)
}

/// The token itself is in this answer and nowhere else.
pub async fn create_token(ctx: &OpContext, token: NewToken) -> Result<CreatedToken> {
    let (actor, session) = ctx.session_user()?;
    make(ctx, actor.id, token, Some(Recent { id_hash: session, within: CONFIRMED_WITHIN })).await
}

/// For the operator's command line: a token that speaks for the named person.
pub async fn create_token_for(ctx: &OpContext, email: &str, token: NewToken) -> Result<CreatedToken> {
    if !ctx.is_operator() {
        return Err(Error::Forbidden);
    }
    let user = ctx.store().user_by_email(&text::email(email)?).await?;
    match user {
        Some(user) if !user.is_disabled => make(ctx, user.id, token, None).await,
        Some(_) => Err(Error::Conflict("This account is disabled. Enable it first.".into())),
        None => Err(Error::invalid("email", "There is no account with this email. Create it first.")),
    }
}

async fn make(ctx: &OpContext, owner: UserId, wanted: NewToken, session: Option<Recent<'_>>) -> Result<CreatedToken> {
    let name = text::name("name", &wanted.name, workflow::limits::MAX_NAME_CHARS)?;
    let days = wanted.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        let detail = format!("A token lasts from 1 to {MAX_DAYS} days. Make a new one when it has expired.");
        return Err(Error::invalid("expires_in_days", detail));
    }
    let mut scopes: BTreeSet<Scope> = wanted.scopes.into_iter().collect();
    // One for metrics alone is for whoever scrapes them, who sees nothing else.
    if scopes.iter().ne([&Scope::Metrics]) {
        scopes.insert(Scope::Read);
    }
    let scopes: Vec<Scope> = scopes.into_iter().collect();
    let token = format!("{TOKEN_PREFIX}{}", id::new_secret());
    let stored = Stored {
        id: TokenId(id::new_id()),
        user: owner,
        name: &name,
        token_hash: &id::hash_secret(&token),
        scopes: &scopes,
        lifetime: Duration::from_hours(24 * u64::from(days)),
        max_tokens: MAX_TOKENS,
        session,
    };
    match ctx.store().create_token(&stored, ctx.author()).await? {
        CreateToken::Created(view) => Ok(CreatedToken { token, view }),
        CreateToken::TooMany => {
            Err(Error::Conflict(format!("There are {MAX_TOKENS} tokens already. Revoke one that is not used.")))
        }
        CreateToken::Gone => Err(Error::Unauthenticated),
        CreateToken::Unconfirmed => Err(Error::ConfirmPassword),
        CreateToken::NoAdmin(scope) => {
            let detail = format!("Only an admin's token can have the scope `{}`. Leave it out.", scope.as_str());
            Err(Error::invalid("scopes", detail))
        }
    }
}

/// Takes back one of one's own, in a session; a token may take back itself alone.
pub async fn revoke_token(ctx: &OpContext, id: TokenId) -> Result<()> {
    let owner = match ctx.token() {
        Some(own) if own == id => ctx.user()?.id,
        _ => ctx.session_user()?.0.id,
    };
    if ctx.store().revoke_token(owner, id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}
