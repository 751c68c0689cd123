//! Whether the documentation of a crate holds an example that rustdoc would run. To find none, rustdoc expands every crate with all that it
//! uses; the lines alone tell as well.
//!
//! It must never overlook one: what merely may be one counts.

use crate::context::Context;
use anyhow::{Context as _, Result};
use std::fs;
use walkdir::{DirEntry, WalkDir};

/// Folders without a crate whose documentation is tested.
const OTHERS: [&str; 5] = ["target", "node_modules", ".git", "xtask", "frontend"];

pub(super) fn are_there(context: &Context) -> Result<bool> {
    let is_looked_at =
        |entry: &DirEntry| entry.depth() == 0 || entry.file_name().to_str().is_none_or(|name| !OTHERS.contains(&name));
    for entry in WalkDir::new(&context.root).into_iter().filter_entry(is_looked_at) {
        let entry = entry.context("cannot read a folder of the tree")?;
        if entry.path().extension().is_some_and(|extension| extension == "rs") && may_hold_one(&read(&entry)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(entry: &DirEntry) -> Result<String> {
    fs::read_to_string(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))
}

/// Fences, and lines that are indented as code is. Documentation in another form than that of lines is not read any closer.
fn may_hold_one(source: &str) -> bool {
    let is_code = |line: &str| {
        let line = line.trim_start();
        let told = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        told.is_some_and(|told| {
            let is_indented = told.starts_with("     ") || told.contains('\t');
            told.contains("```") || told.contains("~~~") || (is_indented && !told.trim().is_empty())
        })
    };
    ["/**", "/*!", "doc = ", "doc="].iter().any(|form| source.contains(form)) || source.lines().any(is_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_be_an_example_counts() {
        let code = [
            "/// Adds.\n///\n/// ```\n/// add(1, 2);\n/// ```\nfn add() {}",
            "    //! ~~~\n    //! add(1, 2);\n    //! ~~~",
            "///     add(1, 2);",
            "/** ```\nadd(1, 2);\n``` */",
            "#![doc = include_str!(\"../README.md\")]",
            "#[cfg_attr(a, doc = \"```\")]",
        ];
        assert!(code.iter().all(|source| may_hold_one(source)));
        assert!(!may_hold_one("/// Adds `a` and\n/// - `b`,\n///   which is not 0\n// ```\nlet text = \"```\";"));
    }
}
