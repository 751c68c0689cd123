//! Slows down guessing at passwords: by account and by network, counted before the password is looked at.
//! Must never store what was typed: keys are hashes.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use store::throttle::{Attempt, Policy};

use crate::{Error, OpContext, Result, id};

/// Few free tries, then a delay that a person still waits out: nobody is locked out of their own account.
const ACCOUNT: Policy = Policy { n_free: 5, max_delay: Duration::from_mins(1), fades_after: Duration::from_hours(1) };
/// Many people may share an address; but one that fails over and over is slowed down hard.
const ADDRESS: Policy = Policy { n_free: 30, max_delay: Duration::from_mins(15), fades_after: Duration::from_hours(1) };

/// An attempt that was counted under a key, if there is one to count by.
pub(super) struct Counted(Option<String>);

pub(super) async fn account(ctx: &OpContext, email: &str) -> Result<Counted> {
    let hash = id::hash_secret(&email.trim().to_lowercase());
    count(ctx, Some(format!("account:{}", hex::encode(hash))), ACCOUNT).await
}

pub(super) async fn address(ctx: &OpContext) -> Result<Counted> {
    let network = ctx.request().address.map(network);
    let key = network.map(|network| format!("address:{}", hex::encode(id::hash_secret(&network.to_string()))));
    count(ctx, key, ADDRESS).await
}

async fn count(ctx: &OpContext, key: Option<String>, policy: Policy) -> Result<Counted> {
    if let Some(key) = &key
        && let Attempt::Blocked { retry_after } = ctx.store().begin_attempt(key, policy).await?
    {
        return Err(Error::TooManyRequests { retry_after });
    }
    Ok(Counted(key))
}

impl Counted {
    /// This attempt was no guess; others under the key stay counted.
    pub(super) async fn succeeded(self, ctx: &OpContext) -> Result<()> {
        match self.0 {
            Some(key) => Ok(ctx.store().forgive_attempt(&key).await?),
            None => Ok(()),
        }
    }

    /// The owner of the key has proved who they are.
    pub(super) async fn forget(self, ctx: &OpContext) -> Result<()> {
        match self.0 {
            Some(key) => Ok(ctx.store().forget_attempts(&key).await?),
            None => Ok(()),
        }
    }
}

/// Whoever has one IPv6 address usually has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_count_together() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(of("10.0.0.1"), "10.0.0.1");
    }
}
