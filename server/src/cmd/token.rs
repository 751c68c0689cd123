//! `weft token`: API tokens for scripts. A new one is printed once, alone, so that a script can take it.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use service::{accounts, users};
use workflow::{
    access::Scope,
    api::{NewToken, TokenView},
    id::TokenId,
};

use super::{
    operator::{Operator, lines, told},
    user,
};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Create a token that speaks for somebody, and print it
    Create(Create),
    /// List the tokens of somebody
    List(OfPerson),
    /// Revoke a token of somebody
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub(super) struct OfPerson {
    /// Whose tokens
    #[arg(long)]
    email: String,
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// Whose rights the token has
    #[arg(long)]
    email: String,
    /// What the token is for; shown in the account
    #[arg(long, default_value = "command line")]
    name: String,
    /// What it may be used for: read, run, review, admin; or metrics alone, which reads nothing else
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = scope, default_value = "read,run,review")]
    scopes: Vec<Scope>,
    /// After so many days it is refused; at most 365
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u16,
}

#[derive(Args, Debug)]
pub(super) struct Revoke {
    #[command(flatten)]
    of: OfPerson,
    /// The id of the token, as `list` tells it
    id: String,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|_| "use read, run, review, admin or metrics".to_owned())
}

pub(super) async fn run(command: Token, config: &config::Database) -> Result<ExitCode> {
    let operator = Operator::begin_at_home(config).await?;
    let done = perform(&operator, command).await;
    operator.end().await?;
    println!("{}", done?);
    Ok(ExitCode::SUCCESS)
}

async fn perform(operator: &Operator, command: Token) -> Result<String> {
    let ctx = operator.context().await?;
    match command {
        Token::Create(Create { email, name, scopes, days }) => {
            let token = NewToken { name, scopes, expires_in_days: Some(days) };
            Ok(accounts::create_token_for(&ctx, &email, token).await.map_err(told)?.token)
        }
        Token::List(OfPerson { email }) => {
            let user = user::find(&ctx, &email).await?;
            lines(async |wanted| users::tokens(&ctx, user.id, wanted).await, line).await
        }
        Token::Revoke(Revoke { of: OfPerson { email }, id }) => {
            let user = user::find(&ctx, &email).await?;
            let Ok(id) = id.parse::<TokenId>() else { bail!("this is no id of a token\n`weft token list` shows them") };
            users::revoke_token(&ctx, user.id, id).await.map_err(told)?;
            Ok(format!("Revoked a token of {}", user.email))
        }
    }
}

fn line(token: &TokenView) -> String {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let end = if token.is_expired { "expired" } else { "until" };
    format!("{}  {end} {}  {}  {}", token.id, token.expires_at.format("%Y-%m-%d"), scopes.join(","), token.name)
}
