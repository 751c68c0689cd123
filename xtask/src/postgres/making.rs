//! A cluster before its server is started: its folder, its files, the roles, and who gets in.
//! Must never use a folder that is there already, nor let a superuser in.

use super::{Binaries, OTHER_ROLE, ROLE, breakable};
use crate::{
    account::Account,
    shell::{describe, output},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

/// The folder prefix under the system's temporary folder; the process id and random digits follow.
const PREFIX: &str = "weft-test-postgres-";

/// A cluster whose server was not started yet.
pub(super) struct Made {
    pub(super) folder: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) password: String,
    /// Its files lie on a file system of their own.
    pub(super) is_mounted: bool,
}

/// `mount`: makes the folder of the server's files a file system of its own, or not.
pub(super) fn made(binaries: &Binaries, mount: impl FnOnce(&Path) -> bool) -> Result<Made> {
    let parent = parent_folder();
    remove_leftovers(&parent);
    let password = random_hex()?;
    // One process may start several clusters at a time, and another one of the same number may have been killed before it
    // could tidy up: in a container, numbers come again at once.
    let folder = parent.join(format!("{PREFIX}{}.{}", std::process::id(), random_hex()?.get(..8).unwrap_or_default()));
    create_folder(&folder, 0o755)?;
    let cluster = cluster(&folder);
    create_folder(&cluster, 0o700)?;
    let is_mounted = mount(&cluster);
    let account = Account::for_server()?;
    if let Some(account) = &account {
        std::os::unix::fs::lchown(&cluster, Some(account.uid), Some(account.gid))
            .with_context(|| format!("cannot give {} to the Postgres user", cluster.display()))?;
    }
    initialise(binaries, account.as_ref(), &cluster, &password)?;
    let access = access_file(&folder);
    fs::write(&access, format!("local all {ROLE} scram-sha-256\n"))
        .and_then(|()| fs::set_permissions(&access, fs::Permissions::from_mode(0o644)))
        .with_context(|| format!("cannot write {}", access.display()))?;
    Ok(Made { folder, account, password, is_mounted })
}

/// Who gets in.
pub(super) fn access_file(folder: &Path) -> PathBuf {
    folder.join("pg_hba.conf")
}

/// The system's temporary folder, unless its path is too long for a socket's address, which holds some hundred bytes.
pub(crate) fn parent_folder() -> PathBuf {
    const MOST_BYTES: usize = 50;
    let folder = std::env::temp_dir();
    if folder.as_os_str().len() > MOST_BYTES { PathBuf::from("/tmp") } else { folder }
}

/// Where the server's files and its socket are.
pub(super) fn cluster(folder: &Path) -> PathBuf {
    folder.join("cluster")
}

/// Fails if there is anything already: in a folder that all may write, it could be a link of somebody else's.
pub(crate) fn create_folder(folder: &Path, mode: u32) -> Result<()> {
    fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("cannot create {}", folder.display()))
}

/// Makes the cluster and the role. The superuser gets no password and no way in: single-user mode needs neither.
fn initialise(binaries: &Binaries, account: Option<&Account>, cluster: &Path, password: &str) -> Result<()> {
    let data = cluster.join("data");
    let mut initdb = binaries.command("initdb");
    initdb
        .args(["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(&data);
    Account::apply(account, &mut initdb, cluster);
    output(&mut initdb)?;
    let mut single = binaries.command("postgres");
    // It would report success after an error, and repeat the statement, in which there is a password.
    single
        .args(["--single", "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-D"])
        .arg(&data)
        .arg("template1");
    Account::apply(account, &mut single, cluster);
    let mut child = single
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", describe(&single)))?;
    // A line is a statement here. The tests' role may put into the template what every database is to begin with, and have all that was
    // written put on disk, before something is measured.
    let roles = format!(
        "CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\nCREATE ROLE \"{OTHER_ROLE}\"\nGRANT \"{OTHER_ROLE}\" TO {ROLE}\n\
        GRANT pg_checkpoint TO {ROLE}\nALTER DATABASE template1 OWNER TO {ROLE}\n"
    );
    child
        .stdin
        .take()
        .context("Postgres takes no input")?
        .write_all(roles.as_bytes())
        .context("cannot make the roles")?;
    let ended = child.wait_with_output().context("cannot wait for Postgres")?;
    if !ended.status.success() {
        bail!("Postgres cannot make the role of the tests: {}", String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(())
}

pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0; 24];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random bytes")?;
    Ok(hex::encode(bytes))
}

/// Removes the folders of earlier runs that were killed before they could.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let process = name.split('.').next().unwrap_or(name);
        if !Path::new("/proc").join(process).exists() {
            breakable::unmount_if_mounted(&cluster(&entry.path()));
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
