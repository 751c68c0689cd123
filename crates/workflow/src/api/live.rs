//! Live sockets: what a reader says, and the frames that it gets.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AbsentWorker, Company, LogLine, RunSummary, TaskProgress, Telling};
use crate::{
    id::{RunId, StepKey},
    run::{RunEvent, state::Emails},
};

/// The first message of a live socket, and of each reconnect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
// Or any message with a fault would be one of these.
#[serde(deny_unknown_fields)]
pub struct Follow {
    #[serde(default)]
    pub after: i64,
    /// When that event was told, as the reader has it. Another event of this number was told at another time: the database was restored, and
    /// the reader comes from a time that never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<DateTime<Utc>>,
}

/// Asks whether the other side is still there. A browser cannot send a ping, and a path that swallows everything closes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Beat {
    /// Any number; it comes back in the answer.
    pub beat: u32,
}

/// A frame of `/api/workflows/runs/{id}/live`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "RawRunFrame")]
pub enum RunFrame {
    /// In its wire form, with the emails of those whom it names.
    Event { event: Box<RunEvent>, people: Emails },
    /// Tokens as they come; lossy, the artifact replaces them.
    Delta(Delta),
    /// What an attempt says of itself while it runs; lossy too.
    Telling(Telling),
    /// The steps that wait for a worker which is not there, all of them; told whenever that changes.
    Absent { absent: Vec<AbsentWorker> },
    /// The reader was too slow, or the server lost the thread: fetch the run again.
    Resync,
    /// The answer to a `Beat`.
    Beat(Beat),
}

/// A frame as it is read: all fields of all kinds. Read by its tag instead, a frame would bring a second reader of everything inside
/// it into the browser.
#[derive(Deserialize)]
struct RawRunFrame {
    #[serde(rename = "type")]
    kind: String,
    event: Option<Box<RunEvent>>,
    people: Option<Emails>,
    run: Option<RunId>,
    step: Option<StepKey>,
    attempt: Option<i32>,
    offset: Option<i64>,
    text: Option<String>,
    progress: Option<TaskProgress>,
    lines: Option<Vec<LogLine>>,
    absent: Option<Vec<AbsentWorker>>,
    beat: Option<u32>,
}

impl TryFrom<RawRunFrame> for RunFrame {
    type Error = crate::status::Unknown;

    fn try_from(raw: RawRunFrame) -> Result<Self, Self::Error> {
        let unknown = || crate::status::Unknown(raw.kind.clone());
        Ok(match raw.kind.as_str() {
            "event" => {
                Self::Event { event: raw.event.ok_or_else(unknown)?, people: raw.people.clone().unwrap_or_default() }
            }
            "delta" => Self::Delta(Delta {
                run: raw.run.ok_or_else(unknown)?,
                step: raw.step.clone().ok_or_else(unknown)?,
                attempt: raw.attempt.ok_or_else(unknown)?,
                offset: raw.offset.ok_or_else(unknown)?,
                text: raw.text.clone().ok_or_else(unknown)?,
            }),
            "telling" => Self::Telling(Telling {
                run: raw.run.ok_or_else(unknown)?,
                step: raw.step.clone().ok_or_else(unknown)?,
                attempt: raw.attempt.ok_or_else(unknown)?,
                progress: raw.progress.clone(),
                lines: raw.lines.clone().unwrap_or_default(),
            }),
            "absent" => Self::Absent { absent: raw.absent.clone().ok_or_else(unknown)? },
            "resync" => Self::Resync,
            "beat" => Self::Beat(Beat { beat: raw.beat.ok_or_else(unknown)? }),
            _ => return Err(unknown()),
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delta {
    pub run: RunId,
    pub step: StepKey,
    pub attempt: i32,
    /// Bytes of text before this piece: a gap means that a piece was lost.
    pub offset: i64,
    pub text: String,
}

/// A frame of `/api/live`: what changed among my runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", from = "RawMyFrame")]
pub enum MyFrame {
    Runs {
        runs: Vec<RunSummary>,
        /// Those that are not mine to see any more: what I was asked there is decided.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<RunId>,
    },
    Resync,
    /// Who else is where the reader is.
    Here {
        here: Company,
    },
    /// The answer to a `Beat`.
    Beat(Beat),
}

#[derive(Deserialize)]
struct RawMyFrame {
    runs: Option<Vec<RunSummary>>,
    gone: Option<Vec<RunId>>,
    here: Option<Company>,
    beat: Option<u32>,
}

impl From<RawMyFrame> for MyFrame {
    fn from(raw: RawMyFrame) -> Self {
        match (raw.runs, raw.here, raw.beat) {
            (Some(runs), _, _) => Self::Runs { runs, gone: raw.gone.unwrap_or_default() },
            (None, Some(here), _) => Self::Here { here },
            (None, None, Some(beat)) => Self::Beat(Beat { beat }),
            (None, None, None) => Self::Resync,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_come_back_as_they_were_sent() {
        let delta = json!({"type": "delta", "run": "00000000-0000-0000-0000-000000000000", "step": "a", "attempt": 1, "offset": 4, "text": "x"});
        let beat = json!({"type": "beat", "beat": 3});
        let people = json!({"00000000-0000-0000-0000-000000000003": "anna@example.org"});
        let event = json!({"seq": 3, "at": "2026-01-01T00:00:00Z", "kind": "run_paused", "data": {}});
        let event = json!({"type": "event", "event": event, "people": people});
        let telling = json!({"type": "telling", "run": "00000000-0000-0000-0000-000000000000", "step": "a", "attempt": 1,
            "progress": {"done": 3, "total": 10, "note": "page 3"},
            "lines": [{"at": "2026-01-01T00:00:00Z", "level": "warning", "text": "x"}]});
        let absent = json!({"type": "absent",
            "absent": [{"step": "a", "agent_id": "summarize", "since": "2026-01-01T00:00:00Z"}]});
        for document in [json!({"type": "resync"}), event, delta, telling, absent, beat.clone()] {
            let frame: RunFrame = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&frame).unwrap(), document);
        }
        let gone = json!({"type": "runs", "runs": [], "gone": ["00000000-0000-0000-0000-000000000001"]});
        let here = json!({"type": "here", "here": {"at": {"workflow": "00000000-0000-0000-0000-000000000001"},
            "others": [{"name": "anna@example.org", "selected": ["a"]}], "and_more": false, "own_tabs": 1}});
        for document in [json!({"type": "runs", "runs": []}), gone, here, json!({"type": "resync"}), beat] {
            let frame: MyFrame = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&frame).unwrap(), document);
        }
        assert!(serde_json::from_value::<RunFrame>(json!({"type": "event"})).is_err());
        assert!(serde_json::from_value::<RunFrame>(json!({"type": "else"})).is_err());
    }
}
