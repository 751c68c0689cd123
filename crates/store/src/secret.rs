//! How a secret is kept: as its hash. The secret of a cookie or a token itself must never reach this crate.

/// SHA-256 of the secret in a cookie or a token.
pub type SecretHash = [u8; 32];
