//! Forms that are made from a list of inputs, as the start form is and some dialogs of a run.

pub(super) mod field;
mod fields;
pub(super) mod file;
mod group;
mod list;
mod object;
mod rows;
pub(super) mod value;
