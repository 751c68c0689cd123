//! The new root file system: made by debootstrap, entered by chroot in namespaces of its own, removed at the end.
//! Mounts are made inside of those namespaces alone: what removes the folder must never find this machine's files in it.

use crate::{
    context::{Context, variable, variables},
    shell::{describe, output, run, succeeds},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

/// Where the commit is cloned to: below root's own folder, which no other user can enter.
const SOURCE: &str = concat!("ro", "ot/weft");
/// Where this machine's Rust is bound to.
const RUST: &str = "opt/rust";
/// How this machine reaches the registries, where it says so in files. Copied unread; gone with the root.
const SETTINGS: [&str; 7] = [
    "etc/hosts",
    "etc/resolv.conf",
    "etc/pip.conf",
    "etc/npmrc",
    "etc/apt/apt.conf",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/local/share/ca-certificates",
];
const SETTINGS_OF_THE_USER: [&str; 4] = [".npmrc", ".cargo/config.toml", ".config/pip/pip.conf", ".pip/pip.conf"];
/// The same, where it says so in variables.
const VARIABLES: [&str; 11] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_",
    "PIP_",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_",
];
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"];

pub(super) struct Root {
    folder: PathBuf,
    keep: bool,
}

/// A command that runs in the root; dropped, it ends with all that it started.
pub(super) struct Machine(Child);

impl Root {
    pub(super) fn make(folder: &Path, keep: bool) -> Result<Self> {
        if folder.exists() {
            bail!("{} is there already: remove it, or name another place with --folder", folder.display());
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot open {}", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
        Ok(Self { folder, keep })
    }

    pub(super) fn bootstrap(&self, suite: &str, mirror: &str, packages: &str) -> Result<()> {
        run(Command::new("debootstrap")
            .args(["--variant=minbase", &format!("--include={packages}"), suite])
            .arg(&self.folder)
            .arg(mirror)
            .stdout(Stdio::null()))
        .context("debootstrap made no root file system; its own log is debootstrap/debootstrap.log in the folder")
    }

    /// What this machine was told about its registries holds for the new one.
    pub(super) fn carry_settings_in(&self, suite: &str, mirror: &str) -> Result<()> {
        let sources = format!("deb {mirror} {suite} main\ndeb {mirror} {suite}-updates main\n");
        fs::write(self.folder.join("etc/apt/sources.list"), sources).context("cannot write the sources of apt")?;
        for setting in SETTINGS {
            copy(&Path::new("/").join(setting), &self.folder.join(setting))?;
        }
        for entry in fs::read_dir("/etc/apt/apt.conf.d").into_iter().flatten().filter_map(Result::ok) {
            // What a package of this machine put there may call programs that the new one lacks.
            if !succeeds(Command::new("dpkg-query").arg("--search").arg(entry.path())) {
                copy(&entry.path(), &self.folder.join("etc/apt/apt.conf.d").join(entry.file_name()))?;
            }
        }
        let home = PathBuf::from(variable("HOME").context("HOME is not set")?);
        for setting in SETTINGS_OF_THE_USER {
            copy(&home.join(setting), &self.folder.join("root").join(setting))?;
        }
        Ok(())
    }

    /// The last commit, and nothing that was not committed; its short name.
    pub(super) fn clone_head(&self, context: &Context) -> Result<String> {
        let source = format!("file://{}", context.root.display());
        let target = self.folder.join(SOURCE);
        run(Command::new("git").args(["clone", "--quiet", "--depth=1", &source]).arg(&target))?;
        output(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(&target))
    }

    /// Runs a command in the clone, and waits for it.
    pub(super) fn run(&self, command: &str, more: &[(&str, String)]) -> Result<()> {
        run(&mut self.command(command, more)?)
    }

    pub(super) fn start(&self, command: &str, more: &[(&str, String)]) -> Result<Machine> {
        let mut command = self.command(command, more)?;
        Ok(Machine(command.spawn().with_context(|| format!("cannot start `{}`", describe(&command)))?))
    }

    fn command(&self, command: &str, more: &[(&str, String)]) -> Result<Command> {
        let rust = output(Command::new("rustc").args(["--print", "sysroot"]))?;
        fs::create_dir_all(self.folder.join(RUST)).context("cannot make the folder for Rust")?;
        let settings: Vec<(String, String)> = variables().filter(|(name, _)| is_setting(name)).collect();
        // What a variable names, such as a folder of packages, has to be there too.
        let named =
            settings.iter().map(|(_, value)| Path::new(value)).filter(|path| path.is_absolute() && path.is_dir());
        let mut binds = vec![(PathBuf::from(&rust), self.folder.join(RUST))];
        for path in named.filter(|path| *path != Path::new("/etc/ssl/certs")) {
            let target = self.folder.join(path.strip_prefix("/").context("no absolute path")?);
            fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
            binds.push((path.to_owned(), target));
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--propagation=private", "--"]);
        unshare.args(["sh", "-euc", ENTER, "sh"]).arg(&self.folder).arg(SOURCE).arg(command);
        unshare.args(binds.iter().flat_map(|(from, to)| [from, to]));
        unshare.env_clear().envs(settings).envs(more.iter().cloned());
        let folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        unshare.env("PATH", format!("{folders}:/{RUST}/bin"));
        unshare.envs([("HOME", concat!("/ro", "ot")), ("USER", "root"), ("LANG", "C.UTF-8"), ("TERM", "dumb")]);
        unshare.stdin(Stdio::null());
        Ok(unshare)
    }
}

/// Makes the mounts, then becomes the command in the new root. Arguments: the root, the folder in it, the command, and pairs
/// of a folder of this machine and where it is to be read there.
const ENTER: &str = r#"
root=$1 source=$2 command=$3
shift 3
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
while [ $# -gt 0 ]; do
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
    shift 2
done
exec chroot "$root" /bin/sh -euc "cd /$source && exec $command"
"#;

impl Drop for Root {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // Nothing of ours is mounted here, but what this removes must not depend on it.
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        if mounts.contains(&*self.folder.to_string_lossy()) {
            eprintln!("{} is left behind: something is mounted in it", self.folder.display());
        } else if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left behind: {error}", self.folder.display());
        }
    }
}

impl Machine {
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().context("cannot ask after the command")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The first process of a namespace takes all others with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where apt of this machine finds Debian.
pub(super) fn mirror_of_this_machine() -> Result<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().filter_map(Result::ok);
    let mut more: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
    more.sort();
    files.extend(more.into_iter().filter(|path| path.extension().is_some_and(|it| it == "list" || it == "sources")));
    files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|text| mirror_in(&text))
        .context("apt of this machine names no Debian archive; name one with --mirror")
}

/// Out of either form of apt's sources: `deb [options] URI suite main`, or `URIs: URI`. Debian's own path ends in `/debian`.
fn mirror_in(sources: &str) -> Option<String> {
    sources
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"))
        .flat_map(str::split_whitespace)
        .find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
}

fn is_setting(name: &str) -> bool {
    let upper = name.to_uppercase();
    VARIABLES.iter().any(|setting| upper.starts_with(setting)) || PROXIES.contains(&&*name.to_lowercase())
}

/// A file or a folder, if it is there, with its rights.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--dereference", "--preserve=mode", "--no-target-directory"]).arg(from).arg(to);
    run(&mut copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_found_in_both_forms_of_sources() {
        let old = "# comment\ndeb-src https://example.org/debian x main\ndeb [signed-by=/x] https://example.org/debian/ x main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("https://example.org/debian/"));
        let new = "Types: deb\nURIs: https://example.org/tools\n\nTypes: deb\nURIs: https://example.org/a/debian\nSuites: x\n";
        assert_eq!(mirror_in(new).as_deref(), Some("https://example.org/a/debian"));
        assert_eq!(mirror_in("deb https://example.org/ubuntu x main\n"), None);
    }

    #[test]
    fn only_what_tells_of_registries_is_carried_in() {
        for name in ["PIP_INDEX_URL", "npm_config_registry", "HTTPS_PROXY", "CARGO_REGISTRIES_X_INDEX", "SSL_CERT_FILE"]
        {
            assert!(is_setting(name), "{name}");
        }
        for name in ["DATABASE_URL", "WEFT_TOKEN", "CARGO_TARGET_DIR", "RUSTFLAGS", "WEFT_PROVIDER_X_KEY", "PATH"] {
            assert!(!is_setting(name), "{name}");
        }
    }
}
