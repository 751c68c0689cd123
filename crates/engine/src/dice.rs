//! Where the engine's random numbers come from: ids, and what spreads waits. The only place that may ask the system for some, so that a
//! simulation brings its own.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Dice(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Dice {
    pub fn new(random: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(random))
    }

    pub(crate) fn random(&self) -> u128 {
        (self.0)()
    }

    /// An id among others of its time, so that an index grows at its end.
    pub(crate) fn id(&self, at: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        // The first ten of sixteen.
        random.iter_mut().zip(self.random().to_be_bytes()).for_each(|(to, from)| *to = from);
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    pub(crate) fn any_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().to_be_bytes()).into_uuid()
    }

    /// From 0 to 1.
    pub(crate) fn unit(&self) -> f64 {
        let bits = u32::try_from(self.random() & u128::from(u32::MAX)).unwrap_or_default();
        f64::from(bits) / f64::from(u32::MAX)
    }
}

impl Default for Dice {
    /// The system's.
    fn default() -> Self {
        Self::new(rand::random::<u128>)
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice")
    }
}
