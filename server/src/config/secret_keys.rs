//! The keys that encrypt secrets: out of a file, or out of a variable. Never out of the command line, which every process of the machine
//! can read, and never out of the database that they protect.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use secrecy::zeroize::Zeroize;
use store::vault::{BadKeys, KeyRing};

const VARIABLE: &str = "WEFT_SECRET_KEY";
const FILE_VARIABLE: &str = "WEFT_SECRET_KEY_FILE";
/// The file as root read it for the user as whom Weft goes on.
pub const HANDED_SECRET_KEYS: &str = "WEFT_HANDED_SECRET_KEYS";
/// Where whatever root hands over is found. A file of any other name is nobody's copy, and is not emptied.
const HANDED_IN: &str = "/proc/self/fd";
/// No file of keys is longer; more is not read.
const MAX_BYTES: u64 = 16 * 1024;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Secrets")]
pub struct SecretKeys {
    #[arg(
        long = "secret-key-file",
        env = FILE_VARIABLE,
        value_name = "FILE",
        global = true,
        help = "File with the keys that encrypt secrets, one a line: the first encrypts, all decrypt. Instead of it WEFT_SECRET_KEY may hold them"
    )]
    secret_key_file: Option<PathBuf>,
    /// Set by Weft itself where root read the file for another user
    #[arg(long, env = HANDED_SECRET_KEYS, hide = true, global = true)]
    handed_secret_keys: Option<PathBuf>,
}

/// Why there are no keys. It repeats none.
#[derive(Debug, thiserror::Error)]
pub enum BadSecretKeys {
    #[error("{VARIABLE} and {FILE_VARIABLE} are both set\nUse one of them")]
    Both,
    #[error("{VARIABLE} is no text\nPut keys into it as `weft secret new-key` prints them")]
    NoText,
    #[error("the keys for secrets cannot be read from {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the keys for secrets in {place} cannot be used")]
    Unusable {
        place: String,
        #[source]
        source: BadKeys,
    },
}

impl SecretKeys {
    /// The keys of this process; none where nobody gave any, and then there are no secrets.
    pub fn read(&self) -> Result<KeyRing, BadSecretKeys> {
        self.read_beside(std::env::var_os(VARIABLE))
    }

    /// The file that has them, if one is named.
    pub fn file(&self) -> Option<&Path> {
        self.secret_key_file.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// An empty variable is the same as none.
    fn read_beside(&self, variable: Option<OsString>) -> Result<KeyRing, BadSecretKeys> {
        let variable = variable.filter(|text| !text.is_empty());
        let file = self.file();
        let (mut text, place) = match (variable, file) {
            (None, None) => return Ok(KeyRing::default()),
            (Some(_), Some(_)) => return Err(BadSecretKeys::Both),
            (Some(text), None) => (text.into_string().map_err(|_| BadSecretKeys::NoText)?, VARIABLE.to_owned()),
            (None, Some(file)) => {
                let handed = self.handed_secret_keys.as_deref().filter(|handed| handed.starts_with(HANDED_IN));
                let text =
                    read(file, handed).map_err(|source| BadSecretKeys::Unreadable { file: file.to_owned(), source })?;
                (text, file.display().to_string())
            }
        };
        let keys = KeyRing::read(&text).map_err(|source| BadSecretKeys::Unusable { place, source });
        text.zeroize();
        keys
    }
}

/// `handed` is a copy, read in place of the file. Whatever this process starts inherits it, so nothing is left in it.
fn read(path: &Path, handed: Option<&Path>) -> io::Result<String> {
    let file = match handed {
        Some(handed) => File::options().read(true).write(true).open(handed)?,
        None => File::open(path)?,
    };
    // Orchestrators hand files over that a group may read, so it is no error.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        tracing::warn!("others than its owner may use {}, the file with the keys for secrets", path.display());
    }
    let mut text = String::new();
    (&file).take(MAX_BYTES).read_to_string(&mut text)?;
    if handed.is_some() {
        file.set_len(0)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn keys(file: Option<&Path>, variable: Option<&str>) -> Result<KeyRing, BadSecretKeys> {
        SecretKeys { secret_key_file: file.map(Path::to_path_buf), handed_secret_keys: None }
            .read_beside(variable.map(OsString::from))
    }

    #[test]
    fn keys_come_from_a_file_or_a_variable_and_are_not_repeated_where_they_are_wrong() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{KEY}").unwrap();
        let id = keys(None, Some(KEY)).unwrap().current().unwrap().to_owned();
        assert_eq!(keys(Some(file.path()), None).unwrap().current(), Some(id.as_str()));
        assert_eq!(keys(Some(file.path()), Some("")).unwrap().current(), Some(id.as_str()));
        assert_eq!(keys(Some(Path::new("")), None).unwrap().current(), None);
        assert!(matches!(keys(Some(file.path()), Some(KEY)), Err(BadSecretKeys::Both)));
        let missing = keys(Some(Path::new("/nowhere/keys")), None).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/keys"), "{missing}");
        writeln!(file, "c4n4ry").unwrap();
        for wrong in [keys(Some(file.path()), None), keys(None, Some("c4n4ry"))] {
            let wrong = anyhow::Error::from(wrong.unwrap_err());
            let told = format!("{wrong:#}");
            assert!(told.contains("cannot be used") && told.contains("64 hexadecimal digits"), "{told}");
            assert!(!told.contains("c4n4ry"), "{told}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_root_handed_over_is_read_instead_of_the_file_and_emptied() {
        use std::os::fd::AsRawFd;

        let mut copy = tempfile::NamedTempFile::new().unwrap();
        writeln!(copy, "{KEY}").unwrap();
        let named = PathBuf::from("/etc/weft/closed/secret-keys");
        let with =
            |handed: PathBuf| SecretKeys { secret_key_file: Some(named.clone()), handed_secret_keys: Some(handed) };
        let elsewhere = with(copy.path().to_path_buf()).read_beside(None);
        assert!(matches!(elsewhere, Err(BadSecretKeys::Unreadable { file, .. }) if file == named));
        assert!(copy.path().metadata().unwrap().len() > 0, "a file of another name is nobody's copy");
        let handed = PathBuf::from(format!("{HANDED_IN}/{}", copy.as_file().as_raw_fd()));
        assert!(with(handed).read_beside(None).unwrap().current().is_some());
        assert_eq!(copy.path().metadata().unwrap().len(), 0, "what is started would inherit it");
    }
}
