//! `weft user`: people, for whoever runs the server. Passwords come from standard input, never from the command line,
//! where every process of the machine could read them.

use std::{io::Read, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use service::{Wanted, library, users};
use workflow::{access::Role, api::UserView};

use super::operator::{Operator, lines, told};
use crate::{config, seed};

/// No password is longer; more is not read.
const MAX_INPUT_BYTES: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create an account; the first one must be an admin
    Create(Create),
    /// Make somebody an admin or a user; ends their sessions
    SetRole(SetRole),
    /// Give somebody a new password; ends their sessions
    ResetPassword(ResetPassword),
    /// List all accounts
    List,
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// What the account may do: admin or user
    #[arg(long, value_parser = role)]
    role: Role,
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Args, Debug)]
pub(super) struct SetRole {
    #[arg(long)]
    email: String,
    /// What the account may do: admin or user
    #[arg(long, value_parser = role)]
    role: Role,
}

#[derive(Args, Debug)]
pub(super) struct ResetPassword {
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Args, Debug)]
struct Password {
    /// Read the password from the first line of standard input
    #[arg(long = "password-stdin", required = true)]
    stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| "use admin or user".to_owned())
}

impl Password {
    fn read(&self) -> Result<SecretString> {
        debug_assert!(self.stdin, "clap requires the flag");
        let mut text = String::new();
        std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text)?;
        let first = text.lines().next().unwrap_or_default();
        if first.is_empty() {
            bail!(
                "no password was given on standard input\nPipe it in, such as: printf '%s\\n' \"$PASSWORD\" | weft user ..."
            );
        }
        Ok(first.to_owned().into())
    }
}

pub(super) async fn run(command: User, config: &config::Database) -> Result<ExitCode> {
    // Before the database is opened: nothing is started for a command that lacks its password.
    let password = match &command {
        User::Create(Create { password, .. }) | User::ResetPassword(ResetPassword { password, .. }) => {
            Some(password.read()?)
        }
        User::SetRole(_) | User::List => None,
    };
    let operator = Operator::begin(config).await?;
    let done = perform(&operator, command, password.unwrap_or_default()).await;
    operator.end().await?;
    println!("{}", done?);
    Ok(ExitCode::SUCCESS)
}

async fn perform(operator: &Operator, command: User, password: SecretString) -> Result<String> {
    let ctx = operator.context().await?;
    match command {
        User::Create(Create { role, email, .. }) => {
            let is_first = users::list(&ctx, &Wanted::default()).await.map_err(told)?.items.is_empty();
            let user = users::create(&ctx, &email, role, password).await.map_err(told)?;
            if is_first {
                // The first admin finds the shipped content, whichever way the account was made.
                let ctx = operator.context().await?;
                library::install(&ctx, &seed::library()).await.map_err(told)?;
            }
            Ok(format!("Created {} ({})", user.email, user.role.as_str()))
        }
        User::SetRole(SetRole { email, role }) => {
            let user = find(&ctx, &email).await?;
            let user = users::set_role(&ctx, user.id, role).await.map_err(told)?;
            Ok(format!("{} is now {}", user.email, user.role.as_str()))
        }
        User::ResetPassword(ResetPassword { email, .. }) => {
            let user = find(&ctx, &email).await?;
            users::reset_password(&ctx, user.id, password).await.map_err(told)?;
            Ok(format!("{} has a new password and is signed out everywhere, API tokens included", user.email))
        }
        User::List => {
            let line = |user: &UserView| {
                let disabled = if user.is_disabled { "  disabled" } else { "" };
                format!("{:<5}  {}{disabled}", user.role.as_str(), user.email)
            };
            lines(async |wanted| users::list(&ctx, wanted).await, line).await
        }
    }
}

pub(super) async fn find(ctx: &service::OpContext, email: &str) -> Result<UserView> {
    match users::find(ctx, email).await {
        Ok(user) => Ok(user),
        Err(service::Error::NotFound) => {
            bail!("there is no account with the email {email}\n`weft user list` shows all")
        }
        Err(error) => Err(told(error)),
    }
}
