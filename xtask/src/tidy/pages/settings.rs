//! Settings of the environment: what pages name is read somewhere, and what the installed programs read is on the page of settings.
//! Must not take a variable for read because somebody sets it: that is how one that is gone stays in the pages.

use std::collections::BTreeSet;

use super::{Tree, alternatives, page::Page};

/// The page of all settings that people set.
const PAGE: &str = "docs/configuration.md";
const BEGINNING: &str = "WEFT_";
/// What people install. The variables of tests, builds and measurements are theirs, and stand where those are explained.
const INSTALLED: &[&str] = &["server/src/", "crates/local-llm/src/", "clients/python/src/", "clients/typescript/src/"];
/// What a process of Weft hands to the one that it becomes. Nobody sets these.
const HANDED: &[&str] = &["WEFT_HANDED_", "WEFT_GAVE_UP_ROOT"];

pub(super) fn check(tree: &Tree, pages: &[Page<'_>]) -> Vec<String> {
    let mut read = BTreeSet::new();
    let mut installed = BTreeSet::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.rsplit('.').next() != Some("md")) {
        read.extend(reads(text));
        if INSTALLED.iter().any(|folder| path.starts_with(folder)) && !path.ends_with("/tests.rs") {
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
            installed.extend(reads(text).map(|name| (name, path)));
        }
    }
    let mut problems = Vec::new();
    let mut documented = BTreeSet::new();
    for page in pages {
        for (number, line) in (1..).zip(page.text.lines()) {
            for name in named(line) {
                if !is_among(&name, &read) {
                    problems.push(format!("{}:{number}: nothing reads {name}", page.path));
                }
                if page.path == PAGE {
                    documented.insert(name);
                }
            }
        }
    }
    let documented: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
    for (name, path) in installed {
        let is_handed = HANDED.iter().any(|handed| name.starts_with(handed));
        if !is_handed && !is_among(name, &documented) {
            problems.push(format!("{path}: reads {name}, which is not in {PAGE}"));
        }
    }
    problems
}

/// Whether the name is among the others. One that ends with an underscore is the beginning of many, on either side.
fn is_among(name: &str, others: &BTreeSet<&str>) -> bool {
    let is_one = |other: &&str| {
        *other == name
            || (name.ends_with('_') && other.starts_with(name))
            || (other.ends_with('_') && name.starts_with(*other))
    };
    others.iter().any(is_one)
}

/// The variables that a page names on a line: alternatives in braces each, and of one with a part in the reader's hands its beginning.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in line.match_indices(BEGINNING) {
        let (before, rest) = line.split_at(start);
        if before.ends_with(is_of_name) {
            continue;
        }
        let mut in_braces = false;
        let is_end = |letter: char| {
            let ends = match letter {
                '{' => in_braces,
                '}' | ',' => !in_braces,
                _ => !is_of_name(letter),
            };
            in_braces = (in_braces || letter == '{') && letter != '}';
            ends
        };
        let end = rest.find(is_end).unwrap_or(rest.len());
        names.extend(alternatives(&rest[..end]));
    }
    // What speaks of all of them names none.
    names.retain(|name| name != BEGINNING);
    names
}

/// The variables that code reads: alone between quotation marks, or as shells and Node's environment name them.
fn reads(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(BEGINNING).filter_map(move |(start, _)| {
        let (before, rest) = text.split_at(start);
        let end = rest.find(|letter: char| !is_of_name(letter)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let is_quoted = ['"', '\''].iter().any(|mark| before.ends_with(*mark) && after.starts_with(*mark));
        let is_set = before.get(..before.len().saturating_sub(1)).is_some_and(|before| before.ends_with(".env("));
        let is_read = (is_quoted && !is_set) || ["$", "${", ".env."].iter().any(|mark| before.ends_with(*mark));
        (is_read && name != BEGINNING).then_some(name)
    })
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#[arg(env = \"WEFT_A\")]\nconst PREFIX: &str = \"WEFT_PROVIDER_\";\nconst CHILD: &str = \"WEFT_HANDED_KEY\";\n";

    fn problems(code: &[(&str, &str)], page: &str) -> Vec<String> {
        check(&Tree::of(code), &[Page::new(PAGE, page)])
    }

    #[test]
    fn what_is_read_and_what_is_named_agree() {
        let page =
            "| `WEFT_A` |\n`WEFT_PROVIDER_<NAME>_{KIND,URL}`\n```\nWEFT_PROVIDER_DEFAULT_KEY=x WEFT_A=1 weft\n```\n";
        assert_eq!(problems(&[("server/src/config.rs", CODE)], page), Vec::<String>::new());
    }

    #[test]
    fn a_setting_that_no_page_names_and_one_that_nothing_reads_are_told() {
        let found = problems(&[("server/src/config.rs", CODE)], "\n`WEFT_B` and `WEFT_PROVIDER_*`");
        assert_eq!(
            found,
            [
                "docs/configuration.md:2: nothing reads WEFT_B",
                "server/src/config.rs: reads WEFT_A, which is not in docs/configuration.md"
            ]
        );
    }

    #[test]
    fn variables_of_tests_and_of_what_is_not_installed_need_no_row() {
        let code = [
            ("server/src/a.rs", "#[cfg(test)]\nmod tests {\n    variable(\"WEFT_UPDATE\");\n}\n"),
            ("server/src/a/tests.rs", "variable(\"WEFT_UPDATE\")"),
            ("xtask/src/a.rs", "variable(\"WEFT_BENCH\")"),
        ];
        assert_eq!(problems(&code, "`WEFT_UPDATE` `WEFT_BENCH`"), Vec::<String>::new());
    }

    #[test]
    fn every_way_to_read_counts_and_setting_does_not() {
        for (path, code) in [
            ("a.rs", "variable(\"WEFT_A\")"),
            ("a.py", "os.environ.get(\"WEFT_A\")"),
            ("a.ts", "process.env.WEFT_A ?? process.env['WEFT_B']"),
            ("a.sh", "image=${WEFT_A:-1}"),
            (".ci/run", "\"$WEFT_A\""),
        ] {
            assert_eq!(problems(&[(path, code)], "`WEFT_A`"), Vec::<String>::new(), "{code}");
        }
        for code in ["server.env(\"WEFT_A\", \"1\")", "\"set WEFT_A\"", "// WEFT_A", "\"WEFT_AB\"", "\"WEFT_A=1\""] {
            assert_eq!(problems(&[("a.rs", code)], "`WEFT_A`").len(), 1, "{code}");
        }
    }

    #[test]
    fn who_speaks_of_all_settings_names_none() {
        assert_eq!(problems(&[("a.rs", "name.starts_with(\"WEFT_\")")], "`WEFT_A`").len(), 1);
        assert_eq!(problems(&[("server/src/a.rs", "variable(\"WEFT_A\")")], "`WEFT_*`").len(), 1);
    }

    #[test]
    fn braces_and_parts_of_the_readers_own_are_understood() {
        assert_eq!(named("`WEFT_A_{X,Y_Z}`, `WEFT_B`"), ["WEFT_A_X", "WEFT_A_Y_Z", "WEFT_B"]);
        assert_eq!(named("WEFT_P_<NAME>_{A,B} MY_WEFT_A WEFT_S_*"), ["WEFT_P_", "WEFT_S_"]);
        assert_eq!(named("`WEFT_A`,`WEFT_B`"), ["WEFT_A", "WEFT_B"]);
    }
}
