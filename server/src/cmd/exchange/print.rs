//! The list of an import as lines, one thing a line.
//! Control characters of what a file or an author wrote must never reach the terminal, and nothing of theirs may look like a line of the list.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use workflow::exchange::{Act, Change, Note, Report, Thing};

use crate::cmd::remote::{MAX_LINE_CHARS, escaped, line};

pub(super) fn report(report: &Report, is_json: bool) -> Result<()> {
    if is_json {
        let mut text = serde_json::to_string_pretty(report).context("the list cannot be written")?;
        text.push('\n');
        return json(&text);
    }
    write(&lines(report).join("\n"))
}

/// To standard output as it is, but for what a terminal would obey: that is written in the words of JSON.
pub(super) fn json(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written =
        if out.is_terminal() { out.write_all(escaped(text).as_bytes()) } else { out.write_all(text.as_bytes()) };
    written.context("cannot write to standard output")
}

pub(super) fn done(report: &Report, published: Option<i64>) -> Result<()> {
    let mut lines = Vec::new();
    if report.changes_something() {
        lines.push(one(&format!("Imported {}", report.main)));
    }
    if let Some(version) = published {
        lines.push(one(&format!("Published {} as version {version}", report.main)));
    }
    if lines.is_empty() { Ok(()) } else { write(&lines.join("\n")) }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.changes.iter().flat_map(change).collect();
    if lines.is_empty() {
        lines.push(format!("Nothing to do: {} is here as it is in the file", report.main));
    }
    lines.extend(notes("conflict", &report.conflicts));
    let grants = report.grants.iter();
    lines.extend(grants.map(|grant| format!("to grant  {}  {}", grant.kind.words().to_lowercase(), grant.message)));
    lines.extend(notes("calls", &report.calls));
    lines.extend(notes("warning", &report.warnings));
    lines.extend(notes("problem", &report.problems));
    lines.iter().map(|text| one(text)).collect()
}

fn one(text: &str) -> String {
    line(text, MAX_LINE_CHARS)
}

fn change(change: &Change) -> Vec<String> {
    let (sign, version) = match change.act {
        Act::Nothing => return Vec::new(),
        Act::Create => ("+", None),
        Act::NewVersion => ("~", change.version.map(|version| format!("new version {version}"))),
        Act::SaveDraft => ("~", Some("draft".to_owned())),
    };
    let thing = match change.thing {
        Thing::Workflow => "workflow",
        Thing::Agent => "agent",
    };
    let version = version.map(|version| format!("  {version}")).unwrap_or_default();
    let fields = change.fields.iter().map(|field| format!("    {field}"));
    std::iter::once(format!("{sign} {thing}  {}{version}", change.id)).chain(fields).collect()
}

fn notes<'a>(kind: &'a str, notes: &'a [Note]) -> impl Iterator<Item = String> + 'a {
    notes.iter().map(move |note| format!("{kind}  {}  {}", note.place, note.message))
}

fn write(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_short_lines_without_control_characters() {
        let report: Report = serde_json::from_value(serde_json::json!({
            "main": "brief", "name": "Brief",
            "changes": [
                {"thing": "agent", "id": "writer", "name": "W", "act": "new_version", "version": 4, "fields": ["config.prompt"]},
                {"thing": "agent", "id": "same", "name": "S", "act": "nothing", "version": 1},
                {"thing": "workflow", "id": "brief", "name": "Brief", "act": "save_draft", "version": 2}
            ],
            "conflicts": [{"place": "workflows.brief[0]", "message": "x\u{1b}[31m"}],
            "grants": [{"kind": "secret", "place": "p", "name": "n", "message": "fill in"}],
            "calls": [{"place": "agents.writer[0].config.url", "message": "sends to https://a.example/"}],
            "problems": [], "warnings": [], "digest": "d", "applied": false
        }))
        .unwrap();
        assert_eq!(
            lines(&report).join("\n"),
            "~ agent  writer  new version 4\n    config.prompt\n~ workflow  brief  draft\nconflict  workflows.brief[0]  x [31m\nto grant  secret  fill in\ncalls  agents.writer[0].config.url  sends to https://a.example/"
        );
        let note = |message: &str| Note { place: "p".to_owned(), message: message.to_owned() };
        let forged = note("x\nproblem  p  y\u{2028}z\u{202e}");
        let long = note(&"x".repeat(10_000));
        let hostile = Report {
            conflicts: vec![forged, long],
            changes: Vec::new(),
            grants: Vec::new(),
            calls: Vec::new(),
            ..report.clone()
        };
        let told = lines(&hostile);
        assert_eq!(told[1], "conflict  p  x problem  p  y z ", "one line, that begins as it should");
        assert!(told[2].chars().count() <= MAX_LINE_CHARS + 1);
        let same =
            Report { changes: Vec::new(), conflicts: Vec::new(), grants: Vec::new(), calls: Vec::new(), ..report };
        assert_eq!(lines(&same), ["Nothing to do: brief is here as it is in the file"]);
    }
}
