//! Node, and the packages from npm's registry that a folder of the tree locks.
//!
//! Only tests need any of it: `make run` must never.

use super::{python::hash, system::Missing};
use crate::shell::{output, run, say, write_if_changed};
use anyhow::{Context as _, Result, bail};
use std::{fs, path::Path, process::Command};

/// The first release that takes what the tests of the TypeScript client tell it. Debian 12 and Ubuntu 24.04 have it; the Playwright in
/// end2end is one that does not ask for more.
const OLDEST: (u32, u32) = (18, 19);

pub(super) fn missing(missing: &mut Vec<Missing>) {
    match version() {
        Some(found) if release(&found) >= OLDEST => say(format!("ok      Node {found}")),
        _ => missing.push(Missing::new("Node 18.19 or newer, with npm", &["nodejs", "npm"])),
    }
}

/// Older releases of Debian carry an older Node; apt cannot help there.
pub(super) fn require() -> Result<()> {
    match version() {
        Some(found) if release(&found) >= OLDEST => Ok(()),
        found => bail!(
            "the tests need Node {}.{} or newer with npm, and this system's packages bring {}. \
             Install a newer Node by hand; nothing else of Weft needs it",
            OLDEST.0,
            OLDEST.1,
            found.unwrap_or_else(|| "none".into())
        ),
    }
}

/// Never the scripts of packages: nothing that the tree uses needs one, and one would do as it likes on whoever runs the tests.
const INSTALL: [&str; 5] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/// `npm ci` in `name` of the tree, only when its lock changed since the last one.
pub(super) fn packages(root: &Path, name: &str) -> Result<()> {
    let folder = root.join(name);
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{name}/package-lock.json is missing from the tree"))?;
    let (stamp, wanted) = (folder.join("node_modules/.weft-lock"), hash(&[&lock]));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say(format!("ok      npm packages of {name}"));
        return Ok(());
    }
    say(format!("install npm packages of {name} (npm ci)"));
    run(Command::new("npm").args(INSTALL).current_dir(&folder))?;
    write_if_changed(&stamp, wanted.as_bytes())?;
    Ok(())
}

fn version() -> Option<String> {
    output(Command::new("npm").arg("--version")).ok()?;
    output(Command::new("node").arg("--version")).ok()
}

/// The first two numbers.
fn release(version: &str) -> (u32, u32) {
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_node_are_ordered_by_their_numbers() {
        assert_eq!(release("v20.20.2"), (20, 20));
        assert!(release("v18.19.0") >= OLDEST && release("v20.1.0") >= OLDEST);
        assert!(release("v18.9.1") < OLDEST && release("v16.20.0") < OLDEST && release("nonsense") < OLDEST);
    }

    #[test]
    fn no_package_runs_anything_where_it_is_installed() {
        assert!(INSTALL.contains(&"--ignore-scripts"));
        for folder in ["end2end", "bench/canvas", "deploy/check"] {
            let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(".npmrc");
            let settings = fs::read_to_string(settings).unwrap();
            assert!(settings.lines().any(|line| line == "ignore-scripts=true"), "{folder}");
        }
    }
}
