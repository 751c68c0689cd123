//! The embedded Postgres: a cluster in the data folder, run by the Postgres programs that the machine has.
//!
//! Every process that uses it holds a shared lock for as long; the last one to leave stops it, whoever started it.
//! A Postgres that dies is started again; it must never end the server, and no two `serve` share a data folder.

mod cluster;
mod error;
mod folder;
mod initdb;
mod locks;
mod pid_file;
mod programs;
mod server;
mod socket;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;

pub use cluster::Cluster;
pub use error::Error;
pub use locks::ServeLock;
