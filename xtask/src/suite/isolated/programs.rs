//! The test programs that cargo built, and what tests are in them.
//! Must never run a test: a program is only asked for its list.

use crate::{context::without_own_variables, native::build_without_warnings, shell::output};
use anyhow::{Result, bail};
use cargo_metadata::{Artifact, TargetKind};
use std::{path::PathBuf, process::Command};

#[derive(Debug)]
pub(super) struct Program {
    /// As in `store` for the unit tests of a library, `server::bin/weft` for a program's, `store::it` for others.
    pub(super) name: String,
    pub(super) file: PathBuf,
    /// The package, in which cargo would run the tests.
    pub(super) folder: PathBuf,
    pub(super) is_integration: bool,
}

/// Builds them. The long tests, which are the integration tests, come first: then the short ones fill the cores at the end.
pub(super) fn build(cargo: &mut [Command]) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for command in cargo {
        programs.extend(build_without_warnings(command.arg("--no-run"))?.into_iter().filter_map(program));
    }
    programs.sort_by(|one, other| {
        (!one.is_integration, &one.name, &one.file).cmp(&(!other.is_integration, &other.name, &other.file))
    });
    Ok(programs)
}

fn program(artifact: Artifact) -> Option<Program> {
    if !artifact.profile.test {
        return None;
    }
    let file = artifact.executable?.into_std_path_buf();
    let folder = artifact.manifest_path.parent()?.to_owned();
    let package = folder.file_name()?.to_owned();
    let target = artifact.target;
    let is_integration = target.is_kind(TargetKind::Test);
    let name = if is_integration {
        format!("{package}::{}", target.name)
    } else if target.is_kind(TargetKind::Bin) {
        format!("{package}::bin/{}", target.name)
    } else {
        package
    };
    Some(Program { name, file, folder: folder.into_std_path_buf(), is_integration })
}

impl Program {
    /// Whether it is the one of this name, or of the package of this name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// The program as cargo would start it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        without_own_variables(&mut command);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }

    /// The names of its tests.
    pub(super) fn tests(&self) -> Result<Vec<String>> {
        let list = |more: &[&str]| -> Result<Vec<String>> {
            let listed = output(self.command().args(["--list", "--format", "terse"]).args(more))?;
            Ok(names(&listed))
        };
        // Asked to run one by its name, a program would pass over it and report success.
        if let Some(ignored) = list(&["--ignored"])?.first() {
            bail!("{} {ignored} is ignored, and would count as passed: fix it or delete it", self.name);
        }
        list(&[])
    }
}

/// Out of lines such as `gates::a_gate_opens_once: test`.
fn names(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_a_program_is_read_without_its_benchmarks() {
        assert_eq!(names("a::one: test\nb: bench\ntwo: test\n"), ["a::one", "two"]);
        assert!(names("").is_empty());
    }
}
