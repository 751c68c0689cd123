//! Runs as people see them: starting one, the whole view, and the lists.
//! Every read carries the viewer: a run that is not theirs is as absent as one that does not exist.

mod list;
mod sizes;
mod start;
mod steps;
mod view;

pub(crate) use view::ArtifactRow;

pub use list::Scope;
pub use start::{NewRun, StartOutcome};
pub use steps::NewSteps;
