//! `weft secret`: secrets, for whoever runs the server. A value comes from standard input or a file, never from the command line, and is
//! printed by nothing here; only `new-key` prints a key, once, which is kept nowhere.

use std::{fmt::Write as _, fs::File, io::Read, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use rand::RngCore;
use secrecy::zeroize::Zeroize;
use service::secrets;
use store::vault::{KEY_BYTES, KeyRing};
use workflow::{
    AgentId, SecretName,
    api::{GrantSecret, SecretView, SetSecret},
    secret::{Hidden, MAX_VALUE_BYTES},
};

use super::operator::{Operator, lines, told};
use crate::config;

#[derive(Args, Debug)]
pub(super) struct Secret {
    #[command(flatten)]
    pub(super) keys: config::SecretKeys,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a secret, or give one another value
    Set(Set),
    /// Say which agents may use a secret: these and no others
    Grant(Grant),
    /// List the secrets, without their values
    List,
    /// Delete a secret; agents that name it fail from then on
    Delete(Named),
    /// Encrypt anew, under the first key, whatever is under another; begun again it goes on where it ended
    Rotate,
    /// Print a new key, for the file that has the keys
    NewKey,
}

#[derive(Args, Debug)]
struct Set {
    #[command(flatten)]
    named: Named,
    #[arg(
        long = "host",
        value_name = "HOST",
        value_delimiter = ',',
        help = "A host that it may be sent to, such as api.example.org, *.example.org or http://10.0.0.7:8080; without one it keeps those that it has, and a new one is sent by no agent"
    )]
    hosts: Vec<String>,
    /// An agent that may use it; without one it stays with those that may now
    #[arg(long = "agent", value_name = "ID", value_delimiter = ',')]
    agents: Vec<String>,
    /// What it is for; without it that stays as it is
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Read the value from standard input
    #[arg(long, required_unless_present = "value_file", conflicts_with = "value_file")]
    value_stdin: bool,
    /// Read the value from a file
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Grant {
    #[command(flatten)]
    named: Named,
    /// An agent that may use it; none takes it from all
    #[arg(long = "agent", value_name = "ID", value_delimiter = ',')]
    agents: Vec<String>,
}

#[derive(Args, Debug)]
struct Named {
    /// What headers call it: lower-case letters, digits, _ and -
    name: String,
}

impl Secret {
    /// A key is made of chance alone.
    pub(super) fn needs_database(&self) -> bool {
        !matches!(self.verb, Verb::NewKey)
    }
}

impl Set {
    /// Before the database is opened: nothing is started for a command that lacks its value.
    fn value(&self) -> Result<Hidden> {
        let mut text = String::new();
        // One more than there may be, so that a longer one is refused and not cut.
        let most = MAX_VALUE_BYTES as u64 + 3;
        match &self.value_file {
            Some(path) => File::open(path)
                .and_then(|file| file.take(most).read_to_string(&mut text))
                .with_context(|| format!("cannot read the value from {}", path.display()))?,
            None => std::io::stdin().take(most).read_to_string(&mut text).context("cannot read the value")?,
        };
        if text.is_empty() {
            bail!(
                "no value was given\nPipe it in, such as: printf '%s' \"$VALUE\" | weft secret set NAME --host api.example.org --value-stdin"
            );
        }
        Ok(Hidden(text))
    }
}

pub(super) async fn run(command: Secret, config: &config::Database) -> Result<ExitCode> {
    let Secret { keys, verb } = command;
    if matches!(verb, Verb::NewKey) {
        println!("{}", new_key());
        return Ok(ExitCode::SUCCESS);
    }
    let value = match &verb {
        Verb::Set(set) => Some(set.value()?),
        _ => None,
    };
    let operator = Operator::begin_at_home_with(config, keys.read()?).await?;
    let done = perform(&operator, verb, value).await;
    operator.end().await?;
    let Done { text, code } = done?;
    println!("{text}");
    Ok(code)
}

struct Done {
    text: String,
    code: ExitCode,
}

impl From<String> for Done {
    fn from(text: String) -> Self {
        Self { text, code: ExitCode::SUCCESS }
    }
}

async fn perform(operator: &Operator, verb: Verb, value: Option<Hidden>) -> Result<Done> {
    let ctx = operator.context().await?;
    match verb {
        Verb::Set(Set { named, hosts, agents, description, .. }) => {
            let Some(value) = value else { bail!("no value was given") };
            let agents = (!agents.is_empty()).then(|| ids(agents));
            let name = SecretName::new(named.name);
            // Where a new value alone is given, it goes where the old one went.
            let (known_hosts, known_description) = secrets::find(&ctx, &name)
                .await
                .map_err(told)?
                .map(|known| (known.hosts, known.description))
                .unwrap_or_default();
            let hosts = if hosts.is_empty() { known_hosts } else { given(hosts) };
            let description = description.unwrap_or(known_description);
            let wanted = SetSecret { value, hosts, description, agents };
            let (secret, is_new) = secrets::set(&ctx, &name, wanted).await.map_err(told)?;
            let what = if is_new { "Made" } else { "Set anew" };
            Ok(format!("{what}: {}", line(&secret)).into())
        }
        Verb::Grant(Grant { named, agents }) => {
            let wanted = GrantSecret { agents: ids(agents), expect: None };
            let secret = secrets::grant(&ctx, &SecretName::new(named.name), wanted).await.map_err(missing)?;
            Ok(line(&secret).into())
        }
        Verb::List => Ok(lines(async |wanted| secrets::list(&ctx, wanted).await, line).await?.into()),
        Verb::Delete(Named { name }) => {
            secrets::delete(&ctx, &SecretName::new(name)).await.map_err(missing)?;
            Ok("Deleted; agents that name it fail from now on".to_owned().into())
        }
        Verb::Rotate => Ok(rotated(secrets::rotate(&ctx).await.map_err(told)?)),
        Verb::NewKey => Ok(new_key().into()),
    }
}

fn rotated(rotated: secrets::Rotated) -> Done {
    let secrets::Rotated { key, n_done, left } = rotated;
    let n = if n_done == 1 { "1 secret is".to_owned() } else { format!("{n_done} secrets are") };
    let mut text = format!("{n} newly encrypted under the key {key}");
    if left.is_empty() {
        text.push_str(
            "\nNothing is under another key: once every process has this one first, the others can be taken away",
        );
        return text.into();
    }
    for (name, key) in &left {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name} cannot be opened: it is under the key {key}");
    }
    text.push_str("\nAdd the keys that are missing and run this again, or set these secrets anew");
    Done { text, code: ExitCode::FAILURE }
}

fn missing(error: service::Error) -> anyhow::Error {
    match error {
        service::Error::NotFound => anyhow::anyhow!("there is no such secret\n`weft secret list` shows all"),
        error => told(error),
    }
}

/// As a script may leave them: an empty word is none.
fn given(words: Vec<String>) -> Vec<String> {
    words.into_iter().filter(|word| !word.trim().is_empty()).collect()
}

fn ids(words: Vec<String>) -> Vec<AgentId> {
    given(words).into_iter().map(|word| AgentId::new(word.trim())).collect()
}

fn line(secret: &SecretView) -> String {
    let or = |words: String, none: &str| if words.is_empty() { none.to_owned() } else { words };
    let agents = secret.agents.iter().map(AgentId::as_str).collect::<Vec<_>>().join(",");
    let key = if secret.is_readable { String::new() } else { " (not here)".to_owned() };
    format!(
        "{}  key {}{key}  to {}  for {}",
        secret.name,
        secret.key_id,
        or(secret.hosts.join(","), "no host"),
        or(agents, "no agent")
    )
}

fn new_key() -> String {
    let mut bytes = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let key = hex::encode(bytes);
    bytes.zeroize();
    // One in 2^248, but then it says itself that something is wrong.
    debug_assert!(KeyRing::read(&key).is_ok(), "a new key is a key");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_can_be_used_and_is_another_each_time() {
        let (one, two) = (new_key(), new_key());
        assert_ne!(one, two);
        assert_eq!(KeyRing::read(&format!("{one}\n{two}")).unwrap().current(), KeyRing::read(&one).unwrap().current());
    }

    #[test]
    fn what_could_not_be_opened_is_named() {
        let all = secrets::Rotated { key: "aa".into(), n_done: 1, left: Vec::new() };
        assert!(rotated(all).text.contains("1 secret is newly encrypted under the key aa"));
        let some = secrets::Rotated { key: "aa".into(), n_done: 2, left: vec![("github".into(), "bb".into())] };
        let done = rotated(some);
        assert!(done.text.contains("github cannot be opened: it is under the key bb"), "{}", done.text);
    }
}
