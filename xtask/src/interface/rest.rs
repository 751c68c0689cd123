//! The tables of docs/rest.md: a row for each route, between two marks that name the table. Everything around them is written by hand.

use super::{Operation, operations, word};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};

const BEGINS: &str = "<!-- table: ";
const ENDS: &str = "<!-- end of the table -->";
const HEAD: &str = "| Route | Who | What |\n|---|---|---|\n";

/// The page with its tables as the document has them. Every table of the document has to have its place.
pub(super) fn with_tables(document: &Value, page: &str) -> Result<String> {
    let operations = operations(document);
    let known: BTreeSet<&str> = operations.iter().map(|operation| word(&operation.told["tags"][0])).collect();
    let mut placed = BTreeSet::new();
    let (mut out, mut rest) = (String::with_capacity(page.len()), page);
    while let Some((before, after)) = rest.split_once(BEGINS) {
        let (name, after) = after.split_once(" -->").context("a mark of a table has no end in docs/rest.md")?;
        let (_, after) =
            after.split_once(ENDS).with_context(|| format!("the table `{name}` has no end in docs/rest.md"))?;
        if !known.contains(name) {
            bail!("docs/rest.md has a table `{name}`, and no route is in it");
        }
        placed.insert(name);
        out.push_str(before);
        let _ = write!(out, "{BEGINS}{name} -->\n{HEAD}");
        for operation in operations.iter().filter(|operation| word(&operation.told["tags"][0]) == name) {
            out.push_str(&row(operation));
        }
        out.push_str(ENDS);
        rest = after;
    }
    out.push_str(rest);
    match known.iter().find(|name| !placed.contains(*name)) {
        Some(name) => bail!("docs/rest.md has no place for the table `{name}`: add `{BEGINS}{name} -->` and `{ENDS}`"),
        None => Ok(out),
    }
}

fn row(operation: &Operation<'_>) -> String {
    let Operation { method, path, told } = operation;
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{method} {path}` | {} | {} |\n", cell(word(&told["x-who"])), cell(word(&told["description"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::from_str(
            r#"{"paths": {"/api/a": {"get": {"tags": ["one"], "x-who": "admin", "description": "a | b"}},
                "/api/b": {"post": {"tags": ["two"], "x-who": "owner", "description": "c"}}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn tables_are_made_anew_and_words_around_them_stay() {
        let page = format!("# A\n\n{BEGINS}one -->\nold\n{ENDS}\n\nwords\n{BEGINS}two -->{ENDS}\nend\n");
        let made = with_tables(&document(), &page).unwrap();
        assert_eq!(
            made,
            format!(
                "# A\n\n{BEGINS}one -->\n{HEAD}| `GET /api/a` | admin | a \\| b |\n{ENDS}\n\nwords\n\
                 {BEGINS}two -->\n{HEAD}| `POST /api/b` | owner | c |\n{ENDS}\nend\n"
            )
        );
        assert_eq!(with_tables(&document(), &made).unwrap(), made, "what is fresh stays as it is");
    }

    #[test]
    fn a_table_without_a_place_and_a_place_without_a_table_are_named() {
        let missing = with_tables(&document(), &format!("{BEGINS}one -->{ENDS}")).unwrap_err().to_string();
        assert!(missing.contains("`two`"), "{missing}");
        let all = format!("{BEGINS}one -->{ENDS}{BEGINS}two -->{ENDS}{BEGINS}three -->{ENDS}");
        let unknown = with_tables(&document(), &all).unwrap_err().to_string();
        assert!(unknown.contains("`three`"), "{unknown}");
    }
}
