//! Outside workers: their tokens, sessions and offers, the tasks that they were given, and the content that they may read and name.
//! Must never say that a step is theirs: that stands in `attempts`, which only commits write.

pub mod beats;
pub mod blobs;
pub mod ending;
pub mod offers;
pub mod queues;
pub mod sessions;
pub mod tasks;
pub mod tokens;
