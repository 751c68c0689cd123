//! Types that serde reads by way of a buffer: tagged, untagged and flattened ones. `serde_json` hands numbers over by their text, which
//! such a buffer keeps as a map, so that an `i32` in it cannot be read. They are read by hand (`workflow::json::Tagged`).
//! And fields that hold JSON values: a derived reader would spell numbers in them anew (`workflow::json::exact` does not).

use super::Tree;

/// Derived readers that hold no number.
const WITHOUT_NUMBERS: &[&str] = &["crates/workflow/src/source.rs"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let files = tree.with_extension(&["rs"]).filter(|(path, _)| !WITHOUT_NUMBERS.contains(path));
    files.flat_map(|(path, text)| faults(path, text)).collect()
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // Of the type that was begun last: whether it derives its reader, and whether it is read as another type. Of the field: whether it
    // is read as it was written.
    let (mut derives, mut is_converted, mut is_exact) = (false, false, false);
    let mut fault = |index: usize, words: &str| faults.push(format!("{path}:{}: {words}", index + 1));
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("#[derive(") {
            derives = line.contains("Deserialize");
            is_converted = false;
        } else if line.starts_with('}') || line.contains("fn ") {
            derives = false;
        }
        is_exact |=
            line.contains("json::exact\"") || line.contains("json::exact_given\"") || line.contains("\"exact\"");
        if is_field(line) {
            if derives && !is_exact && holds_values(line) {
                fault(
                    index,
                    "a derived reader spells numbers in values anew; read the field by `workflow::json::exact`",
                );
            }
            is_exact = false;
        }
        let Some(attribute) = line.strip_prefix("#[serde(") else { continue };
        is_converted |= attribute.contains("from = ");
        let is_buffered =
            attribute.starts_with("untagged") || attribute.contains("flatten") || attribute.contains("tag = ");
        if derives && !is_converted && is_buffered {
            fault(
                index,
                "a number in a type that serde reads this way cannot be read; read it by hand, as `AgentConfig` is",
            );
        }
    }
    faults
}

fn is_field(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let name = name.rsplit(' ').next().unwrap_or_default();
    line.contains(": ")
        && line.ends_with(',')
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the type of a field names `serde_json`'s value, by its own name or by the one that a file gives it beside another.
fn holds_values(field: &str) -> bool {
    let kind = field.split_once(": ").map(|(_, kind)| kind).unwrap_or_default();
    kind.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| matches!(word, "Value" | "Json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_reader_with_a_buffer_or_with_values_is_found() {
        let tree = Tree::of(&[
            ("a.rs", "//!\n#[derive(Deserialize)]\n#[serde(tag = \"kind\")]\nenum A {}\n"),
            ("b.rs", "//!\n#[derive(Debug, Deserialize)]\nstruct B {\n    #[serde(default, flatten)]\n    c: C,\n}\n"),
            ("c.rs", "//!\n#[derive(Deserialize)]\n#[serde(untagged)]\nenum A {}\n"),
            (
                "d.rs",
                "//!\n#[derive(Deserialize)]\nstruct D {\n    #[serde(default)]\n    d: BTreeMap<String, Value>,\n}\n",
            ),
            (
                "exact.rs",
                "//!\n#[derive(Deserialize)]\nstruct D {\n    #[serde(\n        default,\n        deserialize_with = \"crate::json::exact\"\n    )]\n    d: Vec<Value>,\n}\n\nstruct E {\n    e: Value,\n}\n",
            ),
            ("written.rs", "//!\n#[derive(Serialize)]\nstruct D {\n    d: Value,\n}\n"),
            ("fine.rs", "//!\n#[derive(Serialize)]\n#[serde(tag = \"kind\")]\nenum A {}\n"),
            ("also.rs", "//!\n#[derive(Deserialize)]\n#[serde(tag = \"kind\", try_from = \"Raw\")]\nenum A {}\n"),
            (
                "too.rs",
                "//!\n#[derive(Deserialize)]\n#[serde(from = \"Raw\")]\nstruct B {\n    #[serde(flatten)]\n    c: C,\n}\n",
            ),
        ]);
        let found: Vec<String> =
            check(&tree).iter().map(|fault| fault.split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(found, ["a.rs:3", "b.rs:4", "c.rs:3", "d.rs:5"]);
    }
}
