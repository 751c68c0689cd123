//! Typed identifiers, so that no signature carries a bare `Uuid` or `String`.
//! Ids are only parsed here, never made: making one needs randomness, which this crate must not have.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// A person's account.
    UserId
);
uuid_id!(
    /// A workflow template: its draft and all its published versions.
    TemplateId
);
uuid_id!(
    /// One execution of a published version.
    RunId
);
uuid_id!(
    /// One immutable version of one named output of one step.
    ArtifactId
);
uuid_id!(
    /// An API token (never its secret).
    TokenId
);
uuid_id!(
    /// Reviews that somebody gave to another while they are away.
    DelegationId
);

uuid_id!(
    /// That a run is shared with somebody, or with a group.
    ShareId
);

uuid_id!(
    /// One incarnation of a process that executes steps.
    WorkerId
);

uuid_id!(
    /// An address that notices are sent to.
    NoticeAddressId
);
uuid_id!(
    /// A notice: one message about gates to one person or address.
    NoticeId
);

uuid_id!(
    /// A batch: many runs from one table.
    BatchId
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $extra:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text: a half-drawn definition is a normal value, and the validator names what is wrong with it.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the text has the shape that publishing demands.
            pub fn is_well_formed(&self) -> bool {
                let mut chars = self.0.chars();
                self.0.len() <= 64
                    && chars.next().is_some_and(|c| c.is_ascii_lowercase())
                    && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || $extra.contains(&c))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// The immutable slug of an agent: `[a-z][a-z0-9_-]*`, at most 64 characters.
    AgentId,
    ['_', '-']
);
text_id!(
    /// The stable key of a step: `[a-z][a-z0-9_]*`, at most 64 characters. References use it, never the title.
    StepKey,
    ['_']
);

text_id!(
    /// The immutable slug of a group of people: `[a-z][a-z0-9_-]*`, at most 64 characters.
    GroupId,
    ['_', '-']
);

text_id!(
    /// What a secret is called: `[a-z][a-z0-9_-]*`, at most 64 characters. Never its value.
    SecretName,
    ['_', '-']
);

impl AgentId {
    /// The id under which what was typed and not saved is tried: of no agent that anybody could make or name in a workflow. `hash`: of
    /// what was typed.
    #[must_use]
    pub fn unsaved(&self, hash: &str) -> Self {
        Self::new(format!("{}~{}", self.0, hash.get(..16).unwrap_or(hash)))
    }

    /// The agent that it is, or that it would become once it is saved.
    pub fn saved(&self) -> &str {
        self.0.split_once('~').map_or(&*self.0, |(id, _)| id)
    }
}

impl StepKey {
    /// The key of one item of a map step: `step1[KEY]`.
    #[must_use]
    pub fn item(&self, key: &str) -> Self {
        Self::new(format!("{}[{key}]", self.0))
    }

    /// The key under which the definition knows it, and the item's key if it is one.
    pub fn split(&self) -> (Self, Option<&str>) {
        match self.0.split_once('[').and_then(|(step, rest)| Some((step, rest.strip_suffix(']')?))) {
            Some((step, item)) => (Self::new(step), Some(item)),
            None => (self.clone(), None),
        }
    }

    /// Whether a step of a run can have this key: a well-formed one, perhaps with an item's key that is neither empty nor holds NUL.
    pub fn is_addressable(&self) -> bool {
        let (step, item) = self.split();
        step.is_well_formed() && item.is_none_or(|item| !item.is_empty() && !item.contains('\0'))
    }
}
