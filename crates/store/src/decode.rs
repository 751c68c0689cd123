//! From stored words and documents to domain values; what cannot be read names its table, column and row.
//! Must never fall back to a default.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::{Error, Result};

pub(crate) fn word<T: FromStr>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
) -> Result<T> {
    text.parse().map_err(|_| Error::Inconsistent { table, column, row: row.to_string() })
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
