//! A run taken out, to be written into files: what it is, what happened in it, and what it made, some at a time.
//! It holds the run as it was when it was asked for, and never more content than the largest artifact or a batch of small ones; whoever may
//! not see the run any more, or signed out, gets nothing further.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{ArtifactId, RunId, RunView, UserId, api::EventView, title::title_of, view::ArtifactMeta};

use super::{EVENT_BYTES, called, get, visible};
use crate::{Error, OpContext, Result};

/// Events that are read at a time.
const EVENTS: i64 = 100;
/// Artifacts that are read at a time, and bytes of them unless one alone is larger.
const BATCH: usize = 200;
const BATCH_BYTES: u64 = 1024 * 1024;
/// What is read is there in chunks and as a whole.
const TIMES: u64 = 2;

pub struct Export {
    ctx: OpContext,
    run: RunView,
    title: String,
    /// The last event that was read.
    after: i64,
    /// The first artifact whose content was not read.
    next: usize,
}

/// The run as it is now, for whoever may see it.
pub async fn export(ctx: &OpContext, id: RunId) -> Result<Export> {
    let run = get(ctx, id).await?;
    let title = title_of(&run, called(ctx, id).await?.as_deref());
    Ok(Export { ctx: ctx.clone(), run, title, after: 0, next: 0 })
}

impl Export {
    pub fn run(&self) -> &RunView {
        &self.run
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The next events up to what the run shows, oldest first; none at the end.
    pub async fn events(&mut self) -> Result<Vec<EventView>> {
        if self.after >= self.run.seq {
            return Ok(Vec::new());
        }
        self.may_go_on().await?;
        let mut events = self.ctx.store().events_within(self.run.id, self.after, EVENTS, EVENT_BYTES).await?;
        events.retain(|event| event.seq <= self.run.seq);
        self.after = events.last().map_or(self.run.seq, |event| event.seq);
        let people: BTreeSet<UserId> = events.iter().flat_map(workflow::run::RunEvent::people).collect();
        let emails = self.ctx.store().emails(&people).await?;
        Ok(events.iter().map(|event| EventView::of(event, &emails)).collect())
    }

    /// The next artifacts of the run with their content, every version, in its order; none at the end.
    pub async fn contents(&mut self) -> Result<Vec<(ArtifactMeta, Vec<u8>)>> {
        let artifacts = &self.run.artifacts;
        let end = batch_end(artifacts.iter().map(size_of), self.next);
        let metas: Vec<ArtifactMeta> = artifacts.get(self.next..end).unwrap_or_default().to_vec();
        self.next = end;
        if metas.is_empty() {
            return Ok(Vec::new());
        }
        self.may_go_on().await?;
        self.make_room(metas.iter().map(size_of).sum()).await?;
        let ids: Vec<ArtifactId> = metas.iter().map(|meta| meta.id).collect();
        let mut found = self.ctx.store().artifact_contents(&ids).await?;
        let with_bytes = |meta: ArtifactMeta| {
            // It was deleted meanwhile, and the run with it.
            let bytes = found.remove(&meta.id).ok_or(Error::NotFound)?;
            Ok::<_, Error>((meta, bytes))
        };
        metas.into_iter().map(with_bytes).collect()
    }

    /// The first bytes of some artifacts of the run: what is large is not read whole.
    pub async fn beginnings(&self, metas: &[&ArtifactMeta], most: u32) -> Result<BTreeMap<ArtifactId, Vec<u8>>> {
        if metas.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.may_go_on().await?;
        self.make_room(metas.iter().map(|meta| size_of(meta).min(most.into())).sum()).await?;
        let ids: Vec<ArtifactId> = metas.iter().map(|meta| meta.id).collect();
        Ok(self.ctx.store().artifact_beginnings(&ids, i32::try_from(most).unwrap_or(i32::MAX)).await?)
    }

    async fn may_go_on(&self) -> Result<()> {
        if !self.ctx.is_still_valid().await? {
            return Err(Error::Unauthenticated);
        }
        visible(&self.ctx, self.run.id).await
    }

    async fn make_room(&self, bytes: u64) -> Result<()> {
        self.ctx.make_room_for_next(bytes.saturating_mul(TIMES)).await
    }
}

fn size_of(meta: &ArtifactMeta) -> u64 {
    u64::try_from(meta.size).unwrap_or_default()
}

/// Where the batch that begins at `from` ends: it has one artifact, or as many as fit.
fn batch_end(sizes: impl Iterator<Item = u64>, from: usize) -> usize {
    let mut bytes = 0;
    let fits = |(n, size): &(usize, u64)| {
        bytes += size;
        *n == 0 || (*n < BATCH && bytes <= BATCH_BYTES)
    };
    from + sizes.skip(from).enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(sizes: &[u64]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            let end = batch_end(sizes.iter().copied(), at);
            if end == at {
                return found;
            }
            found.push(end - at);
            at = end;
        }
    }

    #[test]
    fn what_is_large_is_read_alone_and_what_is_small_together() {
        assert_eq!(batches(&[]), Vec::<usize>::new());
        assert_eq!(batches(&[10 << 20, 1, 2, 10 << 20]), [1, 2, 1]);
        assert_eq!(batches(&[BATCH_BYTES / 2; 5]), [2, 2, 1]);
        assert_eq!(batches(&[0; 450]), [BATCH, BATCH, 50]);
    }
}
