//! What messages say: titles and links, and more only where an admin wants it. Pure: the same lines give the same words.
//! Must never carry a line break or a control character of somebody's text into a subject, nor markup into a chat; a link opens nothing
//! by itself.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use store::notices::sending::{Line, Lines};
use workflow::{
    api::NoticeKind,
    words::{count, is_direction},
};

/// Characters of a name in a message.
const MAX_NAME_CHARS: usize = 120;
/// Characters of what a run is about, and of a reason.
const MAX_CONTENT_CHARS: usize = 500;

/// Something to tell.
pub(crate) struct Message<'a> {
    pub(crate) kind: NoticeKind,
    pub(crate) lines: &'a Lines,
    /// What links begin with.
    pub(crate) base: &'a str,
    /// Whether it says what runs are about, and why something was sent back.
    pub(crate) content: bool,
}

impl Message<'_> {
    /// On one line.
    pub(crate) fn subject(&self) -> String {
        let n = self.lines.n;
        match (self.lines.lines.as_slice(), self.kind) {
            ([line], NoticeKind::Asks) => {
                format!("Waits for you: {} · {}", name(&line.title), name(&line.template_name))
            }
            ([line], NoticeKind::Outcome) => {
                format!("{}: {} · {}", outcome(line), name(&line.title), name(&line.template_name))
            }
            (lines, NoticeKind::Asks) => match one_workflow(lines) {
                Some(workflow) => format!("{} wait for you · {workflow}", count(n, "step")),
                None => format!("{} wait for you", count(n, "step")),
            },
            (lines, NoticeKind::Outcome) => match one_workflow(lines) {
                Some(workflow) => format!("{} were decided · {workflow}", count(n, "step")),
                None => format!("{} were decided", count(n, "step")),
            },
        }
    }

    /// As mail, without what is below every mail.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines.lines {
            let (title, workflow) = (name(&line.title), name(&line.template_name));
            match self.kind {
                NoticeKind::Asks => put(&mut text, &format!("{title} · {workflow} waits for your decision.")),
                NoticeKind::Outcome => put(&mut text, &format!("{title} · {workflow}: {}.", outcome(line))),
            }
            for (what, said) in self.content_of(line) {
                put(&mut text, &format!("{what}: {said}"));
            }
            if self.kind == NoticeKind::Asks {
                put(&mut text, &times(line));
            }
            put(&mut text, &self.link(line));
            text.push('\n');
        }
        if self.n_more() > 0 {
            put(&mut text, &format!("… and {} more: {}/inbox", self.n_more(), self.base));
            text.push('\n');
        }
        text
    }

    /// What an incoming webhook of a chat takes.
    pub(crate) fn slack(&self) -> Value {
        let mut text = escaped(&self.subject());
        for line in &self.lines.lines {
            let title = format!("{} · {}", name(&line.title), name(&line.template_name));
            let mut said = format!("\n• <{}|{}>", self.link(line), escaped(&title.replace('|', "¦")));
            if self.kind == NoticeKind::Outcome {
                said = format!("{said}: {}", escaped(&outcome(line)));
            }
            for (what, content) in self.content_of(line) {
                said = format!("{said}\n   {what}: {}", escaped(&content));
            }
            text.push_str(&said);
        }
        if self.n_more() > 0 {
            let more = format!("\n<{}/inbox|… and {} more>", self.base, self.n_more());
            text.push_str(&more);
        }
        json!({"text": text})
    }

    /// What a signed webhook is told. `at`: when this attempt is made.
    pub(crate) fn webhook(&self, at: DateTime<Utc>) -> Value {
        let kind = match self.kind {
            NoticeKind::Asks => "gate.asks",
            NoticeKind::Outcome => "gate.outcome",
        };
        let gates: Vec<Value> = self.lines.lines.iter().map(|line| self.gate(line)).collect();
        json!({"type": kind, "timestamp": at, "data": {"n_gates": self.lines.n, "gates": gates}})
    }

    fn gate(&self, line: &Line) -> Value {
        let mut gate = Map::new();
        gate.insert("run_id".to_owned(), json!(line.run));
        gate.insert("step".to_owned(), json!(line.step));
        gate.insert("generation".to_owned(), json!(line.generation));
        gate.insert("title".to_owned(), json!(name(&line.title)));
        gate.insert("workflow".to_owned(), json!(name(&line.template_name)));
        gate.insert("url".to_owned(), json!(self.link(line)));
        gate.insert("opened_at".to_owned(), json!(line.opened_at));
        gate.insert("due_at".to_owned(), json!(line.due_at));
        if self.kind == NoticeKind::Outcome {
            gate.insert("verdict".to_owned(), json!(line.verdict));
            gate.insert("closed_by".to_owned(), json!(line.closed_by));
        }
        for (what, said) in self.content_of(line) {
            gate.insert(what.to_lowercase().replace(' ', "_"), json!(said));
        }
        Value::Object(gate)
    }

    /// What only an admin adds.
    fn content_of(&self, line: &Line) -> Vec<(&'static str, String)> {
        if !self.content {
            return Vec::new();
        }
        let mut said = Vec::new();
        if let Some(about) = line.about.as_deref().filter(|about| !about.is_empty()) {
            said.push(("About", cut(&one_line(about), MAX_CONTENT_CHARS)));
        }
        if self.kind == NoticeKind::Asks && !line.owner.is_empty() {
            said.push(("Started by", cut(&one_line(&line.owner), MAX_NAME_CHARS)));
        }
        if let Some(reason) = line.reason.as_deref().filter(|_| self.kind == NoticeKind::Outcome) {
            said.push(("Reason", cut(&one_line(reason), MAX_CONTENT_CHARS)));
        }
        said
    }

    /// To the page, behind the sign-in.
    fn link(&self, line: &Line) -> String {
        match self.kind {
            NoticeKind::Asks => format!("{}/inbox?gate={}%2F{}", self.base, line.run, encoded(line.step.as_str())),
            NoticeKind::Outcome => format!("{}/runs/{}", self.base, line.run),
        }
    }

    fn n_more(&self) -> i64 {
        self.lines.n - i64::try_from(self.lines.lines.len()).unwrap_or_default()
    }
}

/// How a gate was closed.
fn outcome(line: &Line) -> String {
    let by = line.closed_by.as_deref().map(name);
    match (line.verdict.as_deref(), by) {
        (Some("approved"), Some(by)) => format!("Approved by {by}"),
        (Some("approved"), None) => "Approved".to_owned(),
        (Some("rejected"), Some(by)) => format!("Sent back by {by}"),
        (Some("rejected"), None) => "Sent back".to_owned(),
        (Some("timed_out"), _) => "Timed out".to_owned(),
        (Some("released"), _) => "Released: the run goes on by itself".to_owned(),
        (Some("cancelled"), _) => "The run was cancelled".to_owned(),
        _ => "No decision is wanted any more".to_owned(),
    }
}

fn one_workflow(lines: &[Line]) -> Option<String> {
    let first = &lines.first()?.template_name;
    lines.iter().all(|line| line.template_name == *first).then(|| name(first))
}

fn times(line: &Line) -> String {
    let since = format!("Waiting since {}", moment(line.opened_at));
    match line.due_at {
        Some(due) => format!("{since}, due by {}", moment(due)),
        None => since,
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn put(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Somebody's words, as a name in a sentence.
fn name(text: &str) -> String {
    let text = cut(&one_line(text), MAX_NAME_CHARS);
    if text.is_empty() { "(untitled)".to_owned() } else { text }
}

/// Without what ends a line or turns the order of what follows around; letters of every script stay.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let plain: String = text.chars().filter(|c| !is_direction(*c)).map(|c| if is_break(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let short: String = text.chars().take(max_chars).collect();
    format!("{}…", short.trim_end())
}

/// What a chat reads as markup, or as a call to everybody. Those that imitate Slack read Markdown, and call by a bare `@channel`: what stands
/// between the two letters is not seen. An email stays what it is.
fn escaped(text: &str) -> String {
    let mut said = String::new();
    let mut last = None;
    for c in text.chars() {
        match c {
            '&' => said.push_str("&amp;"),
            '<' => said.push_str("&lt;"),
            '>' => said.push_str("&gt;"),
            '(' if last == Some(']') => said.push_str("\u{200b}("),
            '@' if !last.is_some_and(char::is_alphanumeric) => said.push_str("@\u{200b}"),
            c => said.push(c),
        }
        last = Some(c);
    }
    said
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // A text takes whatever is written.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use workflow::RunId;

    use super::*;

    fn line(title: &str, workflow: &str) -> Line {
        Line {
            run: RunId(Uuid::nil()),
            step: "draft[ä/1]".into(),
            generation: 2,
            template_name: workflow.to_owned(),
            title: title.to_owned(),
            about: Some("the c4n4ry".to_owned()),
            owner: "ben@example.org".to_owned(),
            opened_at: DateTime::UNIX_EPOCH,
            due_at: None,
            verdict: None,
            closed_by: None,
            reason: Some("the r34s0n".to_owned()),
        }
    }

    fn message(kind: NoticeKind, lines: Vec<Line>, content: bool) -> Message<'static> {
        let n = i64::try_from(lines.len()).unwrap();
        let lines: &'static Lines = Box::leak(Box::new(Lines { lines, n }));
        Message { kind, lines, base: "https://weft.example", content }
    }

    #[test]
    fn no_text_ends_the_subject_or_adds_a_header() {
        let hostile = line("Letter\r\nBcc: all@example.org\u{2028}x\0", "A\nb");
        for kind in [NoticeKind::Asks, NoticeKind::Outcome] {
            let subject = message(kind, vec![hostile.clone()], true).subject();
            assert!(!subject.chars().any(|c| c.is_control() || c == '\u{2028}'), "{subject:?}");
            assert!(subject.contains("Letter Bcc: all@example.org x · A b"), "{subject:?}");
        }
        let turned = message(NoticeKind::Asks, vec![line("a\u{202e}gpj.exe", "w")], false).subject();
        assert!(!turned.contains('\u{202e}'));
        let kept = message(NoticeKind::Asks, vec![line("رسالة 👩‍👩‍👧 שלום", "w")], false).subject();
        assert!(kept.contains("رسالة 👩‍👩‍👧 שלום"), "{kept}");
    }

    #[test]
    fn a_chat_is_told_no_markup_of_somebody_elses() {
        let hostile = line("<!channel> & <https://evil.example|here>", "w");
        let said = message(NoticeKind::Asks, vec![hostile], true).slack();
        let said = said["text"].as_str().unwrap();
        assert!(said.contains("&lt;!channel&gt; &amp; &lt;https://evil.example"), "{said}");
        assert_eq!(said.matches('<').count(), 1, "our own link alone: {said}");
        assert_eq!(said.matches('|').count(), 2, "in the subject it means nothing, in the link it is ours: {said}");
    }

    #[test]
    fn those_that_imitate_slack_are_told_no_markup_either() {
        let hostile = Line {
            verdict: Some("approved".to_owned()),
            closed_by: Some("anna@example.org".to_owned()),
            ..line("@channel @all [sign in](https://evil.example)", "w")
        };
        let said = message(NoticeKind::Outcome, vec![hostile], false).slack();
        let said = said["text"].as_str().unwrap();
        for markup in ["@channel", "@all", "]("] {
            assert!(!said.contains(markup), "{markup} in {said}");
        }
        assert!(said.contains("anna@example.org"), "{said}");
    }

    #[test]
    fn titles_and_links_alone_unless_an_admin_adds_content() {
        for kind in [NoticeKind::Asks, NoticeKind::Outcome] {
            for (content, is_there) in [(false, false), (true, true)] {
                let message = message(kind, vec![line("Draft", "Letters")], content);
                let webhook = message.webhook(DateTime::UNIX_EPOCH);
                let said = format!("{}{}{}{webhook}", message.subject(), message.text(), message.slack());
                assert_eq!(said.contains("c4n4ry"), is_there, "{said}");
                assert_eq!(said.contains("r34s0n"), is_there && kind == NoticeKind::Outcome, "{said}");
            }
        }
    }

    #[test]
    fn a_link_leads_to_a_page_and_carries_no_key() {
        let text = message(NoticeKind::Asks, vec![line("Draft", "Letters")], false).text();
        let run = Uuid::nil();
        assert!(text.contains(&format!("https://weft.example/inbox?gate={run}%2Fdraft%5B%C3%A4%2F1%5D\n")), "{text}");
        let text = message(NoticeKind::Outcome, vec![line("Draft", "Letters")], false).text();
        assert!(text.contains(&format!("https://weft.example/runs/{run}\n")), "{text}");
    }

    #[test]
    fn the_outcome_is_said_in_words() {
        for (verdict, by, expected) in [
            (Some("approved"), Some("anna@example.org"), "Approved by anna@example.org"),
            (Some("rejected"), Some("anna@example.org"), "Sent back by anna@example.org"),
            (Some("timed_out"), None, "Timed out"),
            (Some("superseded"), None, "No decision is wanted any more"),
            (None, None, "No decision is wanted any more"),
        ] {
            let decided = Line {
                verdict: verdict.map(str::to_owned),
                closed_by: by.map(str::to_owned),
                ..line("Draft", "Letters")
            };
            let subject = message(NoticeKind::Outcome, vec![decided], false).subject();
            assert_eq!(subject, format!("{expected}: Draft · Letters"));
        }
    }

    #[test]
    fn many_are_counted_and_the_first_are_named() {
        let lines = Lines { lines: vec![line("a", "Letters"), line("b", "Letters")], n: 10_000 };
        let message = Message { kind: NoticeKind::Asks, lines: &lines, base: "https://weft.example", content: false };
        assert_eq!(message.subject(), "10,000 steps wait for you · Letters");
        assert!(message.text().contains("… and 9998 more: https://weft.example/inbox"), "{}", message.text());
    }
}
