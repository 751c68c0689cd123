//! The inbox: what waits for a person across runs, what was decided, reading one gate, and deciding many at once.
//! Must never decide by itself: a decision about many is the verbs of each, and who may is asked of each run.

mod deciding;
mod lists;
mod previews;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use workflow::{
    api::{InboxItem, MOST_AT_ONCE},
    id::GroupId,
};

pub use deciding::decide_many;
pub use lists::{counts, history, list};
pub use previews::previews;
pub use reading::reading;

use crate::{Error, OpContext, Result};

/// Runs that are looked at, or decided about, side by side for one request.
const AT_ONCE: usize = 8;

/// Says of gates what the groups are called that they ask. Who is in them is nobody's business here.
async fn name_groups(ctx: &OpContext, items: &mut [InboxItem]) -> Result<()> {
    let asked: BTreeSet<&str> = items.iter().flat_map(|item| item.groups.iter().map(String::as_str)).collect();
    let asked = asked.into_iter().filter(|id| GroupId::new(*id).is_well_formed());
    let asked: Vec<String> = asked.map(str::to_owned).collect();
    let known = ctx.store().groups_that_can(&asked, 0).await?;
    let names: BTreeMap<String, String> = known.into_iter().map(|(id, name, _)| (id, name)).collect();
    for item in items {
        let told = item.groups.iter().filter_map(|id| Some((id.clone(), names.get(id)?.clone())));
        item.group_names = told.collect();
    }
    Ok(())
}

/// Refuses more gates than one request may name.
fn not_too_many(n_gates: usize) -> Result<()> {
    if n_gates <= MOST_AT_ONCE {
        return Ok(());
    }
    let detail = format!(
        "These are {} gates, and one request takes {MOST_AT_ONCE}. Send it for some at a time.",
        workflow::words::thousands(i64::try_from(n_gates).unwrap_or(i64::MAX))
    );
    Err(Error::invalid("gates", detail))
}
