//! What is made from the description of the REST interface is fresh.

use super::Tree;
use crate::interface::{DOCUMENT, REST, files};

const AGAIN: &str = "run `cargo xtask interface`";

pub(super) fn check(tree: &Tree) -> Vec<String> {
    match files(tree.get(DOCUMENT), tree.get(REST)) {
        Ok(made) => made
            .into_iter()
            .filter(|(path, text)| tree.get(path) != text)
            .map(|(path, _)| format!("{path}: not what {DOCUMENT} says; {AGAIN}"))
            .collect(),
        Err(error) => vec![format!("{DOCUMENT}: {error:#}; {AGAIN}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::TYPES;

    #[test]
    fn what_is_not_as_the_document_says_is_named() {
        let document = r#"{"paths": {"/api/a": {"get": {"tags": ["one"], "x-who": "admin", "description": "a"}}},
            "components": {"schemas": {"A": {"type": "string"}}}}"#;
        let page = "<!-- table: one --><!-- end of the table -->";
        let made = files(document, page).unwrap();
        let old = Tree::of(&[(DOCUMENT, document), (REST, page), (TYPES, "")]);
        assert_eq!(check(&old).len(), 2);
        let fresh: Vec<(&str, &str)> = made.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let fresh = Tree::of(&[fresh.as_slice(), &[(DOCUMENT, document)]].concat());
        assert!(check(&fresh).is_empty());
        assert_eq!(check(&Tree::default()).len(), 1);
    }
}
