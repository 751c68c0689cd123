//! What is shared is shown: a component of app/src/components that stands nowhere on the page `/design` is one that the next author does
//! not find, and builds once more.
//! Must not ask how it is shown: some hang on a live page, and are there by their markup and their name.

use super::Tree;

const COMPONENTS: &str = "app/src/components/";
/// The page's own file, and its folder.
const PAGE: &str = "app/src/pages/design";

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let shown: Vec<&str> = tree
        .with_extension(&["rs"])
        .filter(|(path, _)| path.starts_with(PAGE))
        .flat_map(|(_, text)| words(text))
        .collect();
    tree.with_extension(&["rs"])
        .filter(|(path, _)| path.starts_with(COMPONENTS))
        .flat_map(|(path, text)| components(text).map(move |(line, name)| (path, line, name)))
        .filter(|(_, _, name)| !shown.contains(name))
        .map(|(path, line, name)| {
            format!("{path}:{line}: {name} is not on /design; show it in {PAGE} in each of its states")
        })
        .collect()
}

/// The words of the code without its imports: what is only imported is not shown.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut in_use = false;
    text.lines()
        .filter(move |line| {
            let is_import = in_use || line.starts_with("use ");
            in_use = is_import && !line.trim_end().ends_with(';');
            !is_import && !line.trim_start().starts_with("//")
        })
        .flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
}

/// The public functions that are components, with their lines.
fn components(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_next = false;
    (1..).zip(text.lines()).filter_map(move |(line, text)| {
        let text = text.trim();
        if text == "#[component]" {
            is_next = true;
            return None;
        }
        let (before, name) = text.split_once("fn ")?;
        let is_component = std::mem::take(&mut is_next) && before.starts_with("pub");
        let name = name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
        is_component.then_some((line, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "#[component]\npub fn Lamp(on: bool) -> impl IntoView {}\n\n#[component]\n#[expect(unused)]\npub fn Wire() -> impl IntoView {}\n\n#[component]\nfn Inner() -> impl IntoView {}\n\npub fn helper() {}\n";

    fn problems(page: &str) -> Vec<String> {
        check(&Tree::of(&[("app/src/components/lamp.rs", TWO), ("app/src/pages/design/data.rs", page)]))
    }

    #[test]
    fn a_component_that_is_not_on_the_page_is_named_with_its_place() {
        let found = problems("use crate::components::{\n    Lamp, Wire,\n};\nview! { <Lamp on=true/> }\n// Wire\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("app/src/components/lamp.rs:6: Wire is not on /design"), "{found:?}");
    }

    #[test]
    fn a_component_is_there_by_its_tag_or_by_the_name_of_its_specimen() {
        assert!(problems("view! { <Lamp on=true/> <Specimen name=\"Bulb, Wire\"/> }").is_empty());
        assert_eq!(problems("view! { <Lamps/> <Wired/> }").len(), 2);
    }
}
