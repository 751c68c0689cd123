//! `cargo xtask tidy`: the rules of the tree that no compiler checks.
//!
//! Every check is a pure function from the tree's files to problems, tested on made-up trees; only
//! this file reads the disk. A problem says what to do about it.

mod colours;
mod interface;
mod licences;
mod manifests;
mod numbers;
mod seams;
mod sources;
mod specimens;

use crate::{
    context::Context,
    shell::{output, say},
};
use anyhow::{Context as _, Result, bail};
use std::{collections::BTreeMap, process::Command};

/// The text files of the tree that git tracks or would track, by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    fn read(context: &Context) -> Result<Self> {
        let listed = output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&context.root),
        )?;
        let mut files = BTreeMap::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // A file that is gone but not yet committed as gone, and a file that is not text, have
            // nothing to check.
            if let Ok(text) = std::fs::read_to_string(context.root.join(path)) {
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self { files })
    }

    fn get(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    fn with_extension<'a>(&'a self, extensions: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }
}

pub(crate) fn run(context: &Context) -> Result<()> {
    let tree = Tree::read(context)?;
    for note in sources::long_files(&tree) {
        say(format!("note: {note}"));
    }
    let problems = problems(context, &tree)?;
    if problems.is_empty() {
        say(format!("The tree is tidy: {} files", tree.files.len()));
        return Ok(());
    }
    for problem in &problems {
        say(problem);
    }
    bail!("{} problems in the tree", problems.len())
}

fn problems(context: &Context, tree: &Tree) -> Result<Vec<String>> {
    let mut problems = manifests::check(tree).context("cannot read a manifest")?;
    problems.extend(sources::check(tree));
    problems.extend(colours::check(tree));
    problems.extend(numbers::check(tree));
    problems.extend(seams::check(tree));
    problems.extend(interface::check(tree));
    problems.extend(specimens::check(tree));
    problems.extend(licences::check(context, tree.get("deny.toml"))?);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_tidy() {
        let context = Context::discover().unwrap();
        let tree = Tree::read(&context).unwrap();
        let problems = problems(&context, &tree).unwrap();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
