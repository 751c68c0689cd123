//! How many files this process may have open: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than the caps on connections ever need.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as it helps and the system lets it, and says what it is then.
pub fn raise_limit() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "cannot read how many files may be open");
            return 1024;
        }
    };
    let wanted = hard.min(ENOUGH);
    if wanted <= soft {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "cannot raise how many files may be open: {soft}");
            soft
        }
    }
}
