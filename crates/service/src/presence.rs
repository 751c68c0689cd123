//! Who may be where, and so hear who else is there: whoever may see the place.
//! Must never say more than that: a presence gives no right, and takes none.

use workflow::api::Place;

use crate::{Error, OpContext, Result, runs};

/// Whether whoever asks may be at the place. A missing place and one that is not theirs to see are answered alike.
pub async fn may_be_at(ctx: &OpContext, at: Place) -> Result<bool> {
    let seen = match at {
        // Every draft is every admin's.
        Place::Workflow(_) => ctx.admin().map(|_| ()),
        Place::Run(run) => runs::visible(ctx, run).await,
    };
    match seen {
        Ok(()) => Ok(true),
        Err(Error::NotFound | Error::Forbidden | Error::Unauthenticated | Error::MissingScope(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
