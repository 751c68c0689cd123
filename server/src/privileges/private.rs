//! Folders and files that only their owner can enter: made so, or narrowed when they are found wider.
//! Everything is judged and changed through what was opened, never by its name a second time, and no link is followed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use nix::{errno::Errno, fcntl::OFlag, unistd::geteuid};

use super::Error;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Opens a folder that is no link.
pub(super) fn open_folder(folder: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits()).open(folder)
}

/// Makes the folder, or takes it if it is ours; either way nobody else can enter it afterwards.
pub(crate) fn folder(folder: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::io("create the folder", folder)(error));
        }
        _ => {}
    }
    let opened = open_folder(folder).map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOTDIR | Errno::ELOOP) => Error::NoFolder { path: folder.to_owned() },
        _ => Error::io("open the folder", folder)(error),
    })?;
    let meta = opened.metadata().map_err(Error::io("read", folder))?;
    if meta.uid() != geteuid().as_raw() {
        return Err(Error::ForeignFolder { folder: folder.to_owned() });
    }
    if narrow(&opened, meta.mode(), FOLDER_MODE).map_err(Error::io("protect", folder))? {
        tracing::warn!("others could enter {}; its rights are {FOLDER_MODE:o} now", folder.display());
    }
    Ok(())
}

/// The same for the data folder: it may lie behind a link, and the folders above it are made as well.
pub(crate) fn data_folder(path: &Path) -> Result<(), Error> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    }
    let real = path.canonicalize();
    folder(real.as_deref().unwrap_or(path))
}

/// Opens a file of ours for writing, made if it is not there, and readable by nobody else.
pub(crate) fn file(path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    let opened = options
        .create(true)
        .mode(FILE_MODE)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(Error::io("open", path))?;
    let meta = opened.metadata().map_err(Error::io("read", path))?;
    narrow(&opened, meta.mode(), FILE_MODE).map_err(Error::io("protect", path))?;
    Ok(opened)
}

/// Takes away what is more than the wanted mode; true if something was.
fn narrow(opened: &File, mode: u32, wanted: u32) -> io::Result<bool> {
    let is_wider = mode & 0o7777 & !wanted != 0;
    if mode & 0o7777 != wanted {
        opened.set_permissions(fs::Permissions::from_mode(wanted))?;
    }
    Ok(is_wider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_folder_that_others_could_enter_is_narrowed_and_so_are_its_files() {
        let scratch = tempfile::tempdir().unwrap();
        let wide = scratch.path().join("deep/wide");
        fs::create_dir_all(&wide).unwrap();
        fs::set_permissions(&wide, fs::Permissions::from_mode(0o755)).unwrap();
        data_folder(&wide).unwrap();
        assert_eq!(mode(&wide), 0o700);
        let lock = wide.join("lock");
        fs::write(&lock, "kept").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
        file(&lock, OpenOptions::new().write(true)).unwrap();
        assert_eq!((mode(&lock), fs::read_to_string(&lock).unwrap()), (0o600, "kept".to_owned()));
        let new = scratch.path().join("a/b");
        data_folder(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn a_link_in_place_of_a_folder_or_a_file_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let (victim, secret) = (scratch.path().join("victim"), scratch.path().join("secret"));
        fs::create_dir(&victim).unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&secret, "x").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let link = |name: &str, to: &Path| {
            let link = scratch.path().join(name);
            std::os::unix::fs::symlink(to, &link).unwrap();
            link
        };
        assert!(matches!(folder(&link("folder", &victim)), Err(Error::NoFolder { .. })));
        assert!(file(&link("file", &secret), OpenOptions::new().write(true).truncate(true)).is_err());
        assert!(file(&link("new", &scratch.path().join("made")), OpenOptions::new().write(true)).is_err());
        assert_eq!((mode(&victim), mode(&secret)), (0o755, 0o644));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "x");
        assert!(!scratch.path().join("made").exists());
    }
}
