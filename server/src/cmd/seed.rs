//! `weft seed`: the shipped content, for a server whose first admin came before it or whose library is to be completed.

use std::process::ExitCode;

use anyhow::Result;
use service::library::{self, LeftOut};
use workflow::words::count;

use super::operator::{Operator, told};
use crate::{config, seed};

pub(super) async fn run(config: &config::Database) -> Result<ExitCode> {
    let operator = Operator::begin(config).await?;
    let installed = library::install(&operator.context().await?, &seed::library()).await.map_err(told);
    operator.end().await?;
    let installed = installed?;
    println!("Added {} and {}", count(installed.n_agents, "agent"), count(installed.n_templates, "workflow"));
    for LeftOut { name, why } in installed.left_out {
        println!("Left out “{name}”: {why}");
    }
    Ok(ExitCode::SUCCESS)
}
