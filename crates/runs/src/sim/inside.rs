//! What everything in a simulated process of the core has.

use std::sync::Arc;

use workflow::id::WorkerId;

use super::{slots::Slots, world::World};
use crate::{memory::Connection, runs::Runs};

/// What everything in a process has.
#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) world: Arc<World>,
    pub(crate) runs: Runs,
    pub(crate) connection: Connection,
    pub(crate) worker: WorkerId,
    pub(crate) slots: Arc<Slots>,
}
