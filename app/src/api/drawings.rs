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

static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

/// A page of the gallery with its drawings.
pub(super) async fn of(ctx: &OpContext, page: Page<PublishedTemplate>) -> Result<Page<GalleryCard>> {
    Ok(Page { items: cards(ctx, page.items).await?, next: page.next })
}

pub(super) async fn cards(ctx: &OpContext, templates: Vec<PublishedTemplate>) -> Result<Vec<GalleryCard>> {
    let mut items = Vec::with_capacity(templates.len());
    for template in templates {
        let known = kept().get(template.id, template.version);
        let drawing = match known {
            Some(drawing) => drawing,
            None => draw(ctx, &template).await?,
        };
        items.push(GalleryCard { template, drawing });
    }
    Ok(items)
}

async fn draw(ctx: &OpContext, template: &PublishedTemplate) -> Result<Drawing> {
    let drawn = templates::made_of(ctx, template, |definition| {
        let Thumbnail { svg, words } = thumbnail(definition);
        Drawing { svg, words }
    });
    let Some(drawing) = drawn.await? else { return Ok(Drawing::default()) };
    kept().keep(template.id, template.version, drawing.clone());
    Ok(drawing)
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of each workflow the newest version that was drawn: the gallery shows no older one.
struct Kept(BTreeMap<TemplateId, (i32, Drawing)>);

impl Kept {
    const fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn get(&self, id: TemplateId, version: i32) -> Option<Drawing> {
        self.0.get(&id).filter(|(kept, _)| *kept == version).map(|(_, drawing)| drawing.clone())
    }

    fn keep(&mut self, id: TemplateId, version: i32, drawing: Drawing) {
        // A page that was listed before the last publication may be drawn after it.
        if self.0.get(&id).is_some_and(|(kept, _)| *kept > version) {
            return;
        }
        if self.0.len() >= MAX_KEPT && !self.0.contains_key(&id) {
            // The one of the oldest workflow.
            self.0.pop_first();
        }
        self.0.insert(id, (version, drawing));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: usize) -> TemplateId {
        TemplateId(Uuid::from_u128(n as u128))
    }

    fn drawing(words: &str) -> Drawing {
        Drawing { svg: String::new(), words: words.to_owned() }
    }

    #[test]
    fn of_a_workflow_the_newest_drawing_is_kept_and_of_all_so_many() {
        let mut kept = Kept::new();
        kept.keep(id(0), 1, drawing("one"));
        kept.keep(id(0), 3, drawing("three"));
        kept.keep(id(0), 2, drawing("two"));
        assert_eq!(kept.0.len(), 1);
        assert_eq!((kept.get(id(0), 1), kept.get(id(0), 2)), (None, None));
        assert_eq!(kept.get(id(0), 3), Some(drawing("three")));
        for n in 1..MAX_KEPT {
            kept.keep(id(n), 1, Drawing::default());
        }
        kept.keep(id(0), 4, drawing("four"));
        assert_eq!(kept.0.len(), MAX_KEPT);
        assert_eq!(kept.get(id(0), 4), Some(drawing("four")), "one that is kept makes no room for itself");
        kept.keep(id(MAX_KEPT), 1, Drawing::default());
        assert_eq!((kept.0.len(), kept.get(id(0), 4)), (MAX_KEPT, None));
    }
}
