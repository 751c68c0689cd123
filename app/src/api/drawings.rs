//! The small drawings of the gallery, on the server alone: each made once for its published version, which never changes.
//! Must never hold more than so many of them, and shows nobody what they may not list.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use canvas::paint::{Thumbnail, thumbnail};
use service::{OpContext, Result, templates};
use workflow::{
    TemplateId,
    api::{Drawing, GalleryCard, Page, PublishedTemplate},
};

/// A few KB each.
const MAX_KEPT: usize = 1_000;

type Kept = BTreeMap<(TemplateId, i32), Drawing>;

static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

/// A page of the gallery with its drawings.
pub(super) async fn of(ctx: &OpContext, page: Page<PublishedTemplate>) -> Result<Page<GalleryCard>> {
    let mut items = Vec::with_capacity(page.items.len());
    for template in page.items {
        let known = kept().get(&(template.id, template.version)).cloned();
        let drawing = match known {
            Some(drawing) => drawing,
            None => draw(ctx, &template).await?,
        };
        items.push(GalleryCard { template, drawing });
    }
    Ok(Page { items, next: page.next })
}

async fn draw(ctx: &OpContext, template: &PublishedTemplate) -> Result<Drawing> {
    let Some(definition) = templates::definition_of(ctx, template).await? else { return Ok(Drawing::default()) };
    let Thumbnail { svg, words } = thumbnail(&definition);
    let drawing = Drawing { svg, words };
    let mut kept = kept();
    if kept.len() >= MAX_KEPT {
        // The one of the oldest workflow.
        kept.pop_first();
    }
    kept.insert((template.id, template.version), drawing.clone());
    Ok(drawing)
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
