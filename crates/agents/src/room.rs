//! Room in this process for answers that are large: a few may be in memory at a time, the others wait before they read on.
//! Must never be waited for by who holds one already, and nobody who holds one waits for anything else of the kind: so it ends.

use std::sync::Arc;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// What one attempt holds of it. Its clones are the same one; the last that is dropped gives it back.
#[derive(Clone, Debug, Default)]
pub struct Room(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    places: Arc<Semaphore>,
    held: OnceCell<Option<OwnedSemaphorePermit>>,
}

impl Room {
    /// Bytes of an answer that every attempt has anyway.
    pub const FREE: usize = 256 * 1024;
    /// What a place stands for: the longest answer, and once more while it becomes outputs.
    pub const PLACE: usize = 32 * 1024 * 1024;

    /// Each permit of `places` is the right to hold one large answer. Without them (the default) nothing is bounded.
    pub fn new(places: Arc<Semaphore>) -> Self {
        Self(Some(Arc::new(Inner { places, held: OnceCell::new() })))
    }

    /// Called with all that is held of an answer, as it grows: returns at once while that is little or the place is taken already.
    /// May be dropped while it waits.
    pub async fn hold(&self, n_bytes: usize) {
        if n_bytes <= Self::FREE {
            return;
        }
        if let Some(inner) = &self.0 {
            // Nobody closes the semaphore.
            inner.held.get_or_init(|| async { Arc::clone(&inner.places).acquire_owned().await.ok() }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_large_answer_waits_for_a_place_and_a_small_one_does_not() {
        let places = Arc::new(Semaphore::new(1));
        let (first, second) = (Room::new(Arc::clone(&places)), Room::new(Arc::clone(&places)));
        first.hold(Room::FREE + 1).await;
        first.clone().hold(10 * Room::FREE).await;
        second.hold(Room::FREE).await;
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, second.hold(Room::FREE + 1)).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(soon, second.hold(Room::FREE + 1)).await.is_ok());
        assert_eq!(places.available_permits(), 0);
        drop(second);
        assert_eq!(places.available_permits(), 1);
        Room::default().hold(usize::MAX).await;
    }
}
