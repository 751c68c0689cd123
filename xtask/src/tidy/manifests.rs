//! The Cargo manifests: dependency edges, shared versions, shared lints, the leptos options.
//!
//! The edges keep each crate's promise (pure, only SQL, only HTTP); widening one is a decision to
//! make in the table here, in sight, never by accident.

use super::Tree;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Which of our crates may depend on which. `app` gets `service` only under `ssr`.
const EDGES: &[(&str, &[&str])] = &[
    ("workflow", &[]),
    ("canvas", &["workflow"]),
    ("store", &["workflow", "runs"]),
    ("agents", &["workflow"]),
    ("runs", &["workflow"]),
    ("engine", &["workflow", "runs", "store", "agents"]),
    ("notices", &["workflow", "store", "agents"]),
    ("service", &["workflow", "runs", "store"]),
    ("local-llm", &[]),
    ("app", &["workflow", "canvas", "service"]),
    ("frontend", &["app"]),
    ("server", &["workflow", "canvas", "store", "agents", "runs", "engine", "notices", "service", "app"]),
    // It measures the product from outside, over its interfaces alone.
    ("bench", &[]),
    ("xtask", &[]),
];

/// Libraries with one home.
const HOMES: &[(&str, &[&str])] = &[
    ("store", &["sqlx", "sqlx-core"]),
    ("agents", &["reqwest"]),
    ("notices", &["lettre"]),
    ("service", &["csv"]),
    ("server", &["prometheus-client", "opentelemetry-otlp"]),
    ("local-llm", &["candle-core", "candle-transformers", "tokenizers"]),
    ("xtask", &["lightningcss", "wasm-bindgen-cli-support"]),
];

struct Member {
    path: String,
    name: String,
    manifest: Table,
}

pub(super) fn check(tree: &Tree) -> Result<Vec<String>> {
    let root: Table = tree.get("Cargo.toml").parse().context("Cargo.toml")?;
    let members = members(tree, &root)?;
    let mut problems = Vec::new();
    for member in &members {
        lints(member, &mut problems);
        edges(member, &mut problems);
        homes(member, &mut problems);
        versions(member, &mut problems);
    }
    unused_versions(&root, &members, &mut problems);
    leptos_options(&root, tree.get("Leptos.toml"), &mut problems)?;
    Ok(problems)
}

fn members(tree: &Tree, root: &Table) -> Result<Vec<Member>> {
    let listed = root
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(Value::as_array)
        .context("no members")?;
    listed
        .iter()
        .filter_map(Value::as_str)
        .map(|folder| {
            let path = format!("{folder}/Cargo.toml");
            let manifest: Table = tree.get(&path).parse().with_context(|| path.clone())?;
            let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
            Ok(Member { name: name.with_context(|| format!("{path}: no name"))?.to_owned(), path, manifest })
        })
        .collect()
}

fn lints(member: &Member, problems: &mut Vec<String>) {
    let inherited = member.manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    if inherited != Some(true) {
        problems.push(format!("{}: inherit the shared lints with `[lints] workspace = true`", member.path));
    }
}

fn edges(member: &Member, problems: &mut Vec<String>) {
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
        problems.push(format!("{}: a new crate needs its allowed edges in xtask/src/tidy/manifests.rs", member.path));
        return;
    };
    for (name, value) in dependencies(&member.manifest, &["dependencies", "build-dependencies"]) {
        let is_ours = EDGES.iter().any(|(ours, _)| *ours == name);
        if is_ours && !allowed.contains(&name) {
            problems.push(format!("{}: {} must not depend on {name}", member.path, member.name));
        }
        if member.name == "app" && name == "service" && value.get("optional").and_then(Value::as_bool) != Some(true) {
            problems.push(format!("{}: service must be optional, for the browser has no server", member.path));
        }
    }
    if member.name == "app" {
        for (feature, enables) in member.manifest.get("features").and_then(Value::as_table).into_iter().flatten() {
            let enables: Vec<&str> = enables.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if feature != "ssr" && enables.iter().any(|enabled| ["ssr", "service", "dep:service"].contains(enabled)) {
                problems.push(format!("{}: only the feature ssr may enable service, not {feature}", member.path));
            }
        }
    }
}

fn homes(member: &Member, problems: &mut Vec<String>) {
    for (name, _) in dependencies(&member.manifest, &["dependencies", "build-dependencies"]) {
        for (home, libraries) in HOMES {
            if libraries.contains(&name) && member.name != *home {
                problems.push(format!("{}: only {home} may depend on {name}", member.path));
            }
        }
    }
}

fn versions(member: &Member, problems: &mut Vec<String>) {
    for (name, value) in dependencies(&member.manifest, ALL_KINDS) {
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            problems.push(format!(
                "{}: take the version of {name} from the workspace with `workspace = true`",
                member.path
            ));
        }
    }
}

fn unused_versions(root: &Table, members: &[Member], problems: &mut Vec<String>) {
    let used: BTreeSet<&str> =
        members.iter().flat_map(|member| dependencies(&member.manifest, ALL_KINDS)).map(|(name, _)| name).collect();
    let shared = root.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    for name in shared.into_iter().flat_map(Table::keys).filter(|name| !used.contains(name.as_str())) {
        problems.push(format!("Cargo.toml: no crate uses {name}; remove it from [workspace.dependencies]"));
    }
}

fn leptos_options(root: &Table, runtime_copy: &str, problems: &mut Vec<String>) -> Result<()> {
    let copy: Table = runtime_copy.parse().context("Leptos.toml")?;
    let section = |table: &Table| -> Option<Value> { table.get("workspace")?.get("metadata")?.get("leptos").cloned() };
    if section(root) != section(&copy) {
        problems.push("Leptos.toml: differs from the leptos section of Cargo.toml, copy that section over".into());
    }
    // leptos_config looks for this header and takes everything below it as options.
    if runtime_copy.lines().filter(|line| line.starts_with('[')).ne(["[[workspace.metadata.leptos]]"]) {
        problems.push("Leptos.toml: must have the one header [[workspace.metadata.leptos]]".into());
    }
    Ok(())
}

const ALL_KINDS: &[&str] = &["dependencies", "build-dependencies", "dev-dependencies"];

/// The dependencies of the given kinds, those for single targets included.
fn dependencies<'a>(manifest: &'a Table, kinds: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
        .filter_map(|(_, value)| value.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)).filter_map(Value::as_table))
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEPTOS: &str = "[[workspace.metadata.leptos]]\nname = \"weft\"\n";

    fn problems_of(crate_name: &str, manifest: &str) -> Vec<String> {
        let root = format!("[workspace]\nmembers = [\"{crate_name}\"]\n[workspace.dependencies]\n{LEPTOS}");
        let manifest = format!("[package]\nname = \"{crate_name}\"\n[lints]\nworkspace = true\n{manifest}");
        check(&Tree::of(&[
            ("Cargo.toml", &root),
            (&format!("{crate_name}/Cargo.toml"), &manifest),
            ("Leptos.toml", LEPTOS),
        ]))
        .unwrap()
    }

    #[test]
    fn an_edge_that_the_design_does_not_have_is_refused() {
        let problems = problems_of("canvas", "[dependencies]\nworkflow.workspace = true\nstore.workspace = true\n");
        assert_eq!(problems, ["canvas/Cargo.toml: canvas must not depend on store"]);
        assert!(
            problems_of(
                "engine",
                "[dependencies]\nagents.workspace = true\n[dev-dependencies]\nservice.workspace = true\n"
            )
            .is_empty()
        );
        assert_eq!(problems_of("newcomer", "").len(), 1);
    }

    #[test]
    fn a_library_with_a_home_is_refused_elsewhere_but_allowed_in_tests() {
        assert_eq!(
            problems_of("service", "[dependencies]\nsqlx.workspace = true\n"),
            ["service/Cargo.toml: only store may depend on sqlx"]
        );
        assert_eq!(problems_of("server", "[target.'cfg(unix)'.dependencies]\nreqwest.workspace = true\n").len(), 1);
        assert!(problems_of("service", "[dev-dependencies]\nsqlx.workspace = true\n").is_empty());
    }

    #[test]
    fn the_app_may_reach_the_service_only_under_ssr() {
        let optional = "[dependencies]\nservice = { workspace = true, optional = true }\n";
        assert!(problems_of("app", &format!("{optional}[features]\nssr = [\"dep:service\"]\n")).is_empty());
        assert_eq!(problems_of("app", &format!("{optional}[features]\nhydrate = [\"ssr\"]\n")).len(), 1);
        assert_eq!(problems_of("app", "[dependencies]\nservice.workspace = true\n").len(), 1);
    }

    #[test]
    fn versions_and_lints_come_from_the_workspace() {
        assert_eq!(problems_of("workflow", "[dependencies]\nserde = \"1\"\n").len(), 1);
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"workflow\"]\n[workspace.dependencies]\nidle = \"1\"\n"),
            ("workflow/Cargo.toml", "[package]\nname = \"workflow\"\n"),
            ("Leptos.toml", ""),
        ]);
        let problems = check(&tree).unwrap();
        assert!(problems.iter().any(|problem| problem.contains("inherit the shared lints")));
        assert!(problems.iter().any(|problem| problem.contains("no crate uses idle")));
    }

    #[test]
    fn the_runtime_copy_of_the_leptos_options_must_be_equal() {
        let manifest = "[package]\nname = \"workflow\"\n[lints]\nworkspace = true\n";
        let root = format!("[workspace]\nmembers = [\"workflow\"]\n{LEPTOS}");
        let tree = Tree::of(&[
            ("Cargo.toml", &root),
            ("workflow/Cargo.toml", manifest),
            ("Leptos.toml", "[[workspace.metadata.leptos]]\nname = \"other\"\n"),
        ]);
        assert_eq!(
            check(&tree).unwrap(),
            ["Leptos.toml: differs from the leptos section of Cargo.toml, copy that section over"]
        );
    }
}
