//! The ids of commits and of what was asked for: what everything else here knows one by.
//! Must never be made from anything but chance: two of one id are the same one.

use std::fmt;

use uuid::Uuid;

/// A random id of one commit of one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitId(pub Uuid);

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One command that was asked for: whatever happens to it, it has one effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AskId(pub u128);
