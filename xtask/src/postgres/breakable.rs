//! A cluster that is made here and started by somebody else, who kills it and starts it again. Its commits are on the disk when they are
//! answered. Where root may mount, its files lie on a small file system of their own, in memory, which may be filled.
//! Must never mount over anything but a folder that was made for it just now.

use super::{Binaries, PORT, Purpose, ROLE, as_arguments, cluster, made, server_command};
use crate::{
    account::is_root,
    shell::{find_on_path, output},
};
use anyhow::{Context as _, Result, bail};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What its file systems are called among those that are mounted.
const NAME: &str = "weft-chaos";
/// Enough for minutes of chaos, and soon full.
const DISK: &str = "size=640m,mode=0700";

/// Removed with everything in it when it is dropped: whoever started the server has ended it by then.
pub(crate) struct Breakable {
    folder: PathBuf,
    password: String,
    programs: PathBuf,
    /// What starts the server.
    words: Vec<String>,
    has_disk: bool,
}

impl Breakable {
    pub(crate) fn make() -> Result<Self> {
        if find_on_path("setpriv").is_none() {
            bail!("a Postgres that is killed and started again needs setpriv, which is in the package util-linux");
        }
        let binaries = Binaries::find()?;
        let made = made(&binaries, mount)?;
        let mut command = server_command(&binaries, made.account.as_ref(), &made.folder);
        command.args(as_arguments(Purpose::Chaos));
        let words: Option<Vec<String>> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_str().map(str::to_owned))
            .collect();
        Ok(Self {
            words: words.context("a folder of Postgres has no name in UTF-8")?,
            programs: binaries.folder().to_owned(),
            folder: made.folder,
            password: made.password,
            has_disk: made.is_mounted,
        })
    }

    /// What whoever starts it has to know. It holds the password.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let cluster = cluster(&self.folder);
        let words = serde_json::to_string(&self.words).context("the command of Postgres is no JSON")?;
        let mut all: Vec<(&'static str, OsString)> = vec![
            ("PGHOST", cluster.clone().into()),
            ("PGPORT", PORT.into()),
            ("PGUSER", ROLE.into()),
            ("PGPASSWORD", self.password.clone().into()),
            ("WEFT_BENCH_PROGRAMS", self.programs.clone().into()),
            ("WEFT_CHAOS_POSTGRES", words.into()),
            ("WEFT_CHAOS_POSTGRES_FOLDER", cluster.clone().into()),
            ("WEFT_CHAOS_POSTGRES_LOG", self.folder.join("server.log").into()),
        ];
        if self.has_disk {
            all.push(("WEFT_CHAOS_DISK", cluster.into()));
        }
        Ok(all)
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        if self.has_disk {
            unmount(&cluster(&self.folder));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether the folder is a file system of its own now. In many containers not even root may mount.
fn mount(folder: &Path) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", DISK, NAME]).arg(folder);
    is_root() && output(&mut mount).is_ok()
}

/// Also while somebody is still in it: nothing that is there is wanted any more.
fn unmount(folder: &Path) {
    let _ = output(Command::new("umount").arg("--lazy").arg(folder));
}

/// What a run left that was killed before it could tidy up. In a folder that all may write, links may lead anywhere: only what was mounted
/// under our name is unmounted.
pub(super) fn unmount_if_mounted(folder: &Path) {
    let (Ok(mounts), Ok(folder)) = (fs::read_to_string("/proc/self/mounts"), folder.canonicalize()) else { return };
    if is_ours(&mounts, &folder) {
        unmount(&folder);
    }
}

/// `mounts`: a line for each file system, with its name, its place and its sort.
fn is_ours(mounts: &str, folder: &Path) -> bool {
    mounts.lines().any(|line| {
        let mut words = line.split(' ');
        (words.next(), words.next().map(Path::new), words.next()) == (Some(NAME), Some(folder), Some("tmpfs"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_mounted_here_under_our_name_is_ours() {
        let mounts =
            "tmpfs /tmp tmpfs rw 0 0\n/dev/sda1 /home ext4 rw 0 0\nweft-chaos /tmp/a/cluster tmpfs rw,size=1k 0 0\n";
        assert!(is_ours(mounts, Path::new("/tmp/a/cluster")));
        for other in ["/home", "/tmp", "/tmp/a", "/tmp/a/cluster/data", "weft-chaos", ""] {
            assert!(!is_ours(mounts, Path::new(other)), "{other}");
        }
    }

    #[test]
    fn a_cluster_that_somebody_else_starts_leaves_nothing_behind() {
        let breakable = Breakable::make().unwrap();
        let folder = breakable.folder.clone();
        let environment = breakable.environment().unwrap();
        let has = |name: &str| environment.iter().any(|(known, _)| *known == name);
        assert!(["PGHOST", "WEFT_CHAOS_POSTGRES", "WEFT_CHAOS_POSTGRES_FOLDER"].into_iter().all(has));
        assert!(breakable.words.iter().any(|word| word.ends_with("/postgres")), "{:?}", breakable.words);
        assert!(!breakable.words.iter().any(|word| word.contains(&breakable.password)));
        assert!(cluster(&folder).join("data/PG_VERSION").is_file());
        drop(breakable);
        assert!(!folder.exists());
    }
}
