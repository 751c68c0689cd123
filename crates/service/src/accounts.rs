//! Signing in and out, the first admin, and one's own password, sessions and tokens.
//! Must never tell whether an email has an account, and never let a guess go uncounted.

mod cookie;
mod guard;
mod hasher;
mod password;

use secrecy::{ExposeSecret, SecretString};
use store::{
    sessions::NewSession,
    tokens::CreateToken,
    users::{ChangeUser, Credentials, NewUser},
};
use workflow::{
    UserId,
    access::{Actor, Role},
    api::{CreatedToken, SessionView, TokenView},
    id::TokenId,
};

pub use cookie::SessionCookie;
pub(crate) use hasher::Hasher;
pub(crate) use password::check as check_password;

use crate::{Error, OpContext, Result, id, library, text};

/// What an API token begins with, so that people and secret scanners recognise one.
pub(crate) const TOKEN_PREFIX: &str = "weft_";
/// Tokens that one person may have at a time.
const MAX_TOKENS: i64 = 100;
/// Characters of a browser's name for itself that are kept.
const MAX_USER_AGENT_CHARS: usize = 300;

/// What the login page has to offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetupState {
    /// There is no account yet: create the admin.
    pub needs_admin: bool,
    /// The one-time token printed at start is wanted for it.
    pub needs_token: bool,
}

pub async fn setup_state(ctx: &OpContext) -> Result<SetupState> {
    let needs_admin = !ctx.store().has_users().await?;
    Ok(SetupState { needs_admin, needs_token: needs_admin && !ctx.settings().is_loopback })
}

/// Creates the admin of a server that has no account yet, fills the library and signs in.
pub async fn create_first_admin(
    ctx: &OpContext,
    email: &str,
    password: SecretString,
    token: &str,
) -> Result<SessionCookie> {
    // Asked first, so that a token cannot be guessed at a server that is set up.
    if ctx.store().has_users().await? {
        return Err(already_set_up());
    }
    if !ctx.settings().is_loopback {
        let address = guard::address(ctx).await?;
        let expected = ctx.settings().first_run_token.as_ref().map(ExposeSecret::expose_secret);
        // Hashes are compared, so that the time taken tells nothing.
        if expected.map(id::hash_secret) != Some(id::hash_secret(token.trim())) {
            return Err(Error::invalid(
                "token",
                "This is not the token that the server printed when it started. Copy it from its log.",
            ));
        }
        address.succeeded(ctx).await?;
    }
    let email = text::email(email)?;
    check_password("password", &password, &email)?;
    let password_hash = ctx.hasher().hash(password).await?;
    let user = NewUser { id: UserId(id::new_id()), email, role: Role::Admin, password_hash };
    if ctx.store().create_first_user(&user, ctx.author()).await?.is_none() {
        return Err(already_set_up());
    }
    let actor = Actor { id: user.id, email: user.email, role: Role::Admin };
    let (session, ctx) = begin_session(ctx, actor, &user.password_hash).await?;
    if let Err(error) = library::install(&ctx, &ctx.settings().library).await {
        // The account stands; an empty library is no reason to refuse it, and `weft seed` fills it later.
        let logged = error.to_api();
        tracing::error!(error.id = ?logged.id, "the library could not be filled: {}", logged.detail);
    }
    Ok(session)
}

fn already_set_up() -> Error {
    Error::Conflict("This server already has an admin. Sign in instead.".into())
}

pub async fn login(ctx: &OpContext, email: &str, password: SecretString) -> Result<SessionCookie> {
    let address = guard::address(ctx).await?;
    let account = guard::account(ctx, email).await?;
    // What is no email has no account; it is answered like one that has none.
    let known = match text::email(email) {
        Ok(email) => ctx.store().credentials(&email).await?,
        Err(_) => None,
    };
    let Some(known) = verified(ctx, known, password.clone()).await? else {
        return Err(Error::WrongCredentials);
    };
    let (session, signed_in) = begin_session(ctx, known.actor, &known.password_hash).await?;
    account.forget(ctx).await?;
    address.succeeded(ctx).await?;
    if Hasher::is_outdated(&known.password_hash) {
        let rehashed = ctx.hasher().hash(password).await?;
        if let Some(actor) = signed_in.actor() {
            ctx.store().rehash_password(actor.id, &known.password_hash, &rehashed).await?;
        }
    }
    Ok(session)
}

/// The account, if the password is right and it is not disabled. An unknown one costs the same time.
async fn verified(ctx: &OpContext, known: Option<Credentials>, password: SecretString) -> Result<Option<Credentials>> {
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let is_right = ctx.hasher().verify(password, hash).await?;
    let user = known.as_ref().map(|known| known.actor.id);
    let found = known.filter(|known| is_right && !known.is_disabled);
    if found.is_none() {
        let subject = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
        ctx.store().note(ctx.author(), "session.refused", &subject, serde_json::json!({})).await?;
    }
    Ok(found)
}

/// A new session under a new secret; the one the request came with ends.
async fn begin_session(ctx: &OpContext, actor: Actor, password_hash: &str) -> Result<(SessionCookie, OpContext)> {
    let secret = id::new_secret();
    let id_hash = id::hash_secret(&secret);
    let user_agent: String =
        ctx.request().user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect();
    let lifetimes = ctx.settings().lifetimes;
    let session = NewSession { id_hash: &id_hash, user: actor.id, password_hash, user_agent: &user_agent, lifetimes };
    if !ctx.store().create_session(&session, ctx.author()).await? {
        return Err(Error::WrongCredentials);
    }
    if let Some(old) = ctx.session() {
        ctx.store().end_session(old, ctx.author()).await?;
    }
    let cookie = SessionCookie::new(secret, lifetimes.absolute, ctx.settings().secure_cookies);
    Ok((cookie, ctx.signed_in(actor, id_hash)))
}

/// Ends the session, if there is one, and gives the header that makes the browser forget it.
pub async fn logout(ctx: &OpContext) -> Result<String> {
    if let Some(session) = ctx.session() {
        ctx.store().end_session(session, ctx.author()).await?;
    }
    Ok(SessionCookie::clear(ctx.settings().secure_cookies))
}

/// Ends all sessions of the person and begins a new one.
pub async fn change_password(ctx: &OpContext, current: SecretString, new: SecretString) -> Result<SessionCookie> {
    let actor = person(ctx)?.clone();
    let account = guard::account(ctx, &actor.email).await?;
    let known = ctx.store().credentials(&actor.email).await?;
    let known = known.filter(|known| known.actor.id == actor.id);
    if verified(ctx, known, current.clone()).await?.is_none() {
        return Err(Error::invalid("current", "This is not your current password. Check it and try again."));
    }
    account.forget(ctx).await?;
    check_password("new", &new, &actor.email)?;
    if current.expose_secret() == new.expose_secret() {
        return Err(Error::invalid("new", "This is the password you have. Choose another one."));
    }
    let hash = ctx.hasher().hash(new).await?;
    match ctx.store().set_password(actor.id, &hash, ctx.author()).await? {
        ChangeUser::Changed(_) => Ok(begin_session(ctx, actor, &hash).await?.0),
        ChangeUser::NotFound | ChangeUser::LastAdmin => Err(Error::Unauthenticated),
    }
}

pub async fn list_sessions(ctx: &OpContext) -> Result<Vec<SessionView>> {
    let actor = person(ctx)?;
    Ok(ctx.store().sessions(actor.id, ctx.session(), ctx.settings().lifetimes.idle).await?)
}

pub async fn revoke_session(ctx: &OpContext, id: &str) -> Result<()> {
    let actor = person(ctx)?;
    let is_name = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_name && ctx.store().revoke_session(actor.id, id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

pub async fn list_tokens(ctx: &OpContext) -> Result<Vec<TokenView>> {
    Ok(ctx.store().tokens(person(ctx)?.id).await?)
}

/// The token itself is in this answer and nowhere else.
pub async fn create_token(ctx: &OpContext, name: &str) -> Result<CreatedToken> {
    let owner = person(ctx)?.id;
    token_for(ctx, owner, name).await
}

/// For the operator's command line: a token that speaks for the named person.
pub async fn create_token_for(ctx: &OpContext, email: &str, name: &str) -> Result<CreatedToken> {
    if !ctx.is_operator() {
        return Err(Error::Forbidden);
    }
    let user = ctx.store().user_by_email(&text::email(email)?).await?;
    match user {
        Some(user) if !user.is_disabled => token_for(ctx, user.id, name).await,
        Some(_) => Err(Error::Conflict("This account is disabled. Enable it first.".into())),
        None => Err(Error::invalid("email", "There is no account with this email. Create it first.")),
    }
}

async fn token_for(ctx: &OpContext, owner: UserId, name: &str) -> Result<CreatedToken> {
    let name = text::name("name", name, workflow::limits::MAX_NAME_CHARS)?;
    let token = format!("{TOKEN_PREFIX}{}", id::new_secret());
    let hash = id::hash_secret(&token);
    let token_id = TokenId(id::new_id());
    match ctx.store().create_token(token_id, owner, &name, &hash, MAX_TOKENS, ctx.author()).await? {
        CreateToken::Created(view) => Ok(CreatedToken { token, view }),
        CreateToken::TooMany => {
            Err(Error::Conflict(format!("There are {MAX_TOKENS} tokens already. Revoke one that is not used.")))
        }
    }
}

pub async fn revoke_token(ctx: &OpContext, id: TokenId) -> Result<()> {
    let actor = person(ctx)?;
    if ctx.store().revoke_token(actor.id, id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// A person, not the operator: what is one's own belongs to somebody.
fn person(ctx: &OpContext) -> Result<&Actor> {
    if ctx.is_operator() { Err(Error::Unauthenticated) } else { ctx.user() }
}
