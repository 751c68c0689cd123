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

    /// An empty variable is the same as none.
    fn read_beside(&self, variable: Option<OsString>) -> Result<KeyRing, BadSecretKeys> {
        let variable = variable.filter(|text| !text.is_empty());
        let file = self.secret_key_file.as_ref().filter(|file| !file.as_os_str().is_empty());
        let (mut text, place) = match (variable, file) {
            (None, None) => return Ok(KeyRing::default()),
            (Some(_), Some(_)) => return Err(BadSecretKeys::Both),
            (Some(text), None) => (text.into_string().map_err(|_| BadSecretKeys::NoText)?, VARIABLE.to_owned()),
            (None, Some(file)) => {
                let text = read(file).map_err(|source| BadSecretKeys::Unreadable { file: file.clone(), source })?;
                (text, file.display().to_string())
            }
        };
        let keys = KeyRing::read(&text).map_err(|source| BadSecretKeys::Unusable { place, source });
        text.zeroize();
        keys
    }
}

fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // Orchestrators hand files over that a group may read, so it is no error.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        tracing::warn!("others than its owner may use {}, the file with the keys for secrets", path.display());
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn keys(file: Option<&Path>, variable: Option<&str>) -> Result<KeyRing, BadSecretKeys> {
        SecretKeys { secret_key_file: file.map(Path::to_path_buf) }.read_beside(variable.map(OsString::from))
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
}
