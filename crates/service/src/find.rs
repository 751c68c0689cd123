//! Search by name over what this person may open: workflows, and for admins the agents of the library.
//! Must never tell a user of a draft, of an archived workflow, or of anything that they cannot start.

use store::find::Sought;
use workflow::api::FoundNames;

use crate::{OpContext, Result};

/// Of each kind.
const MOST: i64 = 30;
/// Letters that are looked for.
const MOST_LETTERS: usize = 64;

pub async fn find(ctx: &OpContext, text: &str) -> Result<FoundNames> {
    let user = ctx.user()?.id;
    let Some(sought) = Sought::new(text, MOST_LETTERS) else {
        return Ok(FoundNames::default());
    };
    // A token of an admin that may only read is told what everybody is.
    if ctx.admin().is_err() {
        return Ok(FoundNames {
            workflows: ctx.store().find_published(&sought, user, MOST).await?,
            agents: Vec::new(),
        });
    }
    let workflows = ctx.store().find_templates(&sought, MOST).await?;
    Ok(FoundNames { workflows, agents: ctx.store().find_agents(&sought, MOST).await? })
}
