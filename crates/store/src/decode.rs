//! From stored words and documents to domain values, and back; what cannot be read names its table, column and row.
//! Must never fall back to a default, nor change the order of keys or a digit.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use workflow::{access::Role, id::GroupId};

use crate::{Error, Result};

pub(crate) fn word<T: FromStr>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<T> {
    text.parse().map_err(|_| Error::Inconsistent { table, column, row: row.to_string() })
}

/// Whose member somebody is, as a column has it.
pub(crate) fn groups(ids: Vec<String>) -> BTreeSet<GroupId> {
    ids.into_iter().map(GroupId::new).collect()
}

pub(crate) fn parse_role(role: &str, id: Uuid) -> Result<Role> {
    word(role, "users", "role", &id)
}

pub(crate) fn maybe_word<T: FromStr>(
    text: Option<&str>,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<Option<T>> {
    text.map(|text| word(text, table, column, row)).transpose()
}

/// What stands in a column as text: values keep the order of their keys, and their digits.
pub(crate) fn read<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::Inconsistent { table, column, row: row.to_string() })
}

/// A document on its way into a column. It is bound as text: sqlx sends JSON as jsonb, which would change it on the way to `json`.
pub(crate) fn text(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|error| sqlx::Error::Encode(error.into()).into())
}
