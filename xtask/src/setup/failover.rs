//! What keeps a Postgres on two nodes: Patroni, the etcd that it stands on, and `HAProxy` before them, as Debian has them.
//! Only `cargo xtask failover` wants them. Must never give a service that runs on the machine any work: Debian's packages start etcd and
//! `HAProxy` where systemd runs, which nobody speaks to.

use super::system::{self, Missing};
use crate::shell::{find_on_path, is_executable, output, say};
use anyhow::{Context as _, Result};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const WANTED: [(&str, &str, &[&str]); 3] = [
    // Over version 3 of etcd's interface it wants the client's library all the same.
    ("patroni", "Patroni, which fails over", &["patroni", "python3-etcd", "python3-psycopg2"]),
    ("etcd", "etcd, which Patroni stands on", &["etcd-server"]),
    ("haproxy", "HAProxy, which leads to the primary", &["haproxy"]),
];

/// Where each program is.
pub(crate) struct Programs {
    pub(crate) patroni: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) haproxy: PathBuf,
}

pub(crate) fn install() -> Result<Programs> {
    let mut missing = Vec::new();
    for (name, what, packages) in WANTED {
        if find(name).is_none() {
            missing.push(Missing::new(what, packages));
        }
    }
    system::install(&missing)?;
    let programs = Programs { patroni: found("patroni")?, etcd: found("etcd")?, haproxy: found("haproxy")? };
    let first_line = |program: &Path, argument: &str| -> Result<String> {
        let text = output(Command::new(program).arg(argument))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    };
    say(format!("ok      {}", first_line(&programs.patroni, "--version")?));
    say(format!("ok      {}", first_line(&programs.etcd, "--version")?));
    say(format!("ok      {}", first_line(&programs.haproxy, "-v")?));
    Ok(programs)
}

fn found(name: &str) -> Result<PathBuf> {
    find(name).with_context(|| format!("its package brought no {name}"))
}

/// Debian puts servers where only root looks.
fn find(name: &str) -> Option<PathBuf> {
    find_on_path(name).or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|program| is_executable(program)))
}
