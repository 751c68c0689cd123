//! The content that Weft is shipped with: put into the library once, never over what somebody made.
//! Goes the way of every other edit: through the same use cases, validated and audited.

use workflow::api::{CreateTemplate, SaveAgent};

use crate::{OpContext, Result, Wanted, agents, templates};

/// Agents, and workflows that are published at once.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub agents: Vec<SaveAgent>,
    pub templates: Vec<CreateTemplate>,
}

/// What was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Installed {
    pub n_agents: usize,
    pub n_templates: usize,
}

/// Adds the agents whose id, and the workflows whose name, is not taken.
pub async fn install(ctx: &OpContext, library: &Library) -> Result<Installed> {
    ctx.admin()?;
    let mut installed = Installed::default();
    let known = ctx.store().agents().await?;
    for agent in &library.agents {
        if known.iter().all(|known| known.id != agent.id) {
            agents::save(ctx, SaveAgent { base_version: None, ..agent.clone() }).await?;
            installed.n_agents += 1;
        }
    }
    let mut known = Vec::new();
    let mut wanted = Wanted::default();
    loop {
        let page = templates::list(ctx, &wanted).await?;
        known.extend(page.items);
        if page.next.is_none() {
            break;
        }
        wanted.after = page.next;
    }
    for template in &library.templates {
        if known.iter().all(|known| known.name != template.name) {
            let created = templates::create(ctx, template.clone()).await?;
            templates::publish(ctx, created.id).await?;
            installed.n_templates += 1;
        }
    }
    Ok(installed)
}
