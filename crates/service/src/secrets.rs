//! Secrets: what admins keep for agents to send, by name. A value goes in and is never told again; where it may be sent is part of giving
//! it, so that who widens that has to know it. Using one is the engine's.
//! Must never answer with a value, nor put one into a message.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use store::{
    notices::addresses::StoredAddress,
    secrets::{GrantSecret as Granted, NewSecret, SetSecret as Stored, UnderKey},
    vault::{Bound, KeyRing, VaultError},
};
use workflow::{
    AgentId, SecretName,
    api::{GrantSecret, Page, SecretView, SetSecret},
    secret::{Host, MAX_AGENTS, MAX_DESCRIPTION_CHARS, MAX_HOSTS, MAX_VALUE_BYTES, MIN_VALUE_CHARS},
    words::{QUOTED_CHARS, shortened},
};

use crate::{Error, OpContext, Result, Wanted, text};

/// Secrets at a time.
const MAX_SECRETS: i64 = 500;
/// How often it is looked again for what somebody set while it was encrypted anew.
const PASSES: usize = 10;

/// What a rotation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotated {
    /// The key under which they are now.
    pub key: String,
    pub n_done: usize,
    /// Those that could not be opened, each with its key.
    pub left: Vec<(SecretName, String)>,
}

/// By name.
pub async fn list(ctx: &OpContext, wanted: &Wanted) -> Result<Page<SecretView>> {
    ctx.keeper_of_secrets()?;
    Ok(ctx.store().secrets(keys(ctx), wanted.window()).await?)
}

/// What is told of one, if it is there.
pub async fn find(ctx: &OpContext, name: &SecretName) -> Result<Option<SecretView>> {
    ctx.keeper_of_secrets()?;
    if !name.is_well_formed() {
        return Ok(None);
    }
    Ok(ctx.store().secret(keys(ctx), name).await?)
}

/// Makes a secret or gives it another value, and says which of the two.
pub async fn set(ctx: &OpContext, name: &SecretName, wanted: SetSecret) -> Result<(SecretView, bool)> {
    ctx.keeper_of_secrets()?;
    let SetSecret { value, hosts, description, agents } = wanted;
    // Nothing before this may print it, and nothing after it does.
    let value = SecretString::from(value.0);
    if !name.is_well_formed() {
        let detail = "Use lower-case letters, digits, `_` and `-`, beginning with a letter, at most 64 characters.";
        return Err(Error::invalid("name", detail));
    }
    let value = checked_value(&value)?;
    let hosts = checked_hosts(&hosts)?;
    let description = text::prose("description", &description, MAX_DESCRIPTION_CHARS)?;
    let agents = agents.map(checked_agents).transpose()?;
    let sealed = keys(ctx).seal(Bound { name, hosts: &hosts }, &value).map_err(refused)?;
    let new = NewSecret {
        name,
        description: &description,
        hosts: &hosts,
        agents: agents.as_deref(),
        sealed: &sealed,
        max_secrets: MAX_SECRETS,
    };
    let is_new = match ctx.store().set_secret(&new, ctx.author()).await? {
        Stored::Created => true,
        Stored::Replaced => false,
        Stored::TooMany => {
            return Err(Error::Conflict(format!(
                "There are {MAX_SECRETS} secrets already. Delete one that is not used."
            )));
        }
        Stored::UnknownAgent(agent) => return Err(no_agent(&agent)),
    };
    Ok((view(ctx, name).await?, is_new))
}

/// The agents that may use it from now on, and no others.
pub async fn grant(ctx: &OpContext, name: &SecretName, wanted: GrantSecret) -> Result<SecretView> {
    ctx.keeper_of_secrets()?;
    if !name.is_well_formed() {
        return Err(Error::NotFound);
    }
    let agents = checked_agents(wanted.agents)?;
    let expected = wanted.expect.map(checked_agents).transpose()?;
    match ctx.store().grant_secret(name, &agents, expected.as_deref(), ctx.author()).await? {
        Granted::Granted => view(ctx, name).await,
        Granted::NotFound => Err(Error::NotFound),
        Granted::Changed => Err(Error::Conflict(
            "Somebody changed meanwhile which agents may use it. Nothing was changed: look at it again.".to_owned(),
        )),
        Granted::UnknownAgent(agent) => Err(no_agent(&agent)),
    }
}

/// Agents that name it fail from now on.
pub async fn delete(ctx: &OpContext, name: &SecretName) -> Result<()> {
    ctx.keeper_of_secrets()?;
    let is_gone = name.is_well_formed() && ctx.store().delete_secret(name, ctx.author()).await?;
    if is_gone { Ok(()) } else { Err(Error::NotFound) }
}

/// Encrypts every value anew that is not under the first key, one by one: wherever it ends, each is under one key or the other, and
/// beginning again goes on. For the operator alone, who has the keys.
pub async fn rotate(ctx: &OpContext) -> Result<Rotated> {
    if !ctx.is_operator() {
        return Err(Error::Forbidden);
    }
    let keys = keys(ctx);
    let current = keys.current().ok_or_else(|| refused(VaultError::NoKeys))?.to_owned();
    let mut rotated = Rotated { key: current, n_done: 0, left: Vec::new() };
    for _ in 0..PASSES {
        rotated.left.clear();
        let mut is_overtaken = false;
        for was in ctx.store().secrets_not_under(&rotated.key).await? {
            match renew(ctx, keys, &was).await? {
                Renewed::Done => rotated.n_done += 1,
                Renewed::Overtaken => is_overtaken = true,
                Renewed::Closed => rotated.left.push((was.name, was.sealed.key_id)),
            }
        }
        for was in ctx.store().addresses_not_under(&rotated.key).await? {
            match renew_address(ctx, keys, &was).await? {
                Renewed::Done => rotated.n_done += 1,
                Renewed::Overtaken => is_overtaken = true,
                Renewed::Closed => {
                    let name = SecretName::new(format!("address of notices {}", was.name));
                    rotated.left.push((name, was.sealed.key_id));
                }
            }
        }
        if !is_overtaken {
            break;
        }
    }
    Ok(rotated)
}

enum Renewed {
    Done,
    /// Somebody set or deleted it meanwhile.
    Overtaken,
    /// It cannot be opened.
    Closed,
}

async fn renew(ctx: &OpContext, keys: &KeyRing, was: &UnderKey) -> Result<Renewed> {
    let bound = Bound { name: &was.name, hosts: &was.hosts };
    let Ok(value) = keys.open(bound, &was.sealed) else { return Ok(Renewed::Closed) };
    let sealed = keys.seal(bound, &value).map_err(refused)?;
    // The old one is gone afterwards, so the new one is tried before.
    let again = keys.open(bound, &sealed).map_err(refused)?;
    if again.expose_secret() != value.expose_secret() {
        return Err(refused(VaultError::NotSealed));
    }
    let is_done = ctx.store().reseal_secret(was, &sealed, ctx.author()).await?;
    Ok(if is_done { Renewed::Done } else { Renewed::Overtaken })
}

/// The same for where notices are sent.
async fn renew_address(ctx: &OpContext, keys: &KeyRing, was: &StoredAddress) -> Result<Renewed> {
    let Ok(target) = was.open(keys) else { return Ok(Renewed::Closed) };
    let sealed = target.seal(keys, was.id, &was.place).map_err(refused)?;
    let again = StoredAddress { sealed: sealed.clone(), ..was.clone() };
    let is_same = again.open(keys).map_err(refused)?.url.expose_secret() == target.url.expose_secret();
    if !is_same {
        return Err(refused(VaultError::NotSealed));
    }
    let is_done = ctx.store().reseal_address(was, &sealed, ctx.author()).await?;
    Ok(if is_done { Renewed::Done } else { Renewed::Overtaken })
}

fn keys(ctx: &OpContext) -> &KeyRing {
    &ctx.settings().secret_keys
}

async fn view(ctx: &OpContext, name: &SecretName) -> Result<SecretView> {
    ctx.store().secret(keys(ctx), name).await?.ok_or(Error::NotFound)
}

/// Without the line break that comes with a value from a file.
fn checked_value(value: &SecretString) -> Result<SecretString> {
    let value = value.expose_secret();
    let value = value.strip_suffix('\n').unwrap_or(value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    text::no_nul("value", value)?;
    if value.chars().count() < MIN_VALUE_CHARS {
        let detail = format!(
            "It is shorter than {MIN_VALUE_CHARS} characters, so it could not be taken out of what is written down. Use a longer one."
        );
        return Err(Error::invalid("value", detail));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::too_large("value", format!("It is larger than {} KiB. Shorten it.", MAX_VALUE_BYTES >> 10)));
    }
    Ok(SecretString::from(value.to_owned()))
}

/// Each once, in one order: the value is encrypted with them.
fn checked_hosts(hosts: &[String]) -> Result<Vec<String>> {
    if hosts.len() > MAX_HOSTS {
        return Err(Error::invalid("hosts", format!("There are more than {MAX_HOSTS}. Name fewer.")));
    }
    let mut known = BTreeSet::new();
    for (n, host) in hosts.iter().enumerate() {
        let read = host.parse::<Host>().map_err(|bad| {
            // Not repeated: it may be the value, in the wrong field.
            let detail = format!("Number {} is no host: {bad}. Write it like api.example.org.", n + 1);
            Error::invalid(format!("hosts.{n}"), detail)
        })?;
        known.insert(read.to_string());
    }
    Ok(known.into_iter().collect())
}

fn checked_agents(agents: Vec<AgentId>) -> Result<Vec<AgentId>> {
    if agents.len() > MAX_AGENTS {
        return Err(Error::invalid("agents", format!("There are more than {MAX_AGENTS}. Name fewer.")));
    }
    let agents: BTreeSet<AgentId> = agents.into_iter().collect();
    match agents.iter().find(|agent| !agent.is_well_formed()) {
        Some(_) => Err(Error::invalid("agents", "One is no id of an agent. Name agents of the library by their ids.")),
        None => Ok(agents.into_iter().collect()),
    }
}

fn no_agent(agent: &AgentId) -> Error {
    let shown = shortened(agent.as_str(), QUOTED_CHARS);
    Error::invalid("agents", format!("There is no agent `{shown}`. Name agents of the library by their ids."))
}

fn refused(error: VaultError) -> Error {
    match error {
        VaultError::NoKeys => Error::Conflict(
            "This server has no key for secrets. Whoever runs it makes one with `weft secret new-key` and names its file in \
             WEFT_SECRET_KEY_FILE."
                .to_owned(),
        ),
        VaultError::UnknownKey { .. } | VaultError::NotSealed | VaultError::Forged => Error::Secret(error),
    }
}
