//! Gives agents the secrets that an admin granted them, for the places where each may go.
//! Must never say more in a refusal than names and hosts, and never give a value whose use is not in the audit log.

use agents::{AgentError, Secrets, WantedSecret, redact};
use secrecy::{ExposeSecret, SecretString};
use store::{
    Store,
    secrets::{Asked, By, Destination, Opening},
    vault::{KeyRing, VaultError},
};
use workflow::{SecretName, status::Reason};

/// The secrets of the database, opened with the keys of this process.
#[derive(Debug)]
pub struct StoredSecrets {
    store: Store,
    keys: KeyRing,
}

impl StoredSecrets {
    pub fn new(store: Store, keys: KeyRing) -> Self {
        Self { store, keys }
    }

    /// What the server itself sends, such as the password for mail. `what` is the purpose, for the audit log; `to` is where it goes, if an
    /// address says so.
    pub async fn open_for_server(
        &self,
        name: &SecretName,
        what: &'static str,
        to: Option<Destination<'_>>,
    ) -> Result<SecretString, AgentError> {
        self.opened(&Asked { name, by: By::Server { what }, to }).await
    }

    async fn opened(&self, asked: &Asked<'_>) -> Result<SecretString, AgentError> {
        match self.store.open_secret(&self.keys, asked).await {
            Ok(Opening::Opened(value)) => {
                redact::remember(asked.name, value.expose_secret());
                Ok(value)
            }
            Ok(refused) => {
                if let Opening::NotGranted | Opening::Elsewhere { .. } = refused {
                    let (name, to) = (asked.name, to(asked));
                    tracing::warn!(secret.name = %name, secret.to = %to, secret.by = ?asked.by, "a secret was not given");
                }
                Err(told(asked, &refused))
            }
            Err(error) => {
                tracing::warn!(secret.name = %asked.name, error = &error as &dyn std::error::Error, "a secret could not be read");
                let message = format!("The secret `{}` could not be read from the database", asked.name);
                let class = if error.is_unavailable() { Reason::Server } else { Reason::Permanent };
                Err(AgentError::new(class, message).with_source(error))
            }
        }
    }
}

#[async_trait::async_trait]
impl Secrets for StoredSecrets {
    async fn open(&self, wanted: &WantedSecret<'_>) -> Result<SecretString, AgentError> {
        let asked = Asked {
            name: wanted.name,
            by: By::Agent { agent: wanted.agent, run: wanted.run, step: wanted.step },
            to: Some(Destination { scheme: wanted.scheme, host: wanted.host, port: wanted.port }),
        };
        self.opened(&asked).await
    }
}

/// Why somebody is not given it, and what to do.
fn told(asked: &Asked<'_>, refused: &Opening) -> AgentError {
    let name = asked.name;
    let (class, message) = match refused {
        Opening::Unknown => {
            (Reason::Unauthorized, format!("There is no secret `{name}`: an admin makes it under Secrets"))
        }
        Opening::NotGranted => (
            Reason::Unauthorized,
            format!("This agent may not use the secret `{name}`: an admin lets it do so under Secrets"),
        ),
        // Whoever runs it need not know where else it goes.
        Opening::Elsewhere { .. } => (
            Reason::Blocked,
            format!("The secret `{name}` may not be sent to {}: an admin names hosts when setting it", to(asked)),
        ),
        Opening::Closed(error) => {
            tracing::error!(secret.name = %name, error = error as &dyn std::error::Error, "a secret cannot be opened");
            (class_of(error), closed(name, error))
        }
        // Whoever asks has seen to it.
        Opening::Opened(_) => (Reason::Permanent, format!("The secret `{name}` was opened")),
    };
    AgentError::new(class, message)
}

/// Another process may have the key, and this one may have it soon: keys are given to one process after the other.
fn class_of(error: &VaultError) -> Reason {
    match error {
        VaultError::NoKeys | VaultError::UnknownKey { .. } => Reason::Server,
        VaultError::Forged | VaultError::NotSealed => Reason::Unauthorized,
    }
}

fn closed(name: &SecretName, error: &VaultError) -> String {
    match error {
        VaultError::NoKeys => format!("The secret `{name}` cannot be opened: this process has no WEFT_SECRET_KEY_FILE"),
        VaultError::UnknownKey { .. } => {
            format!("The secret `{name}` cannot be opened: its key is not among those of this process")
        }
        VaultError::Forged | VaultError::NotSealed => {
            format!("The secret `{name}` is stored damaged: an admin has to set it anew")
        }
    }
}

fn to(asked: &Asked<'_>) -> String {
    asked.to.map(place).unwrap_or_default()
}

/// As an admin names hosts.
fn place(to: Destination<'_>) -> String {
    let scheme = if to.scheme == "https" { String::new() } else { format!("{}://", to.scheme) };
    let port = match (to.scheme, to.port) {
        ("https", 443) | ("http", 80) => String::new(),
        (_, port) => format!(":{port}"),
    };
    format!("{scheme}{}{port}", to.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_an_admin_writes_it() {
        for (scheme, host, port, expected) in [
            ("https", "a.example", 443, "a.example"),
            ("https", "a.example", 8443, "a.example:8443"),
            ("http", "[::1]", 80, "http://[::1]"),
            ("http", "a.example", 443, "http://a.example:443"),
        ] {
            let shown = place(Destination { scheme, host, port });
            assert_eq!(shown, expected);
            assert!(shown.parse::<workflow::secret::Host>().unwrap().admits(scheme, host, port), "{shown}");
        }
    }

    #[test]
    fn what_another_process_may_open_is_tried_again_and_what_is_damaged_is_not() {
        for (error, class) in [
            (VaultError::NoKeys, Reason::Server),
            (VaultError::UnknownKey { id: "aa".to_owned() }, Reason::Server),
            (VaultError::Forged, Reason::Unauthorized),
            (VaultError::NotSealed, Reason::Unauthorized),
        ] {
            assert_eq!(class_of(&error), class, "{error}");
        }
    }
}
