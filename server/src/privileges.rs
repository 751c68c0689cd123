//! What a process of the server may do to its machine: nothing as root, nothing through links, nothing that others can read.
//!
//! Started as root, it chooses the user to go on as, hands the data folder over, and becomes that user for good by starting its
//! own program again. Root must never touch anything inside of a folder that another user can write.

mod account;
mod become_other;
mod error;
mod handing;
pub(crate) mod private;

use nix::{
    sys::stat::{Mode, umask},
    unistd::geteuid,
};

pub use error::Error;
pub use handing::is_made;

use crate::config;

/// For every command that opens the database or the data folder; before the first thread is there. Comes back as somebody
/// other than root, or not at all.
pub fn settle(
    database: &config::Database,
    model: Option<&config::LocalModel>,
    keys: Option<&config::SecretKeys>,
) -> Result<(), Error> {
    if geteuid().is_root() {
        return Err(become_other::go_on(database, model, keys));
    }
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    without_new_rights()
}

/// From now on no program that is started, by us or by a child, gets rights that we lack: no setuid bit counts.
#[cfg(target_os = "linux")]
fn without_new_rights() -> Result<(), Error> {
    use nix::sys::prctl;
    // Started again through /proc, it would be listed as `exe`. A name is no reason not to start.
    let _ = prctl::set_name(c"weft");
    prctl::set_no_new_privs().map_err(Error::NoNewPrivileges)
}

#[cfg(not(target_os = "linux"))]
fn without_new_rights() -> Result<(), Error> {
    Ok(())
}
