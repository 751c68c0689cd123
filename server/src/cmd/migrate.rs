//! `weft migrate`: the tables, and nothing else.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    config,
    database::{Database, Serves},
};

pub(super) async fn run(config: &config::Database) -> Result<ExitCode> {
    let database = Database::open(config).await?;
    let store = database.connect_and_migrate(1, Serves::Requests).await?;
    database.tell_rights(&store).await?;
    database.settle_cell(&store).await?;
    store.close().await;
    database.close().await?;
    println!("The tables are up to date");
    Ok(ExitCode::SUCCESS)
}
