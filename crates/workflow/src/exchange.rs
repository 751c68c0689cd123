//! Workflows as files: one workflow with its agents and its sub-workflows, as text that Git can keep and another Weft can read.
//!
//! What a file says is read here (`read`), written here (`write`), and compared here with what a Weft already has (`plan`): only bringing
//! both together and storing the outcome is the server's. It must never hold a secret, never grant anything to anybody, and never name
//! something by an id that only one Weft knows: workflows go by their slug, agents by their id, versions by their place in the file.

mod assemble;
mod bundle;
mod changes;
mod check;
mod grants;
mod order;
mod path;
mod plan;
mod read;
mod report;
mod secrets;
pub mod slug;
#[cfg(test)]
mod tests;
mod write;

pub use assemble::{Gathered, Untold, assemble};
pub use bundle::{Agent, Bundle, FORMAT, Fault, Workflow};
pub use plan::{Action, GivenUp, Here, Known, Mark, Plan, Saved, plan};
pub use read::read;
pub use report::{Act, Change, Grant, GrantKind, Note, Report, Thing};
