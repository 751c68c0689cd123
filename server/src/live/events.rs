//! Events of a run on their way to sockets: as others than the engine may have them, with the emails of those whom they name.

use std::collections::BTreeSet;

use store::Store;
use workflow::{
    RunId, UserId,
    api::RunFrame,
    run::{RunEvent, state::Emails},
};

/// Events read at once.
pub(super) const PAGE: i64 = 256;
/// Bytes of them, where they are read for one who is behind: a thousand who take nothing may be waited for at a time, each with what was
/// read for them.
const BYTES: i64 = 256 * 1024;

/// Emails of people who were named before: they are asked for once for each reader of a log.
#[derive(Debug, Default)]
pub(super) struct People(Emails);

impl People {
    /// The next events of the log, oldest first.
    pub(super) async fn events_after(&mut self, store: &Store, run: RunId, after: i64) -> store::Result<Vec<RunEvent>> {
        let events = store.events_after(run, after, PAGE).await?;
        self.meet(store, &events).await?;
        Ok(events)
    }

    /// The same for who has much to read: as many as have so many bytes together, and none at the end alone.
    pub(super) async fn some_after(&mut self, store: &Store, run: RunId, after: i64) -> store::Result<Vec<RunEvent>> {
        let events = store.events_within(run, after, PAGE, BYTES).await?;
        self.meet(store, &events).await?;
        Ok(events)
    }

    async fn meet(&mut self, store: &Store, events: &[RunEvent]) -> store::Result<()> {
        let named: BTreeSet<UserId> = events.iter().flat_map(RunEvent::people).collect();
        let unknown: BTreeSet<UserId> = named.into_iter().filter(|id| !self.0.contains_key(id)).collect();
        if !unknown.is_empty() {
            self.0.extend(store.emails(&unknown).await?);
        }
        Ok(())
    }

    pub(super) fn frame(&self, event: &RunEvent) -> RunFrame {
        let named = event.people().into_iter().filter_map(|id| Some((id, self.0.get(&id)?.clone())));
        RunFrame::Event { people: named.collect(), event: Box::new(event.for_wire()) }
    }
}
