//! Packages of the operating system, by apt as root or through sudo.
//!
//! Without the right or without apt it changes nothing and says what to install.

use crate::shell::{find_on_path, run, say, succeeds};
use anyhow::{Context as _, Result, bail};
use std::{
    io::{IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

/// Something that the machine lacks, and the Debian packages that bring it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    what: &'static str,
    packages: &'static [&'static str],
}

impl Missing {
    pub(super) fn new(what: &'static str, packages: &'static [&'static str]) -> Self {
        Self { what, packages }
    }

    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.packages.contains(&"postgresql")
    }
}

/// How commands that change the system are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privilege {
    Root,
    Sudo { may_ask: bool },
    None,
}

impl Privilege {
    fn detect() -> Self {
        if crate::account::is_root() {
            Self::Root
        } else if find_on_path("sudo").is_none() {
            Self::None
        } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
            Self::Sudo { may_ask: false }
        } else if std::io::stdin().is_terminal() {
            Self::Sudo { may_ask: true }
        } else {
            Self::None
        }
    }

    fn command(self, program: &str) -> Command {
        match self {
            Self::Sudo { may_ask } => {
                let mut command = Command::new("sudo");
                if !may_ask {
                    command.arg("-n");
                }
                command.arg(program);
                command
            }
            Self::Root | Self::None => Command::new(program),
        }
    }
}

/// Installs everything in one go, or says what a person has to install.
pub(super) fn install(missing: &[Missing]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let privilege = Privilege::detect();
    if find_on_path("apt-get").is_none() || privilege == Privilege::None {
        bail!("{}", instructions(missing));
    }
    for thing in missing {
        say(format!("install {} (apt: {})", thing.what, thing.packages.join(" ")));
    }
    if privilege == (Privilege::Sudo { may_ask: true }) {
        say("        sudo may ask for your password");
    }
    if missing.iter().any(Missing::is_postgres) {
        keep_debian_from_starting_a_cluster(privilege)?;
    }
    apt(privilege, &["update"])?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(missing.iter().flat_map(|thing| thing.packages));
    apt(privilege, &arguments).with_context(|| instructions(missing))
}

fn apt(privilege: Privilege, arguments: &[&str]) -> Result<()> {
    // Through `env`, because sudo drops most variables.
    run(privilege
        .command("env")
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o=Dpkg::Use-Pty=0"])
        .args(arguments))
}

/// Debian's package would create and start a cluster of its own on port 5432, which nobody asked for.
fn keep_debian_from_starting_a_cluster(privilege: Privilege) -> Result<()> {
    const SETTING: &str = "/etc/postgresql-common/createcluster.conf";
    if Path::new(SETTING).exists() {
        return Ok(());
    }
    run(privilege.command("mkdir").args(["-p", "/etc/postgresql-common"]))?;
    let mut child = privilege
        .command("tee")
        .arg(SETTING)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start `tee`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(b"create_main_cluster = false\n").with_context(|| format!("cannot write {SETTING}"))?;
    }
    if !child.wait().context("cannot wait for `tee`")?.success() {
        bail!("cannot write {SETTING}");
    }
    Ok(())
}

/// A system user for what was started as root. Anybody else's Weft runs as themselves.
pub(super) fn user(name: &str) -> Result<()> {
    if !crate::account::is_root() {
        return Ok(());
    }
    if succeeds(Command::new("id").arg(name)) {
        say(format!("ok      user `{name}`, as which Weft runs when root starts it"));
        return Ok(());
    }
    say(format!("install user `{name}`, as which Weft runs when root starts it (useradd)"));
    run(Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"])
        .args(["--shell", "/usr/sbin/nologin", name]))
    .with_context(|| {
        format!("Weft does not run as root; make a system user called `{name}` by hand, or start it as another user")
    })
}

fn instructions(missing: &[Missing]) -> String {
    let things = missing.iter().map(|thing| thing.what).collect::<Vec<_>>().join(", ");
    let packages = missing.iter().flat_map(|thing| thing.packages).copied().collect::<Vec<_>>().join(" ");
    format!(
        "This machine lacks: {things}. It cannot be installed from here, which takes apt-get and root or sudo.\n\
         On Debian or Ubuntu, run as root:\n    apt-get update && apt-get install -y --no-install-recommends {packages}\n\
         Elsewhere, install the same with your package manager. Then repeat the command"
    )
}

/// The `ID` of /etc/os-release, as in `debian` or `ubuntu`.
pub(super) fn distribution() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    field(&text, "ID")
}

fn field(os_release: &str, name: &str) -> String {
    os_release
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_name_every_missing_thing_and_every_package() {
        let text = instructions(&[
            Missing::new("the Postgres server", &["postgresql"]),
            Missing::new("pip", &["python3-pip"]),
        ]);
        assert!(text.contains("the Postgres server, pip"));
        assert!(text.contains("apt-get install -y --no-install-recommends postgresql python3-pip"));
    }

    #[test]
    fn the_distribution_is_read_from_os_release() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(field(text, "ID"), "debian");
        assert_eq!(field(text, "VERSION_ID"), "12");
        assert_eq!(field(text, "ABSENT"), "");
    }
}
