//! Notices: what tells people outside the pages that a gate waits, where they want it, and how the instance sends it.
//! Must never carry what a notice's link would need to open anything: it leads to a page, behind the sign-in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    id::{NoticeAddressId, NoticeId, RunId, SecretName, StepKey, TemplateId},
    secret::Hidden,
};

/// Characters of what an address is called.
pub const MAX_ADDRESS_NAME_CHARS: usize = 100;
/// Addresses at a time.
pub const MAX_ADDRESSES: usize = 50;
/// Choices of one person.
pub const MAX_CHOICES: usize = 200;
/// Bytes of an address.
pub const MAX_ADDRESS_BYTES: usize = 2_000;

/// How soon somebody is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeWhen {
    AtOnce,
    /// What came up within an hour, in one message.
    Hourly,
    Never,
}

impl NoticeWhen {
    pub const ALL: [Self; 3] = [Self::AtOnce, Self::Hourly, Self::Never];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Hourly => "hourly",
            Self::Never => "never",
        }
    }
}

/// What an address takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// JSON, signed as Standard Webhooks say.
    Webhook,
    /// What an incoming webhook of Slack takes, as do those that imitate it.
    Slack,
}

impl AddressKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
        }
    }
}

/// What one person chose, and what they may choose among.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyNotices {
    /// Where mail goes: the email of the account.
    pub email: String,
    /// Whether this instance sends mail at all.
    pub has_email: bool,
    /// What holds for mail where nothing was chosen. For addresses that is always never.
    pub email_default: NoticeWhen,
    /// By name; those that are switched off too.
    pub addresses: Vec<NoticeAddressOption>,
    /// For all workflows first, then by workflow.
    pub choices: Vec<NoticeChoice>,
}

/// An address as those see it who choose: where it leads is the admins'.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeAddressOption {
    pub id: NoticeAddressId,
    pub name: String,
    pub kind: AddressKind,
    /// Nothing is sent there at the moment.
    pub is_disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeChoice {
    /// Absent: one's own email.
    pub address: Option<NoticeAddressId>,
    /// Absent: all workflows for which nothing else was chosen.
    pub template_id: Option<TemplateId>,
    /// Of the workflow.
    pub template_name: Option<String>,
    pub when: NoticeWhen,
}

/// A choice to make, or to take back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChooseNotice {
    /// Absent: one's own email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<NoticeAddressId>,
    /// Absent: all workflows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    /// Absent: nothing is chosen any more, and what is said more generally holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<NoticeWhen>,
}

/// An address, as admins see it. Where it leads is shown as scheme and host alone: the rest is a key mostly.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeAddressView {
    pub id: NoticeAddressId,
    pub name: String,
    pub kind: AddressKind,
    /// Such as `https://hooks.slack.com`.
    pub place: String,
    /// Whether this server has the key that it is encrypted with.
    pub is_readable: bool,
    pub created_at: DateTime<Utc>,
    /// Since when nothing is sent there.
    pub disabled_at: Option<DateTime<Utc>>,
    /// It was Weft that switched it off, after failures only.
    pub is_given_up: bool,
    /// In a row, since the last success.
    pub n_failures: i32,
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Why the last one failed, if it did.
    pub last_error: Option<String>,
    /// People who want something there.
    pub n_people: i64,
}

/// An address to register. The url of Slack's kind is a key: it is stored encrypted, and never told again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewNoticeAddress {
    pub name: String,
    pub kind: AddressKind,
    pub url: Hidden,
}

/// What of an address is to be otherwise; what is absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeNoticeAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Hidden>,
    /// Switched on again it counts failures anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
}

/// An address with the secret that its webhooks are signed with: told this once. Slack's kind has none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeAddressSecret {
    pub address: NoticeAddressView,
    /// `whsec_...`
    pub secret: Option<Hidden>,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeTest {
    pub is_sent: bool,
    /// What the other side said, or why it could not be asked.
    pub said: String,
}

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A gate asks.
    Asks,
    /// It was decided.
    Outcome,
}

impl NoticeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Outcome => "outcome",
        }
    }
}

/// How far a notice is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    Waiting,
    Sent,
    /// It came to nothing before it was sent: decided meanwhile, or not theirs any more.
    Dropped,
    /// Every attempt failed.
    Failed,
}

impl NoticeState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// One attempt to send a message, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeDelivery {
    pub id: i64,
    /// What the receiver is told as `webhook-id`: the same at every attempt.
    pub message: NoticeId,
    pub at: DateTime<Utc>,
    /// Absent: it was mail.
    pub address: Option<NoticeAddressId>,
    /// The name of the address, or the email.
    pub to: String,
    pub kind: NoticeKind,
    /// Of the first gate that it told of.
    pub run_id: RunId,
    pub step: StepKey,
    /// Gates that it told of.
    pub n_gates: i64,
    /// The notice's state now.
    pub state: NoticeState,
    pub is_success: bool,
    /// Of HTTP or SMTP, if the other side answered.
    pub status: Option<i32>,
    pub milliseconds: i64,
    pub error: Option<String>,
    /// The beginning of what the other side answered.
    pub answer: Option<String>,
}

/// Which deliveries are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<NoticeAddressId>,
    pub failed: bool,
}

/// How mail reaches its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Encrypted from the first byte on (port 465).
    Implicit,
    /// Encrypted before anything is said, or nothing is (port 587).
    #[default]
    Starttls,
    /// In the clear, for a server on this machine or in a network of one's own (port 25).
    None,
}

impl SmtpTls {
    pub const ALL: [Self; 3] = [Self::Implicit, Self::Starttls, Self::None];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }

    pub fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// How this instance sends notices. What the operator set is shown, and may not be changed here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeSettings {
    /// Empty: no mail is sent.
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// Empty: nobody signs in there.
    pub user: String,
    /// The secret that holds the password.
    pub password: Option<SecretName>,
    /// Whether a password is there at all: of that secret, or of the operator's.
    pub has_password: bool,
    /// Who sends, such as `Weft <weft@example.org>`.
    pub from: String,
    /// Whether notices say what a step's output begins with, and why something was sent back. Else they have titles and links alone.
    pub content: bool,
    /// What links begin with.
    pub base_url: String,
    /// Fields that the operator set, each with the variable it came by.
    pub locked: Vec<LockedField>,
    /// Counts changes: a change names the one it began from.
    pub revision: i64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LockedField {
    /// Named as in `NoticeSettings`.
    pub field: String,
    pub variable: String,
}

/// How it is to be from now on. Fields that are locked are left as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetNoticeSettings {
    pub host: String,
    /// Absent: what is usual for `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: SmtpTls,
    #[serde(default)]
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretName>,
    pub from: String,
    #[serde(default)]
    pub content: bool,
    pub expect_revision: i64,
}

pub type DeliveryPage = Page<NoticeDelivery>;
