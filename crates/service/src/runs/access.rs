//! Who may do what on one run: its owner and admins everything, whoever is asked at an open gate that gate alone.
//! Must answer alike for a run that is missing and one that is nobody's business of the asker.

use store::access::Access;
use workflow::{RunId, StepKey, access::Scope};

use super::idempotency::Idempotency;
use crate::{Error, OpContext, Result};

/// Passes if the run may be seen.
pub(crate) async fn see(ctx: &OpContext, run: RunId) -> Result<Access> {
    ctx.store().run_access(run, ctx.user()?).await?.ok_or(Error::NotFound)
}

/// Passes if every verb is theirs: owner and admins.
pub(crate) async fn steer(ctx: &OpContext, run: RunId) -> Result<()> {
    ctx.user_for(Scope::Run)?;
    match see(ctx, run).await? {
        Access::Full => Ok(()),
        Access::Gates(_) => Err(Error::Forbidden),
    }
}

/// Passes if deciding at the step's gate is theirs: owner, admins, and whoever the open gate asks.
/// True if it is theirs only at the gate, which may have closed by the time the verb holds the run's lock.
/// What they decided there once, they may be told again under its key.
pub(crate) async fn decide(ctx: &OpContext, run: RunId, key: &StepKey, once: &Idempotency) -> Result<bool> {
    ctx.user_for(Scope::Review)?;
    let refused = match see(ctx, run).await {
        Ok(Access::Full) => return Ok(false),
        Ok(Access::Gates(open)) if open.contains(key) => return Ok(true),
        Ok(Access::Gates(_)) => Error::Forbidden,
        // Their gate has closed.
        Err(Error::NotFound) => Error::NotFound,
        Err(error) => return Err(error),
    };
    match once {
        Some((key, request)) if ctx.store().was_answered(run, ctx.user()?, key, request).await? => Ok(true),
        _ => Err(refused),
    }
}
