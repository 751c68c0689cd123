//! Notices: notifications by mail, signed webhooks and chats that a gate waits for somebody, and how it ended (docs/notices.md).
//!
//! Rows record who was notified of what. So each message is sent at least once, whatever crashes, and always under the same id, by which
//! a receiver can ignore repetitions. Any number of processes do this together: each takes messages that no other one has.
//!
//! It must never decide about a run, never hold a lock while something is sent, and never tell a test to anybody.

mod chore;
mod mail;
mod plan;
mod post;
mod sign;
mod words;

use std::{fmt, sync::Arc, time::Duration};

use agents::{AddressRange, Outbound, redact};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use store::{Store, notices::gates::Patience, vault::KeyRing};
use workflow::{SecretName, id::NoticeId, notices::GivenMail};

/// Who keeps secrets. Must write the use down before it gives a value.
#[async_trait]
pub trait Passwords: fmt::Debug + Send + Sync {
    /// For mail to this server, or why not, in words without the value.
    async fn open(&self, name: &SecretName, scheme: &str, host: &str, port: u16) -> Result<SecretString, String>;
}

/// What the operator says about notices.
#[derive(Clone, Debug)]
pub struct Options {
    pub mail: GivenMail,
    /// The operator's own, which is in no database.
    pub password: Option<SecretString>,
    /// How browsers reach Weft: what links begin with.
    pub base_url: String,
    /// Private ranges that addresses may be in.
    pub allow_private: Vec<AddressRange>,
    pub keys: KeyRing,
    pub pace: Pace,
}

/// How fast it all goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Between two looks.
    pub look: Duration,
    /// How long messages wait for more gates.
    pub patience: Patience,
    /// How long one process has a message before another one may send it.
    pub lease: Duration,
    /// All that sending one mail may take.
    pub mail: Duration,
    /// Messages about single runs that one person or address gets in an hour; the rest is gathered.
    pub most_per_hour: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(2),
            patience: Patience { run: Duration::from_secs(10), digest: Duration::from_hours(1) },
            lease: Duration::from_mins(5),
            mail: Duration::from_secs(10),
            most_per_hour: 20,
        }
    }
}

/// The office of one process; cheap to clone.
#[derive(Clone)]
pub struct Notices(Arc<Office>);

struct Office {
    store: Store,
    passwords: Arc<dyn Passwords>,
    outbound: Outbound,
    options: Options,
}

impl Notices {
    pub fn new(store: Store, passwords: Arc<dyn Passwords>, options: Options) -> Self {
        let outbound = Outbound::new(options.allow_private.clone());
        // A server may repeat what it was given to sign in with. One that is a secret is known once it was opened.
        if let Some(password) = &options.password {
            redact::remember(&SecretName::new("smtp-password"), password.expose_secret());
        }
        Self(Arc::new(Office { store, passwords, outbound, options }))
    }
}

/// No secret of its options has one either.
impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// What a message is known by outside.
pub fn message_id(id: NoticeId) -> String {
    format!("msg_{}", id.0.simple())
}
