//! The few workflows that somebody is shown first: what they started last, and where that is little, the first of the gallery.
//! Must never name one that the gallery does not show them.

use workflow::api::PublishedTemplate;

use crate::{OpContext, Result, Wanted, audience};

/// Two rows of three.
const MOST: usize = 6;
/// More are looked at than shown: some may be archived, or for others, by now.
const LOOKED_AT: i64 = 18;

pub async fn recent(ctx: &OpContext) -> Result<Vec<PublishedTemplate>> {
    let actor = ctx.user()?;
    let by = audience::starter(actor);
    let mut found: Vec<PublishedTemplate> = Vec::new();
    for id in ctx.store().started_last(actor.id, LOOKED_AT).await? {
        found.extend(ctx.store().published(id, by).await?);
        if found.len() == MOST {
            return Ok(found);
        }
    }
    let wanted = Wanted { after: None, limit: u32::try_from(MOST).ok() };
    for template in ctx.store().gallery(by, None, wanted.window()).await?.items {
        if found.len() < MOST && found.iter().all(|known| known.id != template.id) {
            found.push(template);
        }
    }
    Ok(found)
}
