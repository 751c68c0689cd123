//! `cargo xtask interface`: writes what is made from the description of the REST interface: docs/openapi.json by the server, and out of
//! that the tables of docs/rest.md and the types of clients/typescript.
//!
//! [`files`] is what tidy compares with the tree: it needs no build, since docs/openapi.json is committed and held to the server by a test.

mod rest;
mod typescript;

use crate::{
    build::{self, TESTED},
    context::Context,
    native,
    shell::{run, say, write_if_changed},
};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;

pub(crate) const DOCUMENT: &str = "docs/openapi.json";
pub(crate) const REST: &str = "docs/rest.md";
pub(crate) const TYPES: &str = "clients/typescript/src/api.ts";
/// The test that holds the document to the server, and writes it where it is told to.
const TEST: &str = "docs_openapi_json_is_what_the_server_says";

pub(crate) fn write(context: &Context) -> Result<()> {
    build::ensure_site_folder(context)?;
    let mut test = native::cargo(context);
    // As the suite builds the tests, so that nothing is built twice.
    test.args(["test", "--profile", "ci"]).args(TESTED).args(["--lib", "--", TEST]);
    run(test.env("WEFT_UPDATE", "1")).context("the server did not describe its interface")?;
    let read = |path: &str| fs::read_to_string(context.root.join(path)).with_context(|| format!("cannot read {path}"));
    for (path, text) in files(&read(DOCUMENT)?, &read(REST)?)? {
        if write_if_changed(&context.root.join(path), text.as_bytes())? {
            say(format!("written {path}"));
        }
    }
    Ok(())
}

/// What is made of the document, by path.
pub(crate) fn files(document: &str, rest: &str) -> Result<[(&'static str, String); 2]> {
    let document: Value = serde_json::from_str(document).with_context(|| format!("{DOCUMENT} is no JSON"))?;
    Ok([(REST, rest::with_tables(&document, rest)?), (TYPES, typescript::types(&document))])
}

/// One route.
struct Operation<'a> {
    method: String,
    path: &'a str,
    told: &'a Value,
}

/// All routes, path by path.
fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, told) in item.as_object().into_iter().flatten() {
            found.push(Operation { method: method.to_uppercase(), path, told });
        }
    }
    found
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
