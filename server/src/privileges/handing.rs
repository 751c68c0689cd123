//! What root does for the user who takes over: a data folder of theirs. It makes or chooses it; it never looks inside.

use std::{
    fs::{self, DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::{fchown, geteuid};
use sha2::{Digest, Sha256};

use super::{Error, account::Account, private::open_folder};

/// Where the data goes if the user cannot enter the folder that was asked for, such as one below root's own.
const ELSEWHERE: &str = "/var/lib/weft";

/// A data folder and the user whose it is.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) folder: PathBuf,
    pub(super) account: Account,
}

/// The folder, wherever the user can reach it.
pub(super) fn data_folder(asked: &Path) -> Result<Handed, Error> {
    let asked = resolved(asked)?;
    if let Some(handed) = existing(&asked)? {
        return Ok(handed);
    }
    let account = Account::of_weft()?;
    let above = nearest_folder(asked.parent().unwrap_or(&asked));
    if account.can_enter(above) {
        return hand_over(&asked, account);
    }
    let elsewhere = elsewhere(&asked, Path::new(ELSEWHERE))?;
    tracing::warn!(
        "the user `{}` cannot enter {}: the data folder is {}",
        account.0.name,
        above.display(),
        elsewhere.display()
    );
    match existing(&elsewhere)? {
        Some(handed) => Ok(handed),
        None => hand_over(&elsewhere, account),
    }
}

/// Whether there is a data folder already, where it was asked for or, of one that root started, elsewhere.
pub fn is_made(asked: &Path) -> bool {
    asked.exists()
        || geteuid().is_root() && resolved(asked).is_ok_and(|asked| place_for(&asked, Path::new(ELSEWHERE)).exists())
}

/// The folder of somebody other than root, who then is who goes on.
fn existing(folder: &Path) -> Result<Option<Handed>, Error> {
    let Ok(meta) = fs::metadata(folder) else { return Ok(None) };
    let Some(account) = Account::of_owner(folder, meta.uid())? else { return Ok(None) };
    if !account.can_enter(folder) {
        return Err(Error::NotEnterable { folder: folder.to_owned(), user: account.0.name });
    }
    Ok(Some(Handed { folder: folder.to_owned(), account }))
}

/// Makes the folder and gives it away. One of root's that is there already is given away only while it is empty: what is in
/// it may be anything.
fn hand_over(folder: &Path, account: Account) -> Result<Handed, Error> {
    if let Some(parent) = folder.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(Error::io("create the folder", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::io("create the folder", folder)(error));
        }
        _ => {}
    }
    let real = folder.canonicalize().map_err(Error::io("find", folder))?;
    let opened = open_folder(&real).map_err(Error::io("open the folder", &real))?;
    let meta = opened.metadata().map_err(Error::io("read", &real))?;
    let is_empty = fs::read_dir(&real).map_err(Error::io("read", &real))?.next().is_none();
    if meta.uid() != 0 || !is_empty {
        return Err(Error::RootsFolder { folder: real, user: account.0.name });
    }
    give(&opened, &account).map_err(Error::io("hand over", &real))?;
    Ok(Handed { folder: real, account })
}

fn give(folder: &File, account: &Account) -> std::io::Result<()> {
    folder.set_permissions(fs::Permissions::from_mode(0o700))?;
    Ok(fchown(folder, Some(account.0.uid), Some(account.0.gid))?)
}

/// A folder for the one that was asked for, the same each time, inside of one that only root can write.
fn elsewhere(asked: &Path, base: &Path) -> Result<PathBuf, Error> {
    DirBuilder::new().recursive(true).mode(0o755).create(base).map_err(Error::io("create the folder", base))?;
    let opened = open_folder(base).map_err(Error::io("open the folder", base))?;
    let meta = opened.metadata().map_err(Error::io("read", base))?;
    if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err(Error::OpenToOthers { folder: base.to_owned() });
    }
    // The umask of whoever made it may keep everybody out.
    opened.set_permissions(fs::Permissions::from_mode(0o755)).map_err(Error::io("open", base))?;
    Ok(place_for(asked, base))
}

fn place_for(asked: &Path, base: &Path) -> PathBuf {
    let mut name = hex::encode(Sha256::digest(asked.as_os_str().as_encoded_bytes()));
    name.truncate(12);
    base.join(name)
}

/// The folder by the one name that it has without links, as far as it is there.
fn resolved(asked: &Path) -> Result<PathBuf, Error> {
    let asked = std::path::absolute(asked).map_err(Error::io("find", asked))?;
    let there = nearest_folder(&asked);
    let real = there.canonicalize().map_err(Error::io("find", there))?;
    let rest = asked.strip_prefix(there).unwrap_or(Path::new(""));
    // Joining nothing would add a slash.
    Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// The folder itself if it is there, else the nearest one above it that is.
fn nearest_folder(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}
