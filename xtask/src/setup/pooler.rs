//! The pooler that Debian has, which tests start themselves, each one of its own.
//!
//! Must never give one that runs on the machine any work: Debian's package starts one where systemd runs, which knows no database.

use super::system::Missing;
use crate::shell::{find_on_path, is_executable};
use std::path::Path;

pub(super) fn missing(missing: &mut Vec<Missing>) {
    // Debian puts it where only root looks.
    if find_on_path("pgbouncer").is_none() && !is_executable(Path::new("/usr/sbin/pgbouncer")) {
        missing.push(Missing::new("PgBouncer, which tests put before Postgres", &["pgbouncer"]));
    }
}
