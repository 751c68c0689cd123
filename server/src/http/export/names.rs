//! What files of a run are called in its archive. Every name is ours: content only chooses letters within a bound, so none leaves its
//! folder, means a device to any system, or is another's in capitals.

use workflow::view::ArtifactMeta;

use crate::http::artifacts::extension;

pub(super) const DEFINITION: &str = "definition.json";
pub(super) const INPUTS: &str = "inputs.json";
pub(super) const RUN: &str = "run.json";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const MANIFEST: &str = "manifest.json";

/// Letters that are taken over from a key or a name.
const LETTERS: usize = 40;

/// The number makes it the only one, and keeps it from being a word that a system reserves.
pub(super) fn artifact(n: usize, meta: &ArtifactMeta) -> String {
    let (step, name) = (plain(meta.producing_step_id.as_str()), plain(&meta.name));
    format!("artifacts/{n:05}-{step}-{name}-v{}.{}", meta.version, extension(&meta.media_type))
}

fn plain(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
    text.chars().take(LETTERS).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    /// The names that artifacts with these names and media types get.
    fn named(of: &[(&str, &str)]) -> Vec<String> {
        let mut meta: ArtifactMeta = serde_json::from_value(json!({
            "id": "00000000-0000-7000-8000-000000000001", "producing_step_id": "a", "name": "text", "version": 1, "is_latest": true,
            "content_hash": "00", "media_type": "text/plain", "size": 7, "origin": "agent", "attempt": 1, "parent": null,
            "created_at": "2026-01-31T12:00:00Z",
        }))
        .unwrap();
        let mut names = Vec::new();
        for (n, (name, media_type)) in of.iter().enumerate() {
            meta.name = (*name).to_owned();
            meta.media_type = (*media_type).to_owned();
            names.push(artifact(n + 1, &meta));
        }
        names
    }

    #[test]
    fn no_name_of_content_is_a_place_or_a_device() {
        let hostile = [
            ("../../etc/passwd", "text/plain"),
            ("/etc/passwd", "text/x-sh"),
            ("C:\\windows\\system32", "application/../x"),
            ("CON", "text/html; charset=utf-8"),
            ("nul.txt", ".exe"),
            ("a\0b\n\u{202E}gnp.exe", "image/png"),
            ("تقرير 🙂", "text/markdown"),
            ("", ""),
            ("text", "application/json"),
            ("TEXT", "application/json"),
            (". ", "text/plain"),
        ];
        let names = named(&hostile);
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), hostile.len(), "{names:?}");
        for name in &names {
            let file = name.strip_prefix("artifacts/").unwrap();
            assert!(file.starts_with(|c: char| c.is_ascii_digit()), "{name}");
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{name}");
            assert_eq!(file.matches('.').count(), 1, "{name}");
        }
        assert_eq!(names[0], "artifacts/00001-a-______etc_passwd-v1.txt");
        assert_eq!(names[3], "artifacts/00004-a-con-v1.html");
    }

    #[test]
    fn a_long_name_is_cut_and_still_the_only_one() {
        let long = "x".repeat(10_000);
        let names = named(&[(&long, "text/plain"), (&long, "text/plain")]);
        assert!(names[0].len() < 120 && names[0] != names[1], "{names:?}");
    }
}
