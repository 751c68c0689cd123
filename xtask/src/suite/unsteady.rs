//! What becomes of a test that failed beside its neighbours and passed right after by itself.
//!
//! It is a failure to look into, and is named at the end of the suite; but of two thousand tests on a machine that others use
//! as well, one in a dozen runs is such a one, and a change that has nothing to do with it must not be refused for it.
//! It must never hide what fails always: more than a few are a failure, and so is any where nothing runs beside it.

use anyhow::{Result, bail};

/// In one part of the suite. Where more fail, none of them runs again.
pub(super) const AT_MOST: usize = 3;

/// What is said where there were some.
pub(super) fn judge(number: u64) -> Result<()> {
    if number > AT_MOST as u64 {
        bail!("{number} tests passed only when they ran once more; at most {AT_MOST} may");
    }
    Ok(())
}
