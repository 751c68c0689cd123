//! Signing in and out, the first admin, and one's own password and sessions; one's tokens have a file of their own.
//! Must never tell whether an email has an account, and never let a guess go uncounted.

mod cookie;
mod guard;
mod hasher;
mod memory;
mod network;
mod password;
mod tokens;

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use store::{
    devices::DeviceChange,
    sessions::NewSession,
    users::{ChangeUser, Credentials, NewUser},
};
use workflow::{
    UserId,
    access::{Actor, Role},
    api::{Page, SessionView},
};

pub(crate) use cookie::Cookie;
pub use cookie::SignedIn;
use guard::Guess;
pub(crate) use hasher::{Hasher, Lane};
pub(crate) use network::Network;
pub(crate) use password::{Password, check as check_password};
pub(crate) use tokens::{CONFIRMED_WITHIN, TOKEN_PREFIX};
pub use tokens::{create_token, create_token_for, list_tokens, revoke_token};

use crate::{Error, OpContext, Result, Wanted, id, library, text};

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
pub async fn create_first_admin(ctx: &OpContext, email: &str, password: SecretString, token: &str) -> Result<SignedIn> {
    // Asked first, so that a token cannot be guessed at a server that is set up.
    if ctx.store().has_users().await? {
        return Err(already_set_up());
    }
    if !ctx.settings().is_loopback {
        let guess = guard::first_run(ctx).await?;
        let expected = ctx.settings().first_run_token.as_ref().map(ExposeSecret::expose_secret);
        // Hashes are compared, so that the time taken tells nothing.
        if expected.map(id::hash_secret) != Some(id::hash_secret(token.trim())) {
            return Err(Error::invalid(
                "token",
                "This is not the token that the server printed when it started. Copy it from its log.",
            ));
        }
        guess.succeeded(ctx).await?;
    }
    let email = text::email(email)?;
    let password = Password::typed(password);
    check_password("password", &password, &email)?;
    let lane = Lane::Of(Network::of(ctx.request().address));
    let password_hash = ctx.hasher().hash(lane, password).await?;
    let user = NewUser { id: UserId(id::new_id()), email, role: Role::Admin, password_hash };
    if ctx.store().create_first_user(&user, ctx.author()).await?.is_none() {
        return Err(already_set_up());
    }
    let actor =
        Actor { id: user.id, email: user.email, role: Role::Admin, groups: BTreeSet::new(), acts_for: Vec::new() };
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

pub async fn login(ctx: &OpContext, email: &str, password: SecretString) -> Result<SignedIn> {
    let password = Password::typed(password);
    // What is no email has no account; it is answered like one that has none.
    let known = match text::email(email) {
        Ok(email) => ctx.store().credentials(&email).await?,
        Err(_) => None,
    };
    let guess = guard::sign_in(ctx, email, known.as_ref().map(|known| known.actor.id)).await?;
    let Some((known, guess)) = verified(ctx, guess, known, password.clone()).await? else {
        return Err(Error::WrongCredentials);
    };
    let (session, signed_in) = begin_session(ctx, known.actor, &known.password_hash).await?;
    guess.succeeded(ctx).await?;
    if Hasher::is_outdated(&known.password_hash)
        && let Some(actor) = signed_in.actor()
    {
        let rehashed = ctx.hasher().hash(Lane::Known(Some(actor.id)), password).await?;
        ctx.store().rehash_password(actor.id, &known.password_hash, &rehashed).await?;
    }
    Ok(session)
}

/// The account, if the password is right and it is not disabled. An unknown one costs the same time.
async fn verified(
    ctx: &OpContext,
    guess: Guess,
    known: Option<Credentials>,
    password: Password,
) -> Result<Option<(Credentials, Guess)>> {
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let is_right = guess.verify(ctx, password, hash).await?;
    let user = known.as_ref().map(|known| known.actor.id);
    if let Some(found) = known.filter(|known| is_right && !known.is_disabled) {
        return Ok(Some((found, guess)));
    }
    guess.failed(ctx).await?;
    let subject = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
    ctx.store().note(ctx.author(), "session.refused", &subject, serde_json::json!({})).await?;
    Ok(None)
}

/// A new session under a new secret; the one the request came with ends.
async fn begin_session(ctx: &OpContext, actor: Actor, password_hash: &str) -> Result<(SignedIn, OpContext)> {
    let (secret, device) = (id::new_secret(), id::new_secret());
    let (id_hash, device_hash) = (id::hash_secret(&secret), id::hash_secret(&device));
    let user_agent: String =
        ctx.request().user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect();
    let lifetimes = ctx.settings().lifetimes;
    let session = NewSession {
        id_hash: &id_hash,
        user: actor.id,
        password_hash,
        user_agent: &user_agent,
        lifetimes,
        device: DeviceChange { old: ctx.request().device.as_ref(), new: &device_hash },
    };
    if !ctx.store().create_session(&session, ctx.author()).await? {
        return Err(Error::WrongCredentials);
    }
    if let Some(old) = ctx.session() {
        ctx.store().end_session(old, ctx.author()).await?;
    }
    let is_secure = ctx.settings().secure_cookies;
    let cookies = SignedIn { session: secret, device, max_age: lifetimes.absolute, is_secure };
    Ok((cookies, ctx.signed_in(actor, id_hash)))
}

/// Ends the session, if there is one, and gives the header that makes the browser forget it.
pub async fn logout(ctx: &OpContext) -> Result<String> {
    if let Some(session) = ctx.session() {
        ctx.store().end_session(session, ctx.author()).await?;
    }
    Ok(cookie::clear_session(ctx.settings().secure_cookies))
}

/// Ends all sessions, tokens and known devices of the person, and begins a new session.
pub async fn change_password(ctx: &OpContext, current: SecretString, new: SecretString) -> Result<SignedIn> {
    let (current, new) = (Password::typed(current), Password::typed(new));
    if own_password(ctx, current.clone()).await?.is_none() {
        return Err(Error::invalid("current", "This is not your current password. Check it and try again."));
    }
    let actor = ctx.session_user()?.0.clone();
    check_password("new", &new, &actor.email)?;
    if current.equals(&new) {
        return Err(Error::invalid("new", "This is the password you have. Choose another one."));
    }
    let hash = ctx.hasher().hash(Lane::Known(Some(actor.id)), new).await?;
    match ctx.store().set_password(actor.id, &hash, ctx.author()).await? {
        ChangeUser::Changed(_) => Ok(begin_session(ctx, actor, &hash).await?.0),
        ChangeUser::NotFound | ChangeUser::LastAdmin => Err(Error::Unauthenticated),
    }
}

/// The person gives their password again, for what wants it given lately.
pub async fn confirm_password(ctx: &OpContext, password: SecretString) -> Result<()> {
    let Some(known) = own_password(ctx, Password::typed(password)).await? else {
        return Err(Error::invalid("password", "This is not your password. Check it and try again."));
    };
    let (_, session) = ctx.session_user()?;
    let is_open = ctx.store().confirm_session(session, &known.password_hash, ctx.author()).await?;
    if is_open { Ok(()) } else { Err(Error::Unauthenticated) }
}

/// The account of the session, if this is its password; a wrong one is counted.
async fn own_password(ctx: &OpContext, password: Password) -> Result<Option<Credentials>> {
    let (actor, session) = ctx.session_user()?;
    let guess = guard::within_session(ctx, actor.id, session).await?;
    let known = ctx.store().credentials(&actor.email).await?;
    let known = known.filter(|known| known.actor.id == actor.id);
    let Some((known, guess)) = verified(ctx, guess, known, password).await? else { return Ok(None) };
    guess.succeeded(ctx).await?;
    Ok(Some(known))
}

pub async fn list_sessions(ctx: &OpContext, wanted: &Wanted) -> Result<Page<SessionView>> {
    let (actor, _) = ctx.session_user()?;
    Ok(ctx.store().sessions(actor.id, ctx.session(), ctx.settings().lifetimes.idle, wanted.window()).await?)
}

pub async fn revoke_session(ctx: &OpContext, id: &str) -> Result<()> {
    let (actor, _) = ctx.session_user()?;
    let is_name = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_name && ctx.store().revoke_session(actor.id, id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}
