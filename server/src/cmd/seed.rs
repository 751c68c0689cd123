//! `weft seed`: the shipped content, for a server whose first admin came before it or whose library is to be completed.

use std::process::ExitCode;

use anyhow::Result;
use service::library;

use super::operator::{Operator, told};
use crate::{config, seed};

pub(super) async fn run(config: &config::Database) -> Result<ExitCode> {
    let operator = Operator::begin(config).await?;
    let installed = library::install(&operator.context().await?, &seed::library()).await.map_err(told);
    operator.end().await?;
    let installed = installed?;
    println!("Added {} agents and {} workflows", installed.n_agents, installed.n_templates);
    Ok(ExitCode::SUCCESS)
}
