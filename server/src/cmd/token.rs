//! `weft token`: API tokens for scripts. The token is printed once, alone, so that a script can take it.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use service::accounts;

use super::operator::{Operator, told};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Create a token that speaks for somebody, and print it
    Create(Create),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// Whose rights the token has
    #[arg(long)]
    email: String,
    /// What the token is for; shown in the account
    #[arg(long, default_value = "command line")]
    name: String,
}

pub(super) async fn run(command: Token, config: &config::Database) -> Result<ExitCode> {
    let Token::Create(Create { email, name }) = command;
    // A token is for an account, and in a folder without a Weft there is none: making a database there would only mislead.
    let folder = config.place().data_dir;
    if config.url().is_none() && !folder.exists() {
        bail!(
            "there is no Weft in {}\nRun this where Weft runs, or set WEFT_DATA_DIR or DATABASE_URL",
            folder.display()
        );
    }
    let operator = Operator::begin(config).await?;
    let created = accounts::create_token_for(&operator.context().await?, &email, &name).await.map_err(told);
    operator.end().await?;
    println!("{}", created?.token);
    Ok(ExitCode::SUCCESS)
}
