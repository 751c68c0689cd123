//! `cargo xtask tidy`: the rules of the tree that no compiler checks.
//!
//! Every check is a pure function from the tree's files to problems, tested on made-up trees; only
//! this file reads the disk. A problem says what to do about it.

mod classes;
mod colours;
mod interface;
mod licences;
mod manifests;
mod numbers;
mod pages;
mod seams;
mod sources;
mod specimens;

use crate::{
    context::Context,
    shell::{output, say},
};
use anyhow::{Context as _, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// The files of the tree that git tracks or would track.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Those that are text, by path.
    files: BTreeMap<String, String>,
    /// Pictures and fonts: there is nothing in them to check, but pages lead to them.
    others: BTreeSet<String>,
}

impl Tree {
    fn read(context: &Context) -> Result<Self> {
        let listed = output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&context.root),
        )?;
        let mut tree = Self::default();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // A file that is gone but not yet committed as gone has nothing to check.
            let file = context.root.join(path);
            if let Ok(text) = std::fs::read_to_string(&file) {
                tree.files.insert(path.to_owned(), text);
            } else if file.is_file() {
                tree.others.insert(path.to_owned());
            }
        }
        Ok(tree)
    }

    fn get(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// Every path, also of what is no text.
    fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().chain(&self.others).map(String::as_str)
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn with_extension<'a>(&'a self, extensions: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts()
            .filter(|(path, _)| path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension)))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { files, ..Self::default() }
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
    problems.extend(classes::check(tree));
    problems.extend(numbers::check(tree));
    problems.extend(seams::check(tree));
    problems.extend(interface::check(tree));
    problems.extend(specimens::check(tree));
    problems.extend(pages::check(tree));
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
