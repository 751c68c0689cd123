//! What one notification says, as JSON. A process that is older or newer passes over what it does not know, so nothing here may be needed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use workflow::{
    RunId, UserId,
    api::{Delta, Telling},
    id::WorkerId,
};

use super::{Attendance, Hint};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) runs: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) ready: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) cancelled: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) kept: BTreeMap<RunId, WorkerId>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) watched: BTreeSet<RunId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) deltas: Vec<Delta>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tellings: Vec<Telling>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) here: Vec<Attendance>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) people: BTreeSet<UserId>,
    /// More than fits: look at everything.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) all: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Message {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn into_hints(self) -> Vec<Hint> {
        let mut hints = Vec::new();
        if self.all {
            hints.push(Hint::Lagged);
        }
        hints.extend(self.runs.into_iter().map(Hint::Run));
        hints.extend(self.kept.into_iter().map(|(run, worker)| Hint::Kept(run, worker)));
        if self.ready {
            hints.push(Hint::Ready);
        }
        hints.extend(self.cancelled.into_iter().map(Hint::Cancelled));
        hints.extend(self.watched.into_iter().map(Hint::Watched));
        hints.extend(self.deltas.into_iter().map(Hint::Delta));
        hints.extend(self.tellings.into_iter().map(Hint::Telling));
        hints.extend(self.here.into_iter().map(Hint::Here));
        hints.extend(self.people.into_iter().map(Hint::Person));
        hints
    }
}
