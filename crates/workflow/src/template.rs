//! Templates judged without rendering them: what they are made of, which names they read, and where each value would stand.
//! The same code tells the editor what is wrong at a field, refuses it on the server, and says at run time how a value is written.
//! It must never call a template good that fails on every input, nor one bad that renders.

mod grammar;
mod mistakes;
mod names;
mod place;
#[cfg(test)]
mod tests;

use minijinja::{machinery::ast::Stmt, syntax::SyntaxConfig};

pub use grammar::{FILTERS, REMOVED_TESTS};
pub use place::JsonPlace;

use crate::{problem::ProblemCode, schema::Schema};

/// What is wrong with a template, and on which line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub line: usize,
    pub code: ProblemCode,
    pub reason: String,
}

impl Fault {
    /// As a sentence of its own; where there is one line only, it is not named.
    pub fn message(&self, template: &str) -> String {
        if template.trim_end().contains('\n') {
            format!("Line {}: {}", self.line, self.reason)
        } else {
            sentence(&self.reason)
        }
    }
}

/// With a capital letter at its beginning.
pub(crate) fn sentence(reason: &str) -> String {
    let mut rest = reason.chars();
    rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

/// What a rendered text becomes, which decides how values are written into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Text,
    /// An address: values are percent-encoded, and stand only where they cannot lead elsewhere.
    Url,
    /// The value of a header: one line of ASCII.
    Header,
    /// A body of this kind.
    Body(BodyKind),
}

/// What a body is, by its content type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyKind {
    Text,
    Json,
    /// A JSON document on each line.
    JsonLines,
    Form,
    Xml,
}

pub fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are valid")
}

/// The tree of a template that is built of nothing but what a template may be built of.
pub fn parse(source: &str) -> Result<Stmt<'_>, Fault> {
    grammar::parse(source)
}

/// Everything that is wrong with a template over these inputs, each a name and what it holds.
pub(crate) fn check(source: &str, inputs: &[(&str, &Schema)], target: Target) -> Vec<Fault> {
    if !source.contains('{') && matches!(target, Target::Text) {
        return Vec::new();
    }
    match parse(source) {
        Ok(parsed) => {
            let mut faults = names::check(&parsed, inputs);
            faults.extend(place::check(&parsed, target));
            faults.sort_by_key(|fault| fault.line);
            faults
        }
        Err(fault) => vec![fault],
    }
}

/// A value that would stand where it must not, whatever its name.
pub fn misplaced(source: &str, target: Target) -> Option<Fault> {
    match parse(source) {
        Ok(parsed) => place::check(&parsed, target).into_iter().next(),
        Err(fault) => Some(fault),
    }
}
