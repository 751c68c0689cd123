//! The page that shows the document: made once, of the document alone, without a script. Its one style is named in its policy by hash,
//! so nothing else on it could take effect, whatever stood in a description.

use std::fmt::Write as _;

use app::components::markdown_to_html;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::{export::text, openapi::Page, site};

const STYLE: &str = include_str!("page.css");

pub(super) fn of(document: &str) -> Page {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Page { html: html(&document), policy }
}

fn html(document: &Value) -> String {
    let tables: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    let operations = operations(document);
    let mut contents = String::new();
    let mut main = String::new();
    for table in tables {
        let (name, what) = (word(&table["name"]), word(&table["description"]));
        let _ = writeln!(contents, "<li><a href=\"#{}\">{}</a></li>", text(name), text(what));
        let _ = writeln!(main, "<section>\n<h2 id=\"{}\">{}</h2>", text(name), text(what));
        for (method, path, operation) in operations.iter().filter(|(.., operation)| operation["tags"][0] == *name) {
            main.push_str(&of_operation(document, method, path, operation));
        }
        main.push_str("</section>\n");
    }
    main.push_str("<section>\n<h2 id=\"shapes\">Shapes</h2>\n");
    for (name, shape) in document["components"]["schemas"].as_object().into_iter().flatten() {
        main.push_str(&of_shape(name, shape));
    }
    main.push_str("</section>\n");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>REST interface · Weft</title>\n<link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the routes</a>\n\
         <header>\n<h1>REST interface of Weft {version}</h1>\n\
         <p>The same for programs: <a href=\"/api/openapi.json\">/api/openapi.json</a> (OpenAPI 3.1). \
         Send <code>Authorization: Bearer TOKEN</code> with a token from your account. \
         A refusal is <code>application/problem+json</code>: <a href=\"#shape-ApiError\">ApiError</a>.</p>\n</header>\n\
         <nav aria-label=\"Contents\">\n<ul>\n{contents}<li><a href=\"#shapes\">Shapes</a></li>\n</ul>\n</nav>\n\
         <main id=\"main\">\n{main}</main>\n</body>\n</html>\n",
        icon = text(&site::names().favicon),
        version = text(word(&document["info"]["version"])),
    )
}

/// Each with its method and path.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
        .collect()
}

fn of_operation(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let id = text(word(&operation["operationId"]));
    let mut html = format!(
        "<article>\n<h3 id=\"{id}\"><code>{method} {}</code></h3>\n<p class=\"who\">Who: {}</p>\n{}",
        text(path),
        words(word(&operation["x-who"])),
        paragraph(word(&operation["description"])),
    );
    let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
    if !parameters.is_empty() {
        html.push_str("<table>\n<thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">In</th><th scope=\"col\">Type</th><th scope=\"col\">What</th></tr></thead>\n<tbody>\n");
        for parameter in parameters {
            let name = text(word(&parameter["name"]));
            let required = if parameter["required"] == true { ", required" } else { "" };
            let _ = writeln!(
                html,
                "<tr><th scope=\"row\"><code>{name}</code></th><td>{}{required}</td><td>{}</td><td>{}</td></tr>",
                text(word(&parameter["in"])),
                of_type(&parameter["schema"]),
                words(word(&parameter["description"])),
            );
        }
        html.push_str("</tbody>\n</table>\n");
    }
    html.push_str("<dl>\n");
    if operation["requestBody"].is_object() {
        let _ = writeln!(html, "<dt>Takes</dt><dd>{}</dd>", contents(&operation["requestBody"]));
    }
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if !status.ends_with("XX") {
            let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", text(status), contents(meant(document, answer)));
        }
    }
    html.push_str("</dl>\n</article>\n");
    html
}

/// What is referred to by its place in the document, or the thing itself.
fn meant<'a>(document: &'a Value, of: &'a Value) -> &'a Value {
    let place = of["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(of)
}

/// What a body or an answer is.
fn contents(of: &Value) -> String {
    let told: Vec<String> = of["content"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, content)| match kind.as_str() {
            "application/json" => of_type(&content["schema"]),
            kind => format!("<code>{}</code>", text(kind)),
        })
        .collect();
    if told.is_empty() { "no body".to_owned() } else { told.join(" or ") }
}

/// A type in a few words, with links to shapes.
fn of_type(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        let name = text(name);
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for either in ["anyOf", "oneOf"] {
        if let Some(all) = schema[either].as_array() {
            return all.iter().map(of_type).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(all) = schema["enum"].as_array() {
        let all: Vec<String> = all.iter().map(|one| format!("<code>{}</code>", text(word(one)))).collect();
        return all.join(", ");
    }
    match &schema["type"] {
        kind if kind == "array" => format!("a list of {}", of_type(&schema["items"])),
        kind if kind == "object" && schema["additionalProperties"].is_object() => {
            format!("an object of {} by key", of_type(&schema["additionalProperties"]))
        }
        Value::String(kind) => text(schema["format"].as_str().unwrap_or(kind)),
        _ => "anything".to_owned(),
    }
}

fn of_shape(name: &str, shape: &Value) -> String {
    let name = text(name);
    let shown = serde_json::to_string_pretty(shape).unwrap_or_default();
    format!(
        "<details id=\"shape-{name}\"><summary><code>{name}</code></summary>\n<pre>{}</pre></details>\n",
        text(&shown)
    )
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Our own words, in Markdown; links to other pages of the documentation lead nowhere here.
fn paragraph(markdown: &str) -> String {
    markdown_to_html(&without_links(markdown))
}

/// The same within a line.
fn words(markdown: &str) -> String {
    let html = paragraph(markdown);
    let html = html.trim();
    html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>")).unwrap_or(html).to_owned()
}

/// `[this](page.md)` becomes `this`.
fn without_links(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at);
        let Some(end) = after.find(')') else { break };
        match before.rfind('[') {
            Some(open) => {
                out.push_str(&before[..open]);
                out.push_str(&before[open + 1..]);
            }
            None => out.push_str(before),
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_pages_that_are_not_here_become_their_words() {
        for (markdown, expected) in [
            ("see [runs.md](runs.md)", "see runs.md"),
            ("`[{a}]`: [b](b.md#c), [d](d.md).", "`[{a}]`: b, d."),
            ("no link [here]", "no link [here]"),
        ] {
            assert_eq!(without_links(markdown), expected);
        }
    }

    #[test]
    fn a_type_is_told_in_words() {
        let told = |schema: &str| of_type(&serde_json::from_str(schema).unwrap());
        assert_eq!(told(r##"{"$ref": "#/components/schemas/A"}"##), "<a href=\"#shape-A\">A</a>");
        assert_eq!(told(r#"{"type": "array", "items": {"type": "string", "format": "uuid"}}"#), "a list of uuid");
        assert_eq!(told(r#"{"type": "string", "enum": ["<a>"]}"#), "<code>&lt;a&gt;</code>");
        assert_eq!(told("{}"), "anything");
    }
}
