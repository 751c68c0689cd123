//! The text of the sources: headers, sizes, and words that must not stand in the tree.
//!
//! The forbidden words are put together from halves here, so that this file passes its own checks.

use super::Tree;

const SOFT_LINES: usize = 400;
const HARD_LINES: usize = 800;
const CODE: &[&str] = &["rs", "css", "sql", "ts", "py"];
/// Made by a program, as long as it has to be.
const MADE: &[&str] = &[crate::interface::TYPES];

/// What a file of each kind opens with: the reason why it exists.
const HEADERS: &[(&str, &[&str])] =
    &[("rs", &["//!"]), ("css", &["/*"]), ("sql", &["--"]), ("ts", &["//", "/*"]), ("py", &["\"\"\""])];

/// Words refused in files with these extensions, and what to do instead.
const WORDS: &[(&[&str], &str, &str)] = &[
    (&["rs"], concat!("#[", "allow("), "write #[expect(lint, reason = \"...\")]"),
    (&["rs"], concat!("#![", "allow("), "write #![expect(lint, reason = \"...\")]"),
    (&["rs"], concat!("#[", "ignore"), "an ignored test proves nothing: fix it or delete it"),
    (CODE, concat!("TO", "DO"), "do it or write an issue"),
    (CODE, concat!("FIX", "ME"), "fix it or write an issue"),
    (&["rs"], concat!("todo", "!("), "finish it"),
    (&["rs"], concat!("unimplemented", "!("), "finish it"),
    (&["ts"], concat!(".sk", "ip("), "a skipped test proves nothing: fix it or delete it"),
    (&["ts"], concat!(".on", "ly("), "it would hide every other test"),
    (&["ts"], concat!(".fix", "me("), "a skipped test proves nothing: fix it or delete it"),
];

/// Where packages come from is each machine's own setting.
const HOSTS: &[&str] = &[
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("pypi", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
];
/// Folders of one machine.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree.with_extension(CODE) {
        header(path, text, &mut problems);
        let n_lines = text.lines().count();
        if n_lines > HARD_LINES && !MADE.contains(&path) {
            problems.push(format!("{path}: {n_lines} lines, more than {HARD_LINES}: split it by idea"));
        }
        words(path, text, &mut problems);
    }
    for (path, text) in &tree.files {
        if path.ends_with("/mod.rs") {
            problems.push(format!("{path}: name the module file after the module, `foo.rs` beside `foo/`"));
        }
        if path == ".env" || path.ends_with("/.env") {
            problems.push(format!("{path}: would switch query checks to a live database and hide settings; remove it"));
        }
        if path.ends_with("package-lock.json") && text.contains("\"resolved\": \"http") {
            problems.push(format!("{path}: holds download addresses; make it with omit-lockfile-registry-resolved"));
        }
        if path != "Cargo.lock" {
            places(path, text, &mut problems);
        }
    }
    problems
}

/// Files past the soft limit: worth a look, no reason to fail.
pub(super) fn long_files(tree: &Tree) -> Vec<String> {
    tree.with_extension(CODE)
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(path, n_lines)| *n_lines > SOFT_LINES && !MADE.contains(path))
        .map(|(path, n_lines)| format!("{path}: {n_lines} lines, more than {SOFT_LINES}"))
        .collect()
}

fn header(path: &str, text: &str, problems: &mut Vec<String>) {
    let opens_well = HEADERS
        .iter()
        .filter(|(extension, _)| path.ends_with(&format!(".{extension}")))
        .all(|(_, openings)| openings.iter().any(|opening| text.starts_with(opening)));
    if !opens_well {
        problems.push(format!("{path}: open it with a comment that says what it is for and what it must never do"));
    }
}

fn words(path: &str, text: &str, problems: &mut Vec<String>) {
    for (extensions, word, advice) in WORDS {
        if !extensions.iter().any(|extension| path.ends_with(&format!(".{extension}"))) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            if contains_word(line, word) {
                problems.push(format!("{path}:{}: `{word}`: {advice}", index + 1));
            }
        }
    }
}

/// True if the line has the word on its own, not as a part of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let starts_with_letter = is_letter(word.chars().next());
        let ends_with_letter = is_letter(word.chars().next_back());
        !(starts_with_letter && is_letter(before) || ends_with_letter && is_letter(after))
    })
}

fn places(path: &str, text: &str, problems: &mut Vec<String>) {
    for (index, line) in text.lines().enumerate() {
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            problems.push(format!("{path}:{}: names the registry host {host}", index + 1));
        }
        for folder in FOLDERS {
            let is_absolute = line.match_indices(folder).any(|(start, _)| {
                !line[..start].ends_with(|before: char| before.is_alphanumeric() || "._-})]*".contains(before))
            });
            if is_absolute {
                problems.push(format!("{path}:{}: names a folder of one machine, {folder}", index + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
    }

    #[test]
    fn a_file_without_a_header_is_named() {
        assert_eq!(problems_of("a.rs", "fn main() {}\n").len(), 1);
        assert!(problems_of("a.rs", "//! Why.\n").is_empty());
        assert_eq!(problems_of("a.css", "a {}\n").len(), 1);
        assert!(problems_of("a.css", "/* Why. */\n").is_empty());
        assert_eq!(problems_of("a.sql", "SELECT 1;\n").len(), 1);
        assert_eq!(problems_of("a.ts", "import x\n").len(), 1);
        assert!(problems_of("a.ts", "// Why.\n").is_empty());
        assert_eq!(problems_of("a.py", "import x\n").len(), 1);
        assert!(problems_of("a.py", "\"\"\"Why.\"\"\"\n").is_empty());
    }

    #[test]
    fn a_file_over_the_limit_fails_and_a_long_one_is_noted() {
        let long = |n_lines: usize| format!("//! Why.\n{}", "\n".repeat(n_lines - 1));
        assert!(problems_of("a.rs", &long(HARD_LINES)).is_empty());
        assert_eq!(problems_of("a.rs", &long(HARD_LINES + 1)).len(), 1);
        assert_eq!(long_files(&Tree::of(&[("a.rs", &long(SOFT_LINES + 1)), ("b.rs", &long(SOFT_LINES))])).len(), 1);
    }

    #[test]
    fn a_forbidden_word_is_named_with_its_line_and_what_to_do() {
        for (extensions, word, advice) in WORDS {
            let opening = if extensions.contains(&"rs") { "//! Why." } else { "// Why." };
            let problems = problems_of(&format!("a.{}", extensions[0]), &format!("{opening}\n    {word}\n"));
            assert_eq!(problems, [format!("a.{}:2: `{word}`: {advice}", extensions[0])]);
        }
    }

    #[test]
    fn a_word_inside_a_longer_one_is_no_problem() {
        let word = concat!("TO", "DO");
        assert!(problems_of("a.rs", &format!("//! Why.\nconst {word}S: u8 = 1;\n")).is_empty());
        assert!(problems_of("a.rs", "//! Why.\nlet rest = items.iter().skip(1);\n").is_empty());
    }

    #[test]
    fn module_files_and_environment_files_are_refused() {
        assert_eq!(problems_of("src/foo/mod.rs", "//! Why.\n").len(), 1);
        assert_eq!(problems_of(".env", "A=1\n").len(), 1);
    }

    #[test]
    fn a_lock_with_download_addresses_is_refused() {
        assert_eq!(
            problems_of("end2end/package-lock.json", "{ \"resolved\": \"https://example.com/a.tgz\" }").len(),
            1
        );
        assert!(problems_of("end2end/package-lock.json", "{ \"integrity\": \"sha512-x\" }").is_empty());
    }

    #[test]
    fn hosts_and_folders_of_one_machine_are_refused_except_in_the_lock() {
        let host = format!("see https://{}/x\n", HOSTS[0]);
        assert_eq!(problems_of("README.md", &host).len(), 1);
        assert!(problems_of("Cargo.lock", &host).is_empty());
        assert_eq!(problems_of("README.md", &format!("cd {}main\n", FOLDERS[0])).len(), 1);
        assert!(problems_of("README.md", &format!("the folder target{}main\n", FOLDERS[0])).is_empty());
    }
}
