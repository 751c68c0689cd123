//! Slows down guessing at passwords without letting anybody lock out somebody else. Every guess is counted before it is looked at:
//! per account and network, per network over all accounts, and per account over all networks. A device that signed in before, and a
//! session, have counts of their own and none of these, so that their owner gets in whatever others do.
//! Must never store what was typed: keys are hashes.

use std::time::Duration;

use store::{
    secret::SecretHash,
    throttle::{Attempt, Count, Policy, Rate, Ticket},
};
use workflow::UserId;

use super::{hasher::Lane, network::Network, password::Password};
use crate::{Error, OpContext, Result, id, text};

/// Few free tries, then a delay that a person still waits out. Also for what a stolen cookie of a device, or a stolen session, may try.
const PAIR: Policy = Policy { n_free: 5, max_delay: Duration::from_mins(1), fades_after: Duration::from_hours(1) };
/// Many people may share a network; but one that fails over and over is slowed down, whatever accounts it names.
const NETWORK: Policy = Policy { n_free: 30, max_delay: Duration::from_mins(1), fades_after: Duration::from_hours(1) };
/// How often one account may be tried by all that are no known device.
const PER_MINUTE: i32 = 30;
/// Of these, kept for networks that have hardly failed at the account: three that guess without end leave room for its owner.
const RESERVED: i32 = 10;
/// How often the password is given again in one session, also the right one: each time costs a hash.
const CONFIRMATIONS_PER_MINUTE: i32 = 10;
/// A device that fails more often in a row than people mistype is treated like any other.
const MAX_DEVICE_FAILURES: i32 = 10;

/// A guess that was counted. It has to be ended by what came of it.
#[must_use]
pub(super) struct Guess {
    ticket: Ticket,
    lane: Lane,
    device: Option<(SecretHash, UserId)>,
}

/// A guess at the password of the account that this was typed for. `known` is whose it is, if anybody's.
pub(super) async fn sign_in(ctx: &OpContext, email: &str, known: Option<UserId>) -> Result<Guess> {
    let of_account = id::hash_secret(&text::email_form(email));
    if let Some(device) = &ctx.request().device {
        // Asked for nobody too, so that the time taken tells nothing.
        let user = known.unwrap_or(UserId(uuid::Uuid::nil()));
        if ctx.store().is_known_device(device, user).await? {
            let key = key("device", &[device, &of_account]);
            return begin(ctx, vec![forgotten_by_success(key)], None, Lane::Known(Some(user)), Some((*device, user)))
                .await;
        }
    }
    let network = Network::of(ctx.request().address);
    let pair = forgotten_by_success(key("pair", &[&of_account, network.to_string().as_bytes()]));
    let rate = Rate {
        key: key("account", &[&of_account]),
        per_minute: PER_MINUTE,
        n_reserved: RESERVED,
        is_forgotten_by_success: true,
    };
    begin(ctx, vec![pair, of_network(network)], Some(rate), Lane::Of(network), None).await
}

/// A guess at the password of the person whose session this is: nobody else's guesses stand in its way, and it in nobody's.
/// Right ones are counted too: a person has their turns at hashing, and not all of what is left.
pub(super) async fn within_session(ctx: &OpContext, person: UserId, session: &SecretHash) -> Result<Guess> {
    let rate = Rate {
        key: key("confirmation", &[session]),
        per_minute: CONFIRMATIONS_PER_MINUTE,
        n_reserved: 0,
        is_forgotten_by_success: false,
    };
    let wrong = forgotten_by_success(key("session", &[session]));
    begin(ctx, vec![wrong], Some(rate), Lane::Known(Some(person)), None).await
}

/// A guess at the token for the first admin.
pub(super) async fn first_run(ctx: &OpContext) -> Result<Guess> {
    let network = Network::of(ctx.request().address);
    begin(ctx, vec![of_network(network)], None, Lane::Of(network), None).await
}

async fn begin(
    ctx: &OpContext,
    counts: Vec<Count>,
    rate: Option<Rate>,
    lane: Lane,
    device: Option<(SecretHash, UserId)>,
) -> Result<Guess> {
    match ctx.store().begin_attempt(counts, rate).await? {
        Attempt::Allowed(ticket) => Ok(Guess { ticket, lane, device }),
        Attempt::Blocked { retry_after } => Err(Error::TooManyRequests { retry_after }),
    }
}

impl Guess {
    /// Whether the password is the one; false for an absent hash, after the same work.
    pub(super) async fn verify(&self, ctx: &OpContext, password: Password, hash: Option<String>) -> Result<bool> {
        let answer = ctx.hasher().verify(self.lane, password, hash).await;
        if answer.is_err() {
            ctx.store().attempt_was_dropped(&self.ticket).await?;
        }
        answer
    }

    /// Whoever made the guess has proved who they are.
    pub(super) async fn succeeded(self, ctx: &OpContext) -> Result<()> {
        Ok(ctx.store().attempt_succeeded(&self.ticket).await?)
    }

    /// It stays counted.
    pub(super) async fn failed(self, ctx: &OpContext) -> Result<()> {
        if let Some((device, user)) = self.device
            && self.ticket.n_failures >= MAX_DEVICE_FAILURES
        {
            ctx.store().forget_device(&device, user).await?;
        }
        Ok(())
    }
}

fn forgotten_by_success(key: String) -> Count {
    Count { key, policy: PAIR, is_forgotten_by_success: true }
}

fn of_network(network: Network) -> Count {
    let key = key("network", &[network.to_string().as_bytes()]);
    Count { key, policy: NETWORK, is_forgotten_by_success: false }
}

fn key(kind: &str, parts: &[&[u8]]) -> String {
    let parts: Vec<String> = parts.iter().map(hex::encode).collect();
    format!("{kind}:{}", hex::encode(id::hash_secret(&parts.join("."))))
}
