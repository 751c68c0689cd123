//! Notices: messages that tell people outside the pages that a gate waits, and what became of it. What is here is a view over gates.
//! Must never change a run, nor lock a row that a commit of a run writes.

pub mod addresses;
mod asked;
mod choices;
mod deliveries;
pub mod gates;
pub mod sending;
mod settings;
#[cfg(test)]
mod tests;

use uuid::Uuid;
use workflow::{
    RunId, StepKey, UserId,
    api::{AddressKind, NoticeKind, NoticeState, NoticeWhen, SmtpTls},
    id::NoticeAddressId,
};

use crate::{Error, Result};

pub use choices::{Choice, Choose};
pub use deliveries::Resend;
pub use settings::SetSettings;

/// One gate: a step may have many, one after the other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GateKey {
    pub run: RunId,
    pub step: StepKey,
    pub generation: i32,
    pub number: i32,
}

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Recipient {
    /// Mail to somebody.
    Person(UserId),
    /// What several people may have chosen: it is told once.
    Address(NoticeAddressId),
}

impl Recipient {
    fn columns(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::Person(user) => (Some(user.0), None),
            Self::Address(address) => (None, Some(address.0)),
        }
    }

    fn of(user: Option<Uuid>, address: Option<Uuid>, row: Uuid) -> Result<Self> {
        match (user, address) {
            (Some(user), None) => Ok(Self::Person(UserId(user))),
            (None, Some(address)) => Ok(Self::Address(NoticeAddressId(address))),
            _ => Err(Error::Inconsistent { table: "notices", column: "user_id", row: row.to_string() }),
        }
    }
}

/// A word of a column as what it stands for.
trait Word: Copy + Sized + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    fn read(text: &str, table: &'static str, column: &'static str, row: &impl ToString) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|known| known.word() == text);
        found.ok_or_else(|| Error::Inconsistent { table, column, row: row.to_string() })
    }
}

impl Word for NoticeWhen {
    const ALL: &'static [Self] = &NoticeWhen::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for AddressKind {
    const ALL: &'static [Self] = &[Self::Webhook, Self::Slack];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for NoticeKind {
    const ALL: &'static [Self] = &[Self::Asks, Self::Outcome];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for NoticeState {
    const ALL: &'static [Self] = &[Self::Waiting, Self::Sent, Self::Dropped, Self::Failed];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for SmtpTls {
    const ALL: &'static [Self] = &SmtpTls::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}
