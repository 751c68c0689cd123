//! The query cache in .sqlx: what lets every build check SQL without a database.
//!
//! Made by compiling the store against a freshly migrated database, the way sqlx itself does it.
//! Only `crates/store` names sqlx, so only it is compiled, as everything later is that stands on it; and of it only what people run, since
//! no test checks its queries.

use crate::{
    build::TESTED,
    context::Context,
    native,
    postgres::TestPostgres,
    shell::{output, run, say, write_if_changed},
};
use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

type Files = BTreeMap<String, Vec<u8>>;

const DATABASE: &str = "weft_queries";
/// Stands on the store alone, and no other package has one of this name. The store by itself would be another selection of packages, for which
/// sqlx, tokio and a hundred more are made with other features than for the lints and the tests.
const USER_OF_THE_STORE: [&str; 2] = ["--example", "log"];

/// Fails when the committed cache is not what the migrations and the queries give today. Asked once of the same files: the store is compiled
/// for it, and all that stands on the store after it.
pub(crate) fn check(context: &Context, postgres: &TestPostgres) -> Result<()> {
    let committed = read(&context.root.join(".sqlx"))?;
    let asked_of = hash(&context.root, &committed)?;
    let stamp = context.stamps().join("sqlx-checked");
    if fs::read_to_string(&stamp).is_ok_and(|checked| checked == asked_of) {
        say("The query cache is as it was when it was found to be current");
        return Ok(());
    }
    let fresh = generate(context, postgres)?;
    let differences = differences(&committed, &fresh);
    if differences.is_empty() {
        write_if_changed(&stamp, asked_of.as_bytes())?;
        say(format!("The query cache is current: {} queries", fresh.len()));
        return Ok(());
    }
    bail!(
        "the query cache in .sqlx is out of date; run `cargo xtask sqlx` and commit it:\n  {}",
        differences.join("\n  ")
    )
}

/// Replaces the committed cache.
pub(crate) fn refresh(context: &Context, postgres: &TestPostgres) -> Result<()> {
    let folder = context.root.join(".sqlx");
    let fresh = generate(context, postgres)?;
    let differences = differences(&read(&folder)?, &fresh);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in read(&folder)?.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name)).with_context(|| format!("cannot remove {name}"))?;
    }
    for (name, content) in &fresh {
        write_if_changed(&folder.join(name), content)?;
    }
    say(format!("The query cache holds {} queries, {} changed", fresh.len(), differences.len()));
    Ok(())
}

fn generate(context: &Context, postgres: &TestPostgres) -> Result<Files> {
    output(postgres.psql("postgres").args(["-c", &format!("DROP DATABASE IF EXISTS {DATABASE}")]))?;
    output(postgres.psql("postgres").args(["-c", &format!("CREATE DATABASE {DATABASE} TEMPLATE template0")]))?;
    for migration in migrations(&context.root)? {
        output(postgres.psql(DATABASE).arg("--single-transaction").arg("-f").arg(&migration))
            .with_context(|| format!("the migration {} does not apply", migration.display()))?;
    }
    let folder = context.stamps().join("sqlx");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let touched = Touched::new(&context.root.join("crates/store/src/lib.rs"))?;
    let result = run(native::cargo(context)
        .args(["build", "--profile", "ci"])
        .args(TESTED)
        .args(USER_OF_THE_STORE)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &folder)
        .env("DATABASE_URL", postgres.url(DATABASE)));
    drop(touched);
    result?;
    read(&folder)
}

/// Of the cache, and of all that decides what should be in it.
fn hash(root: &Path, committed: &Files) -> Result<String> {
    let sources = ["migrations", "crates/store/src", "crates/store/examples"].into_iter().flat_map(|folder| {
        walkdir::WalkDir::new(root.join(folder)).sort_by_file_name().into_iter().filter_map(Result::ok)
    });
    let sources = sources.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let mut hasher = Sha256::new();
    let mut add = |name: &[u8], content: &[u8]| {
        for part in [name, content] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
    };
    for path in sources.chain([root.join("Cargo.lock")]) {
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        add(path.as_os_str().as_encoded_bytes(), &content);
    }
    for (name, content) in committed {
        add(name.as_bytes(), content);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// Makes cargo see the file as changed for as long as it lives, so that the macros run again; the
/// old time comes back afterwards, so that no other build repeats work.
struct Touched {
    path: PathBuf,
    modified: std::time::SystemTime,
}

impl Touched {
    fn new(path: &Path) -> Result<Self> {
        let modified = fs::metadata(path)
            .and_then(|meta| meta.modified())
            .with_context(|| format!("cannot read {}", path.display()))?;
        let touched = Self { path: path.to_owned(), modified };
        touched.set(std::time::SystemTime::now())?;
        Ok(touched)
    }

    fn set(&self, time: std::time::SystemTime) -> Result<()> {
        fs::File::options()
            .append(true)
            .open(&self.path)
            .and_then(|file| file.set_modified(time))
            .with_context(|| format!("cannot set the time of {}", self.path.display()))
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        // At worst the store is compiled once more than needed.
        let _ = self.set(self.modified);
    }
}

/// The files of the migrations, in their order.
pub(crate) fn migrations(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    Ok(files)
}

fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(
                name,
                fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?,
            );
        }
    }
    Ok(files)
}

fn differences(committed: &Files, fresh: &Files) -> Vec<String> {
    let gone = committed.keys().filter(|name| !fresh.contains_key(*name)).map(|name| format!("no longer used: {name}"));
    let new = fresh.iter().filter_map(|(name, content)| match committed.get(name) {
        None => Some(format!("missing: {name}")),
        Some(old) if old != content => Some(format!("changed: {name}")),
        Some(_) => None,
    });
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_way_in_which_two_caches_differ_is_named() {
        let committed = files(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let fresh = files(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        assert_eq!(differences(&committed, &fresh), ["no longer used: gone", "changed: changed", "missing: new"]);
        assert!(differences(&committed, &committed).is_empty());
    }
}
