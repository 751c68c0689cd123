//! Types that serde reads by way of a buffer: tagged, untagged and flattened ones. `serde_json` hands numbers over by their text, which
//! such a buffer keeps as a map, so that an `i32` in it cannot be read. They are read by hand (`workflow::json::Tagged`).

use super::Tree;

/// Derived readers that hold no number.
const WITHOUT_NUMBERS: &[&str] = &["crates/workflow/src/source.rs"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let files = tree.with_extension(&["rs"]).filter(|(path, _)| !WITHOUT_NUMBERS.contains(path));
    files.flat_map(|(path, text)| faults(path, text)).collect()
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // Of the type that was begun last: whether it derives its reader, and whether it is read as another type.
    let (mut derives, mut is_converted) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("#[derive(") {
            derives = line.contains("Deserialize");
            is_converted = false;
        }
        let Some(attribute) = line.strip_prefix("#[serde(") else { continue };
        is_converted |= attribute.contains("from = ");
        let is_buffered =
            attribute.starts_with("untagged") || attribute.contains("flatten") || attribute.contains("tag = ");
        if derives && !is_converted && is_buffered {
            faults.push(format!(
                "{path}:{}: a number in a type that serde reads this way cannot be read; read it by hand, as `AgentConfig` is",
                index + 1
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_reader_with_a_buffer_is_found() {
        let tree = Tree::of(&[
            ("a.rs", "//!\n#[derive(Deserialize)]\n#[serde(tag = \"kind\")]\nenum A {}\n"),
            ("b.rs", "//!\n#[derive(Debug, Deserialize)]\nstruct B {\n    #[serde(default, flatten)]\n    c: C,\n}\n"),
            ("c.rs", "//!\n#[derive(Deserialize)]\n#[serde(untagged)]\nenum A {}\n"),
            ("fine.rs", "//!\n#[derive(Serialize)]\n#[serde(tag = \"kind\")]\nenum A {}\n"),
            ("also.rs", "//!\n#[derive(Deserialize)]\n#[serde(tag = \"kind\", try_from = \"Raw\")]\nenum A {}\n"),
            (
                "too.rs",
                "//!\n#[derive(Deserialize)]\n#[serde(from = \"Raw\")]\nstruct B {\n    #[serde(flatten)]\n    c: C,\n}\n",
            ),
        ]);
        let found: Vec<String> =
            check(&tree).iter().map(|fault| fault.split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(found, ["a.rs:3", "b.rs:4", "c.rs:3"]);
    }
}
