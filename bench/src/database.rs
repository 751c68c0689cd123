//! A database that Weft is measured over: how it is reached, and what was done in it so far.

use std::{collections::BTreeMap, ffi::OsString};

use crate::definitions::Shape;

/// A database whose tables are up to date.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) url: OsString,
    pub(crate) token: String,
    pub(crate) library: Library,
    /// Steps that were executed in it.
    pub(crate) n_steps: u32,
}

/// What was published already.
#[derive(Default)]
pub(crate) struct Library {
    pub(crate) has_agents: bool,
    pub(crate) templates: BTreeMap<Shape, String>,
}
