//! Licences and sources of every dependency that is built, on both targets.
//!
//! deny.toml holds the one list of allowed licences; cargo-deny reads the same.

use crate::{context::Context, shell::output};
use anyhow::{Context as _, Result};
use cargo_metadata::{CargoOpt, MetadataCommand};
use std::process::Command;
use toml::{Table, Value};

const BROWSER: &str = "wasm32-unknown-unknown";

pub(super) fn check(context: &Context, deny: &str) -> Result<Vec<String>> {
    let allowed = allowed(deny)?;
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?.to_owned();
    let metadata = MetadataCommand::new()
        .manifest_path(context.root.join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options([
            "--locked".to_owned(),
            format!("--filter-platform={host}"),
            format!("--filter-platform={BROWSER}"),
        ])
        .exec()
        .context("cargo metadata failed")?;
    let mut problems = Vec::new();
    for package in metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        if let Some(source) = package.source.filter(|source| !source.is_crates_io()) {
            problems.push(format!("{name}: comes from {source}, not from the default registry"));
        }
        let problem = match package.license {
            Some(expression) if satisfied(&expression, &allowed) => continue,
            Some(expression) => format!("the licence `{expression}` is not allowed by deny.toml"),
            None => "states no licence".to_owned(),
        };
        problems.push(format!("{name}: {problem}"));
    }
    Ok(problems)
}

fn allowed(deny: &str) -> Result<Vec<String>> {
    let deny: Table = deny.parse().context("deny.toml")?;
    let list = deny.get("licenses").and_then(|licenses| licenses.get("allow")).and_then(Value::as_array);
    let list = list.context("deny.toml has no licenses.allow")?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Whether an SPDX expression can be met with the allowed licences alone.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    // Old manifests write `MIT/Apache-2.0` for "or".
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(tokens: &mut &[&str], allowed: &[String]) -> bool {
    let mut result = all_of(tokens, allowed);
    while let ["OR", rest @ ..] = *tokens {
        *tokens = rest;
        // Both sides are always read, so that the tokens are used up.
        let right = all_of(tokens, allowed);
        result = result || right;
    }
    result
}

fn all_of(tokens: &mut &[&str], allowed: &[String]) -> bool {
    let mut result = one(tokens, allowed);
    while let ["AND", rest @ ..] = *tokens {
        *tokens = rest;
        let right = one(tokens, allowed);
        result = result && right;
    }
    result
}

fn one(tokens: &mut &[&str], allowed: &[String]) -> bool {
    match *tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let result = any_of(tokens, allowed);
            if let [")", rest @ ..] = *tokens {
                *tokens = rest;
                return result;
            }
            false
        }
        [licence, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            let whole = format!("{licence} WITH {exception}");
            // An exception only adds rights: the plain licence allows it as well.
            allowed.iter().any(|name| *name == whole || name == licence)
        }
        [licence, rest @ ..] => {
            *tokens = rest;
            allowed.iter().any(|name| name == licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_holds_if_the_allowed_licences_can_meet_it() {
        let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()];
        for expression in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "Zlib OR (GPL-3.0 AND MIT) OR Apache-2.0",
        ] {
            assert!(satisfied(expression, &allowed), "{expression}");
        }
        for expression in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT Apache-2.0", "GPL-3.0 WITH Classpath-exception-2.0"]
        {
            assert!(!satisfied(expression, &allowed), "{expression}");
        }
    }

    #[test]
    fn the_list_comes_from_deny_toml() {
        assert_eq!(allowed("[licenses]\nallow = [\"MIT\"]\n").unwrap(), ["MIT"]);
        assert!(allowed("[licenses]\n").is_err());
    }
}
