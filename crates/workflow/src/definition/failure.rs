//! What follows when a step fails: whether it is tried again by itself, and what becomes of the steps behind it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    pub on: BTreeSet<String>,
    pub initial_ms: u64,
    pub max_ms: u64,
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: None,
            on: ["rate_limit", "server", "timeout"].map(String::from).into(),
            initial_ms: 1_000,
            max_ms: 30_000,
            jitter: 0.2,
        }
    }
}

impl Retry {
    /// Milliseconds before automatic retry number `retry` (1 is the first), without jitter; a server's own wish wins if longer.
    pub fn delay_ms(&self, retry: u32, retry_after_ms: Option<u64>) -> u64 {
        let doubled = self.initial_ms.saturating_mul(1_u64 << retry.saturating_sub(1).min(32));
        doubled.min(self.max_ms).max(retry_after_ms.unwrap_or(0))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    #[default]
    Fail,
    Continue,
    Default,
}

impl OnError {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Continue => "continue",
            Self::Default => "default",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap_and_honours_retry_after() {
        let retry = Retry::default();
        assert_eq!([1, 2, 3, 10].map(|n| retry.delay_ms(n, None)), [1_000, 2_000, 4_000, 30_000]);
        assert_eq!(retry.delay_ms(1, Some(45_000)), 45_000);
    }
}
