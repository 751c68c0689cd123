//! Templates judged without rendering them: what they are made of, which names they read, and where each value would stand.
//! The same code tells the editor what is wrong at a field, refuses it on the server, and says at run time how a value is written.
//! It must never call a template good that fails on every input, nor one bad that renders.

mod grammar;
mod mistakes;
mod names;
mod place;
#[cfg(test)]
mod tests;

use minijinja::{
    machinery::ast::{Expr, Stmt},
    syntax::SyntaxConfig,
};

pub use grammar::{FILTERS, REMOVED_TESTS};
pub use place::JsonPlace;

use crate::{
    agent::{AgentSpec, HttpConfig, InputPort},
    problem::ProblemCode,
    schema::Kind,
};

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

/// Headers that say where a request goes and where it ends: whoever sets them could smuggle a second one.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

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

/// Everything that is wrong with a template over these inputs.
pub fn check(source: &str, inputs: &[InputPort], target: Target) -> Vec<Fault> {
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

impl HttpConfig {
    /// What the body is. Without a content type it is JSON if it is written as JSON, or is one value that is no text.
    pub fn body_kind(&self, inputs: &[InputPort]) -> Result<BodyKind, String> {
        let declared = self.headers.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
        let Some((_, declared)) = declared else {
            return Ok(self.guessed(inputs));
        };
        if declared.contains('{') {
            return Err("the content type is fixed text: it says how values are written into the body".to_owned());
        }
        let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Ok(match essence.as_str() {
            "application/x-www-form-urlencoded" => BodyKind::Form,
            "application/x-ndjson" | "application/jsonl" | "application/json-lines" => BodyKind::JsonLines,
            "application/xml" | "text/xml" | "text/html" => BodyKind::Xml,
            other if other.starts_with("multipart/") && self.body.contains("{{") => {
                return Err(format!("`{other}` cannot be written safely as a template: use JSON or a form"));
            }
            other if other.ends_with("/json") || other.ends_with("+json") => BodyKind::Json,
            other if other.ends_with("+xml") => BodyKind::Xml,
            _ => BodyKind::Text,
        })
    }

    /// What is wrong with the names of headers; each with its name.
    pub(crate) fn header_faults(&self) -> Vec<(&str, String)> {
        let names: Vec<&str> = self.headers.keys().map(String::as_str).collect();
        let fault = |(n, name): (usize, &&str)| {
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(is_token) {
                Some(format!("`{name}` is no header name: use letters, digits and `-`; a name is no template"))
            } else if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                Some(format!("The header `{name}` is set by Weft itself, from the address and the body"))
            } else if names[..n].iter().any(|known| known.eq_ignore_ascii_case(name)) {
                Some(format!("The header `{name}` is set twice"))
            } else {
                None
            }
        };
        names.iter().enumerate().filter_map(|(n, name)| Some((*name, fault((n, name))?))).collect()
    }

    fn guessed(&self, inputs: &[InputPort]) -> BodyKind {
        let Ok(Stmt::Template(parsed)) = parse(&self.body) else {
            return BodyKind::Text;
        };
        if let Some(first) = first_text(&parsed.children)
            && first.trim_start().starts_with(['{', '[', '"'])
        {
            return BodyKind::Json;
        }
        match parsed.children.as_slice() {
            [Stmt::EmitExpr(only)] => match &only.expr {
                Expr::Var(var) => {
                    let schema = inputs.iter().find(|port| port.name == var.id).map(|port| &port.schema);
                    let is_json = schema.is_some_and(|schema| schema.kind.is_some_and(|kind| kind != Kind::String));
                    if is_json { BodyKind::Json } else { BodyKind::Text }
                }
                _ => BodyKind::Text,
            },
            _ => BodyKind::Text,
        }
    }
}

/// The first text that a template writes by itself, unless a value comes before it.
fn first_text<'a>(stmts: &[Stmt<'a>]) -> Option<&'a str> {
    for stmt in stmts {
        let inner = match stmt {
            Stmt::EmitRaw(raw) if raw.raw.trim().is_empty() => continue,
            Stmt::EmitRaw(raw) => return Some(raw.raw),
            Stmt::Set(_) => continue,
            Stmt::IfCond(cond) => &cond.true_body,
            Stmt::ForLoop(each) => &each.body,
            Stmt::WithBlock(with) => &with.body,
            _ => return None,
        };
        return first_text(inner);
    }
    None
}

impl AgentSpec {
    /// What is wrong with a prompt of this agent, in the words of one problem each.
    pub fn prompt_faults(&self, prompt: &str) -> Vec<(ProblemCode, String)> {
        self.template_faults(prompt, Target::Text)
    }

    pub(crate) fn template_faults(&self, source: &str, target: Target) -> Vec<(ProblemCode, String)> {
        check(source, &self.inputs, target).into_iter().map(|fault| (fault.code, fault.message(source))).collect()
    }
}
