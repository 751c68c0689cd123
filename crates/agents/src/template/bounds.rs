//! What a render may take, and how one is refused that wants more or something else.
//! Must never be looser for one filter than for another.

use minijinja::{Error, ErrorKind};

/// Bytes of a rendered template, and of a JSON text inside it.
pub(super) const MAX_RENDERED_BYTES: usize = 4 * 1024 * 1024;

/// One fuel is worth 64 bytes.
pub(super) fn fuel_for(n_bytes: usize) -> u64 {
    n_bytes as u64 / 64 + 1
}

pub(super) fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}
