//! What can be done with a session: the list does it, its cards ask for it.

use leptos::prelude::*;
use workflow::{api::WorkerState, id::WorkerId};

use super::question::Asked;
use crate::error::AppError;

/// What a card needs of the list.
#[derive(Clone, Copy)]
pub(super) struct Verbs {
    pub set: Action<(WorkerId, WorkerState), Result<(), AppError>>,
    pub asked: Asked,
}
