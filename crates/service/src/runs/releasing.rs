//! Letting a run go on that was set aside: an admin looked at why, and says so. Its rows are made anew from its log; where that is no log
//! any more, they are told so.
//! Must never be asked by the engine: what was wrong once is for a person to see.

use store::log::Release;
use workflow::{RunId, RunView};

use crate::{Error, OpContext, Result};

pub async fn release(ctx: &OpContext, id: RunId) -> Result<RunView> {
    ctx.admin()?;
    match ctx.store().release_run(id, ctx.author()).await? {
        Release::Done { n_mended } => {
            tracing::warn!(run.id = %id, n_mended, "a run that was set aside goes on");
            super::get(ctx, id).await
        }
        Release::Missing => Err(Error::NotFound),
        Release::NotAside => Err(Error::Conflict("This run is not set aside. There is nothing to release.".into())),
        Release::Broken { reason } => Err(Error::Conflict(format!(
            "This run cannot be released, and stays set aside: {reason}. Its rows are made from its log, which has to be whole. Restore \
             the log from a backup, or start the run anew."
        ))),
    }
}
