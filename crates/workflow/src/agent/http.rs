//! What an agent that calls a URL is configured with, and what its configuration comes to: what the body is, which headers it may set.
//! Must never let a template say where a request goes or where it ends.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{Expr, Stmt};
use serde::{Deserialize, Serialize};

use super::port::InputPort;
use crate::{
    id::SecretName,
    schema::Kind,
    secret::{self, Part},
    template::{BodyKind, parse},
};

/// Calls a URL. The first output is the body: text, or JSON where its schema is no text.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    pub method: HttpMethod,
    /// A template; each inserted value is percent-encoded.
    pub url: String,
    /// Name to template.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A template; empty sends no body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    #[default]
    Get,
    Post,
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

    /// The secrets that it names, each with its header.
    pub fn secrets(&self) -> BTreeSet<(&str, SecretName)> {
        let mut named = BTreeSet::new();
        for (header, value) in &self.headers {
            for part in secret::parts(value).ok().flatten().unwrap_or_default() {
                if let Part::Secret(name) = part {
                    named.insert((header.as_str(), name));
                }
            }
        }
        named
    }

    /// What is wrong with the names of headers; each with its name.
    pub(super) fn header_faults(&self) -> Vec<(&str, String)> {
        let mut known = BTreeSet::new();
        let mut fault = |name: &str| {
            let is_new = known.insert(name.to_ascii_lowercase());
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(is_token) {
                Some(format!("`{name}` is no header name: use letters, digits and `-`; a name is no template"))
            } else if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                Some(format!("The header `{name}` is set by Weft itself, from the address and the body"))
            } else if !is_new {
                Some(format!("The header `{name}` is set twice"))
            } else {
                None
            }
        };
        self.headers.keys().filter_map(|name| Some((name.as_str(), fault(name)?))).collect()
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
