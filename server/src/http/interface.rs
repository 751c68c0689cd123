//! The description of the REST interface (`OpenAPI` 3.1), made of the table of routes and the types that its handlers take and give.
//! Must never say anything that is not in these.
//!
//! docs/openapi.json is this document, and from it come the tables of docs/rest.md and the types of clients/typescript. After a change,
//! write all of them anew with `cargo xtask interface`.

mod document;
mod page;

use std::sync::LazyLock;

use super::openapi::{Interface, Page};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document::document().to_json().unwrap_or_default());
static PAGE: LazyLock<Page> = LazyLock::new(|| page::of(openapi()));

/// As it is served.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

pub(super) fn interface() -> Interface {
    Interface { document: openapi, page: || &PAGE }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::http::routes;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

    fn described() -> Value {
        serde_json::from_str(openapi()).unwrap()
    }

    /// Each operation with its method and path.
    fn operations(document: &Value) -> Vec<(String, String, &Value)> {
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                found.push((method.clone(), path.clone(), operation));
            }
        }
        found
    }

    #[test]
    fn docs_openapi_json_is_what_the_server_says() {
        let wanted = document::document().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("WEFT_UPDATE").is_some() {
            std::fs::write(PATH, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(PATH).unwrap_or_default();
        assert!(found == wanted, "docs/openapi.json is not what the table of routes says: run `cargo xtask interface`");
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = described();
        let told: BTreeSet<(String, String)> =
            operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
        let known: BTreeSet<(String, String)> =
            routes().iter().map(|route| (route.method.as_str().to_lowercase(), route.path.to_owned())).collect();
        assert_eq!(told, known);
        assert!(told.iter().all(|(method, _)| METHODS.contains(&method.as_str())));
    }

    #[test]
    fn every_route_has_a_name_of_its_own_and_is_told_in_words() {
        let document = described();
        let mut names = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()), "{name}");
            for told in [&operation["description"], &operation["x-who"], &operation["tags"][0]] {
                assert!(told.as_str().is_some_and(|told| !told.is_empty()), "{method} {path}");
            }
        }
    }

    #[test]
    fn every_answer_has_a_shape_and_every_refusal_is_the_one_problem() {
        let document = described();
        for (method, path, operation) in operations(&document) {
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with(['1', '2'])), "{method} {path} has no answer");
            for refused in ["4XX", "5XX"] {
                assert_eq!(answers[refused]["$ref"], "#/components/responses/Problem", "{method} {path}");
            }
            // What says where to ask instead is one answer of all that are about a run.
            let is_of_run = path.starts_with("/api/workflows/runs/{run_id}");
            let other_cell = answers.get("421").map(|answer| answer["$ref"].as_str());
            let expected = is_of_run.then_some(Some("#/components/responses/OtherCell"));
            assert_eq!(other_cell, expected, "{method} {path}");
            let is_its_own = |status: &str| !status.ends_with("XX") && status != "421";
            for (status, answer) in answers.iter().filter(|(status, _)| is_its_own(status)) {
                let is_bare = ["101", "204", "416"].contains(&status.as_str());
                let contents: Vec<&Value> =
                    answer["content"].as_object().map(|content| content.values().collect()).unwrap_or_default();
                assert_eq!(contents.is_empty(), is_bare, "{method} {path} {status}");
                assert!(contents.iter().all(|content| content["schema"].is_object()), "{method} {path} {status}");
            }
        }
        for name in ["Problem", "OtherCell"] {
            let problem = &document["components"]["responses"][name]["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/ApiError", "{name}");
        }
        assert!(document["components"]["responses"]["OtherCell"]["headers"]["weft-cell"].is_object());
        let fields = document["components"]["schemas"]["ApiError"]["properties"].as_object().unwrap();
        for field in ["type", "title", "status", "code", "detail", "field", "problems", "id"] {
            assert!(fields.contains_key(field), "{field}");
        }
    }

    #[test]
    fn every_variable_part_of_a_path_is_told() {
        let document = described();
        for (method, path, operation) in operations(&document) {
            let variable: BTreeSet<&str> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let told: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
            let told: BTreeSet<&str> = told.into_iter().filter_map(|parameter| parameter["name"].as_str()).collect();
            assert_eq!(told, variable, "{method} {path}");
        }
    }

    #[test]
    fn what_is_referred_to_is_there_and_no_name_stands_for_two_shapes() {
        let mut shapes: BTreeMap<String, String> = BTreeMap::new();
        for (name, shape) in document::shapes() {
            let shape = serde_json::to_string(&shape).unwrap();
            if let Some(other) = shapes.insert(name.clone(), shape.clone()) {
                assert_eq!(other, shape, "two types are called {name}: give one another name by `schema(as = ...)`");
            }
        }
        let document = described();
        let known = document["components"]["schemas"].as_object().unwrap();
        let text = openapi();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at..].trim_start_matches("#/components/schemas/").split('"').next().unwrap_or_default();
            assert!(known.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_page_runs_nothing_and_shows_every_route() {
        let html = &PAGE.html;
        for no in ["<script", " style=", "javascript:", " onclick", " src=", "=\"http", "@import", "url("] {
            assert!(!html.contains(no), "{no}");
        }
        assert!(PAGE.policy.starts_with("default-src 'none'; style-src 'sha256-"), "{}", PAGE.policy);
        let document = described();
        for (method, path, operation) in operations(&document) {
            assert!(
                html.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())),
                "{method} {path}"
            );
        }
    }
}
