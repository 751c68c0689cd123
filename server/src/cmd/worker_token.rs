//! `weft worker-token`: tokens for outside workers. A new one is printed once, alone, so that a script can take it.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use service::workers;
use workflow::{
    api::{NewWorkerToken, WorkerTokenView},
    id::TokenId,
};

use super::operator::{Operator, lines, told};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum WorkerToken {
    /// Create a token with which outside workers may offer agents, and print it
    Create(Create),
    /// List the tokens
    List,
    /// Revoke a token; its workers stop within seconds
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// What the token is for
    #[arg(long)]
    name: String,
    /// The agents that it may offer: ids, or beginnings such as report-*
    #[arg(long = "agents", value_name = "ID", value_delimiter = ',', required = true)]
    agents: Vec<String>,
    /// What its workers have to say of themselves
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// After so many days it is refused; at most 365
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u16,
}

#[derive(Args, Debug)]
pub(super) struct Revoke {
    /// The id of the token, as `list` tells it
    id: String,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) async fn run(command: WorkerToken, config: &config::Database) -> Result<ExitCode> {
    let operator = Operator::begin_at_home(config).await?;
    let done = perform(&operator, command).await;
    operator.end().await?;
    println!("{}", done?);
    Ok(ExitCode::SUCCESS)
}

async fn perform(operator: &Operator, command: WorkerToken) -> Result<String> {
    let ctx = operator.context().await?;
    match command {
        WorkerToken::Create(Create { name, agents, labels, days }) => {
            let labels: BTreeMap<String, String> = labels.into_iter().collect();
            let wish = NewWorkerToken { name, agents, labels, expires_in_days: Some(days) };
            Ok(workers::create_token(&ctx, wish).await.map_err(told)?.token)
        }
        WorkerToken::List => lines(async |wanted| workers::list_tokens(&ctx, wanted).await, line).await,
        WorkerToken::Revoke(Revoke { id }) => {
            let Ok(id) = id.parse::<TokenId>() else {
                bail!("this is no id of a token\n`weft worker-token list` shows them")
            };
            workers::revoke_token(&ctx, id).await.map_err(told)?;
            Ok("Revoked; its workers stop within seconds".to_owned())
        }
    }
}

fn line(token: &WorkerTokenView) -> String {
    let end = if token.is_expired { "expired" } else { "until" };
    format!("{}  {end} {}  {}  {}", token.id, token.expires_at.format("%Y-%m-%d"), token.agents.join(","), token.name)
}
