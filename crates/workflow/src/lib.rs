//! The pure domain of Weft: what a workflow is, when it is valid, how a run of it moves, and what a person may see of it.
//!
//! Shared word for word by the WASM front end and the server.
//! It must never do IO, read a clock, draw a random number or be async.

pub mod access;
pub mod agent;
pub mod api;
pub mod cell;
pub mod compare;
pub mod condition;
pub mod content;
pub mod decide;
pub mod definition;
pub mod difference;
pub mod document;
pub mod encoding;
pub mod exchange;
pub mod gantt;
pub mod graph;
pub mod hash;
pub mod id;
pub mod json;
pub mod limits;
pub mod lineage;
pub mod merge;
pub mod moving;
pub mod notices;
#[cfg(feature = "openapi")]
mod openapi;
pub mod order;
pub mod people;
pub mod pieces;
pub mod plan;
pub mod problem;
pub mod progress;
mod provenance;
pub mod references;
pub mod replay;
pub mod rerun;
pub mod resolve;
pub mod run;
pub mod schema;
pub mod secret;
pub mod skipping;
pub mod source;
pub mod spans;
pub mod staleness;
pub mod status;
pub mod step_machine;
pub mod template;
#[cfg(test)]
mod testing;
pub mod timing;
pub mod title;
pub mod totals;
pub mod trace;
pub mod transcript;
pub mod trying;
pub mod validate;
pub mod verbs;
pub mod view;
pub mod words;

pub use agent::{AgentCatalog, AgentSpec};
pub use definition::{Definition, Step};
pub use document::Document;
pub use id::{AgentId, ArtifactId, RunId, SecretName, StepKey, TemplateId, UserId};
pub use plan::Plan;
pub use problem::{Problem, ProblemCode, Severity};
pub use progress::Progress;
pub use status::{RunStatus, StepStatus};
pub use validate::validate;
pub use view::RunView;
