//! The Postgres programs of the machine: found, never installed or downloaded here.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::error::Error;

/// The oldest version that Weft's SQL runs on.
pub(super) const LEAST_VERSION: u32 = 15;
/// Where packages put the programs: a folder of folders, one for each version.
const PACKAGE_FOLDERS: [(&str, &str); 4] =
    [("/usr/lib/postgresql", "bin"), ("/usr/pgsql", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr/local/opt", "bin")];
/// All that the programs find of our environment: whatever else is there, such as the keys of providers or what would send them
/// to another server, is none of their business.
const VARIABLES: [&str; 4] = ["PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH"];

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    pub(super) version: u32,
}

impl Programs {
    /// Every usable version, by number. PATH wins over the package folders where both have it.
    pub(super) fn find_all(search_path: &OsStr) -> BTreeMap<u32, Self> {
        let on_path = std::env::split_paths(search_path);
        let packaged = PACKAGE_FOLDERS.iter().flat_map(|(parent, bin)| {
            fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok).map(move |entry| entry.path().join(bin))
        });
        let direct = ["/usr/local/pgsql/bin", "/usr/bin", "/usr/local/bin"].into_iter().map(PathBuf::from);
        let mut found = BTreeMap::new();
        for folder in on_path.chain(packaged).chain(direct) {
            // PATH may hold links to some of the programs; the real folder has them all.
            let Ok(initdb) = folder.join("initdb").canonicalize() else { continue };
            let Some(folder) = initdb.parent() else { continue };
            if let Some(version) = version_of(&folder.join("postgres")).filter(|version| *version >= LEAST_VERSION) {
                found.entry(version).or_insert_with(|| Self { folder: folder.to_owned(), version });
            }
        }
        found
    }

    pub(super) fn command(&self, program: &str, current_dir: &Path) -> Command {
        let mut command = bare(&self.folder.join(program));
        // The folder that Weft was called from may be gone or closed to us.
        command.current_dir(current_dir);
        command
    }
}

fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    command.envs(std::env::vars_os().filter(|(name, _)| VARIABLES.iter().any(|kept| name == kept)));
    command
}

fn version_of(postgres: &Path) -> Option<u32> {
    let output = bare(postgres).arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The 15 of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(text: &str) -> Option<u32> {
    let number = text.split_once("(PostgreSQL) ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The output of a program, or why it failed.
pub(super) fn checked(program: &'static str, output: std::io::Result<Output>) -> Result<(), Error> {
    let output = output.map_err(Error::io("start", program))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(Error::Program { program, status: output.status, output: String::from_utf8_lossy(&text).trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        let table = [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("something else", None),
        ];
        for (text, expected) in table {
            assert_eq!(major(text), expected, "{text}");
        }
    }
}
