//! Server functions: the context, one service call, return. No SQL, no rules, no string errors.
//! Each is a public HTTP endpoint under `/_fn`; authorization happens in `service`, never here.

mod account;
mod agents;
mod batches;
mod client;
mod delegations;
#[cfg(feature = "ssr")]
mod drawings;
mod exchange;
mod find;
mod groups;
mod inbox;
mod notices;
mod runs;
mod secrets;
mod sharing;
mod steps;
mod templates;
mod trying;
mod users;
mod wire;
mod workers;

pub use account::*;
pub use agents::*;
pub use batches::*;
pub use delegations::*;
pub use exchange::*;
pub use find::*;
pub use groups::*;
pub use inbox::*;
pub use notices::*;
pub use runs::*;
pub use secrets::*;
pub use sharing::*;
pub use steps::*;
pub use templates::*;
pub use trying::*;
pub use users::*;
pub use workers::*;
