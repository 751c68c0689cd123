//! Views that help to decide on a run: two runs side by side, and what is stale in one.
//! Must never compare with a run that the viewer may not see.

use std::collections::BTreeMap;

use workflow::{
    RunId, StepKey,
    api::{Comparison, Staleness},
    title::title_of,
};

use super::get;
use crate::{Error, OpContext, Result};

/// Two runs of one template.
pub async fn compare(ctx: &OpContext, left: RunId, right: RunId) -> Result<Comparison> {
    ctx.user()?;
    let left = get(ctx, left).await?;
    let right = get(ctx, right).await?;
    if left.template_id != right.template_id {
        let detail = "It is a run of another workflow. Name two runs of one workflow.";
        return Err(Error::invalid("with", detail));
    }
    let mut compared = workflow::compare::compare(&left, &right);
    let titles = ctx.store().run_titles(&[left.id, right.id]).await?;
    for (head, run) in [(&mut compared.left_run, &left), (&mut compared.right_run, &right)] {
        head.title = title_of(run, titles.get(&run.id).map(String::as_str));
    }
    Ok(compared)
}

/// The completed steps that are stale, and why.
pub async fn stale(ctx: &OpContext, run: RunId) -> Result<BTreeMap<StepKey, Staleness>> {
    Ok(workflow::staleness::staleness(&get(ctx, run).await?))
}
