//! The REST interface, walked by its own description against the server that was built here: as an admin, as a user and as nobody.
//!
//! Must never build the server. Which checks are left out, and which routes, stands with the reasons in server/tests/interface/walk.py.

use super::{clients, counts::Counts};
use crate::{context::Context, setup::schemathesis, shell::run};
use anyhow::{Context as _, Result};
use std::process::Command;

/// So many walks there are, each of which counts as a test.
const WALKS: u64 = 3;

pub(super) fn walk(context: &Context, counts: &mut Counts) -> Result<()> {
    let server = clients::server(context)?;
    let python = schemathesis::install(context)?;
    let mut walks = Command::new(python);
    walks.arg(context.root.join(schemathesis::FOLDER).join("walk.py")).arg(context.stamps().join("interface"));
    clients::against(&mut walks, &server);
    let result = run(&mut walks);
    *counts = counts.plus(match result {
        Ok(()) => Counts { passed: WALKS, ..Counts::default() },
        Err(_) => Counts { failed: 1, ..Counts::default() },
    });
    result.context("the server does not do what its description says")
}
