//! Forms that are made from a list of inputs, as the start form is and some dialogs of a run.

pub(super) mod field;
pub(super) mod file;
mod list;
mod rows;
pub(super) mod value;
