//! Outside workers as admins see them: who is connected, what is offered and accepted, and their tokens. What the workers themselves
//! may do is in `worker`.
//! Must never show a token but in the answer that makes it.

use std::{collections::BTreeMap, time::Duration};

use store::{
    outside::{
        offers::Accepted,
        tokens::{CreateWorkerToken, NewWorkerToken as Stored},
    },
    tokens::Recent,
};
use workflow::{
    AgentId, AgentSpec, RunId,
    api::{
        AbsentWorker, AcceptOffer, CreatedWorkerToken, NewWorkerToken, OfferView, Page, QueueView, WorkerState,
        WorkerTokenView, WorkerView,
    },
    id::{TokenId, WorkerId},
    limits::MAX_NAME_CHARS,
    schema::is_hash,
};

use crate::{
    Error, OpContext, Result, Wanted,
    accounts::CONFIRMED_WITHIN,
    id, runs, text,
    worker::{TOKEN_PREFIX, limits},
};

/// Worker tokens that stand at a time.
const MAX_TOKENS: i64 = 1_000;
/// What one may name.
const MAX_PATTERNS: usize = 200;
const DEFAULT_DAYS: u16 = 90;
const MAX_DAYS: u16 = 365;

/// Sessions, those of the last day that are over included; the newest first.
pub async fn list(ctx: &OpContext, wanted: &Wanted) -> Result<Page<WorkerView>> {
    ctx.admin()?;
    Ok(ctx.store().worker_sessions(wanted.window()).await?)
}

/// Pauses a session, lets it finish and end, or ends it at once. Every process hears of it within a second or two.
pub async fn set_state(ctx: &OpContext, session: WorkerId, state: WorkerState) -> Result<()> {
    ctx.admin()?;
    if ctx.store().set_worker_session(session, state, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// What was offered, the newest first; `waiting`: only what no admin has accepted.
pub async fn offers(ctx: &OpContext, waiting: bool, wanted: &Wanted) -> Result<Page<OfferView>> {
    ctx.admin()?;
    Ok(ctx.store().offers(waiting, wanted.window()).await?)
}

/// An offer becomes the next version of its agent.
pub async fn accept(ctx: &OpContext, offer: AcceptOffer) -> Result<AgentSpec> {
    let by = ctx.admin()?.id;
    let AcceptOffer { agent_id: agent, hash } = offer;
    if !agent.is_well_formed() || !is_hash(&hash) {
        return Err(Error::NotFound);
    }
    match ctx.store().accept_offer(&agent, &hash, by, ctx.author()).await? {
        Accepted::Version(spec) => Ok(*spec),
        Accepted::Unknown => Err(Error::NotFound),
        Accepted::OtherKind => Err(Error::Unsuitable {
            field: "agent_id".into(),
            detail: format!(
                "There is an agent `{agent}` of another kind. The worker has to offer it under another id."
            ),
        }),
    }
}

pub async fn list_tokens(ctx: &OpContext, wanted: &Wanted) -> Result<Page<WorkerTokenView>> {
    manager(ctx)?;
    Ok(ctx.store().worker_tokens(wanted.window()).await?)
}

/// The token itself is in this answer and nowhere else. It is made like a person's own: in a session in which the password was given a
/// moment ago, never with another token; or by the operator beside the database.
pub async fn create_token(ctx: &OpContext, wanted: NewWorkerToken) -> Result<CreatedWorkerToken> {
    let maker = if ctx.is_operator() {
        None
    } else {
        let (actor, id_hash) = ctx.session_user()?;
        ctx.admin()?;
        Some((actor.id, Recent { id_hash, within: CONFIRMED_WITHIN }))
    };
    let name = text::name("name", &wanted.name, MAX_NAME_CHARS)?;
    let days = wanted.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        let detail = format!("A token lasts from 1 to {MAX_DAYS} days. Make a new one when it has expired.");
        return Err(Error::invalid("expires_in_days", detail));
    }
    if wanted.agents.is_empty() || wanted.agents.len() > MAX_PATTERNS {
        let detail =
            format!("Say which agents it may offer: 1 to {MAX_PATTERNS} ids, or beginnings such as `report-*`.");
        return Err(Error::invalid("agents", detail));
    }
    for (n, pattern) in wanted.agents.iter().enumerate() {
        let beginning = pattern.strip_suffix('*').unwrap_or(pattern);
        let is_any = beginning.is_empty() && pattern == "*";
        if !is_any && !AgentId::new(beginning).is_well_formed() {
            let detail = format!("`{pattern}` is no agent's id, and no beginning of one such as `report-*`.");
            return Err(Error::invalid(format!("agents.{n}"), detail));
        }
    }
    let is_short = |text: &String| text.chars().count() <= limits::MAX_LABEL_CHARS && !text.contains('\0');
    if wanted.labels.len() > limits::MAX_LABELS || !wanted.labels.iter().all(|(a, b)| is_short(a) && is_short(b)) {
        let (n, chars) = (limits::MAX_LABELS, limits::MAX_LABEL_CHARS);
        return Err(Error::invalid("labels", format!("A token has {n} labels at most, of {chars} characters each.")));
    }
    let token = format!("{TOKEN_PREFIX}{}", id::new_secret());
    let stored = Stored {
        id: TokenId(id::new_id()),
        name: &name,
        token_hash: &id::hash_secret(&token),
        agents: &wanted.agents,
        labels: &wanted.labels,
        lifetime: Duration::from_hours(24 * u64::from(days)),
        max_tokens: MAX_TOKENS,
        maker,
    };
    match ctx.store().create_worker_token(&stored, ctx.author()).await? {
        CreateWorkerToken::Created(view) => Ok(CreatedWorkerToken { token, view }),
        CreateWorkerToken::TooMany => {
            Err(Error::Conflict(format!("There are {MAX_TOKENS} worker tokens already. Revoke one that is not used.")))
        }
        CreateWorkerToken::Gone => Err(Error::Unauthenticated),
        CreateWorkerToken::Unconfirmed => Err(Error::ConfirmPassword),
        CreateWorkerToken::NoAdmin => Err(Error::Forbidden),
    }
}

/// Takes a token back; its sessions end.
pub async fn revoke_token(ctx: &OpContext, id: TokenId) -> Result<()> {
    manager(ctx)?;
    if ctx.store().revoke_worker_token(id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// What waits for the workers of these agents, or of all, and how many they are. An agent that nobody knows has zeros, so that whoever scales
/// its workers finds a number before the first of them came.
pub async fn queues(ctx: &OpContext, agents: Option<&str>) -> Result<BTreeMap<AgentId, QueueView>> {
    ctx.reader_of_metrics()?;
    let Some(agents) = agents else { return Ok(ctx.store().queues(None).await?) };
    let agents: Vec<AgentId> = agents.split(',').map(|id| AgentId::new(id.trim())).collect();
    if agents.len() > MAX_PATTERNS || !agents.iter().all(AgentId::is_well_formed) {
        let detail = format!("Name 1 to {MAX_PATTERNS} agents by their ids, with commas between.");
        return Err(Error::invalid("agents", detail));
    }
    Ok(ctx.store().queues(Some(&agents)).await?)
}

/// The steps of a run that wait for a worker which is not there, for whoever may see the run.
pub async fn absent(ctx: &OpContext, run: RunId) -> Result<Vec<AbsentWorker>> {
    runs::visible(ctx, run).await?;
    Ok(ctx.store().absent_workers(run).await?)
}

/// An admin, or the operator.
fn manager(ctx: &OpContext) -> Result<()> {
    if ctx.is_operator() { Ok(()) } else { ctx.admin().map(|_| ()) }
}
