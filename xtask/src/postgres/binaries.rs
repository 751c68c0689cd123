//! Where the programs of a Postgres are. Must never let a variable of the person lead them to another server.

use crate::{
    context::variable,
    shell::{find_on_path, is_executable, output},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the server programs are.
#[derive(Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Those that `WEFT_TEST_POSTGRES_BIN` names, else what is on PATH, then where Debian puts them, the newest version first.
    pub(crate) fn find() -> Result<Self> {
        if let Some(folder) = variable("WEFT_TEST_POSTGRES_BIN") {
            return Self::within(Path::new(&folder));
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        if let Some(initdb) = find_on_path("initdb") {
            // PATH may hold links to a part of the programs; the real folder has them all.
            folders.extend(initdb.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned)));
        }
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        versions.sort();
        folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
        folders
            .into_iter()
            .find(|folder| is_complete(folder))
            .map(|folder| Self { folder })
            .context("no Postgres server programs found (initdb, postgres, psql): `make setup` installs them")
    }

    /// Those of this folder and of no other.
    pub(crate) fn within(folder: &Path) -> Result<Self> {
        // The server is started from another folder.
        let folder = folder.canonicalize().with_context(|| format!("{} is not there", folder.display()))?;
        if !is_complete(&folder) {
            bail!("not all of initdb, postgres and psql are in {}", folder.display());
        }
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn version(&self) -> String {
        output(self.command("postgres").arg("--version")).unwrap_or_else(|_| "unknown version".into())
    }

    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        // PG* variables of the person must not redirect the tests to another server.
        for variable in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGDATA", "PGPASSWORD", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(variable);
        }
        command
    }
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|name| is_executable(&folder.join(name)))
}
