//! The HTTP tests: the whole server in process over a fresh database each, a file for each resource.
//!
//! `cfg(test)` is always true here; it tells the lints that the helpers belong to tests too.
#[cfg(test)]
mod access;
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_database;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod branches;
#[cfg(test)]
mod cells;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod deleting;
#[cfg(test)]
mod drops;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod export;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod flaky;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod large;
#[cfg(test)]
mod lineage;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod live;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod models;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod people;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod totals;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod trying;
#[cfg(test)]
mod values;
#[cfg(test)]
mod verbs;
#[cfg(test)]
mod worker;
