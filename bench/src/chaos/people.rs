//! People who start runs and steer them while everything breaks. Each asks again under the same key until there is an answer, as a good
//! client does, and what was answered is written down before anything else: that is what must be there afterwards.
//! Must never write down what was not answered, nor take a refusal for an answer.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

use super::{
    dice::Dice,
    world::{GATE, Templates},
};
use crate::client::Client;

/// Who is not answered for so long was forgotten.
const PATIENCE: Duration = Duration::from_mins(2);
/// Times eleven bytes: more than 64 KiB.
const LONG: usize = 6_500;
/// Runs that one of them still remembers.
const REMEMBERED: usize = 12;

/// What was answered, in a file that `weft check` reads, and what should never be.
#[derive(Debug)]
pub(crate) struct Told {
    file: Mutex<File>,
    n: AtomicU32,
    /// Answers that say that something broke inside.
    n_broken: AtomicU32,
    /// Runs that are to be deleted.
    n_deleted: AtomicU32,
    pub(crate) violations: Mutex<Vec<String>>,
}

impl Told {
    pub(crate) fn new(file: &Path) -> Result<Self> {
        let file = File::create(file).context("no file for what is answered")?;
        let (n, n_broken, n_deleted) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Ok(Self { file: Mutex::new(file), n, n_broken, n_deleted, violations: Mutex::default() })
    }

    pub(crate) fn count(&self) -> u32 {
        self.n.load(Ordering::Relaxed)
    }

    pub(crate) fn count_broken(&self) -> u32 {
        self.n_broken.load(Ordering::Relaxed)
    }

    pub(crate) fn count_deleted(&self) -> u32 {
        self.n_deleted.load(Ordering::Relaxed)
    }

    fn add(&self, line: &Value) {
        let written = writeln!(self.file.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
        self.n.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = written {
            self.violate(format!("what was answered cannot be written down: {error}"));
        }
    }

    fn violate(&self, what: String) {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

/// The answer to a start or a verb.
#[derive(Deserialize)]
struct Brief {
    id: String,
    seq: Option<i64>,
}

/// A run that somebody began.
struct Run {
    id: String,
    has_gate: bool,
}

pub(crate) struct Person {
    name: String,
    n_asked: u64,
    dice: Dice,
    /// Ways to each server.
    servers: Vec<Client>,
    templates: Templates,
    told: Arc<Told>,
    runs: Vec<Run>,
}

/// Whether the success of a verb on a run has to be a commit of it, as its status was read just before: a run that is as it is wanted to be
/// stays so without one, and only its owner, who asks for one thing after the other, holds it and lets it go.
fn has_to_change(verb: &str, view: &Value) -> bool {
    let status = view["status"].as_str();
    match verb {
        "pause" => matches!(status, Some("pending" | "running")),
        // Of one that waits for a review alone nothing is held.
        "resume" => status == Some("paused") && view["status_reason"] == "person",
        "cancel" => matches!(status, Some("pending" | "running" | "paused")),
        _ => true,
    }
}

/// Whether the gate of a run is open.
fn waits(view: &Value) -> bool {
    let steps = view["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().any(|step| step["key"] == GATE && step["status"] == "awaiting_review")
}

impl Person {
    pub(crate) fn new(name: String, dice: Dice, servers: Vec<Client>, templates: Templates, told: Arc<Told>) -> Self {
        Self { name, n_asked: 0, dice, servers, templates, told, runs: Vec::new() }
    }

    /// Until `is_over`; what was begun is finished.
    pub(crate) async fn live(mut self, is_over: watch::Receiver<bool>) {
        while !*is_over.borrow() {
            if self.runs.is_empty() || self.dice.one_in(2) {
                self.start().await;
            } else {
                self.steer().await;
            }
            sleep(Duration::from_millis(self.dice.between(50, 600))).await;
        }
    }

    async fn start(&mut self) {
        let (template, has_gate) = self.templates.any(&mut self.dice);
        let body = json!({"template_id": template, "auto_run": true, "inputs": {}});
        if let Some(id) = self.ask("/api/workflows/runs", &body, None, true).await {
            if self.runs.len() >= REMEMBERED {
                self.runs.remove(0);
            }
            self.runs.push(Run { id, has_gate });
        }
    }

    async fn steer(&mut self) {
        let n = self.dice.index(self.runs.len());
        let Some(Run { id, has_gate }) = self.runs.get(n) else { return };
        let (run, has_gate) = (format!("/api/workflows/runs/{id}"), *has_gate);
        let view = self.read(&run).await;
        if has_gate && waits(&view) {
            return self.decide(&run).await;
        }
        if self.dice.one_in(8) {
            return self.delete(n).await;
        }
        let (verb, body) = match self.dice.between(1, 12) {
            1..=3 => ("pause".to_owned(), json!({})),
            4..=7 => ("resume".to_owned(), json!({})),
            8 => ("cancel".to_owned(), json!({})),
            9 => ("steps/a/stop".to_owned(), json!({})),
            _ => ("steps/a/rerun".to_owned(), json!({"mode": "downstream"})),
        };
        let is_change = has_to_change(&verb, &view);
        self.ask(&format!("{run}/{verb}"), &body, None, is_change).await;
    }

    /// One of theirs, if it is over: it goes half a minute later, and nobody does anything with it any more. No answer is none, and is not
    /// asked for again: whether it is deleted is seen by what is there, and either is right.
    async fn delete(&mut self, n: usize) {
        let Some(Run { id, .. }) = self.runs.get(n) else { return };
        let body = Bytes::from(json!({"action": "delete", "runs": [id]}).to_string());
        let server = self.dice.index(self.servers.len());
        let asked = self.servers[server].send(Method::POST, "/api/workflows/runs/change", body).await;
        let Ok((status, answer)) = asked else { return };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            self.told.n_broken.fetch_add(1, Ordering::Relaxed);
        }
        let changed: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let is_done = changed["done"].as_array().is_some_and(|done| !done.is_empty());
        if status.is_success() && is_done {
            self.runs.remove(n);
            self.told.n_deleted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// At a gate that is open.
    async fn decide(&mut self, run: &str) {
        let step = format!("{run}/steps/{GATE}");
        match self.dice.between(1, 6) {
            1 => {
                self.ask(&format!("{step}/reject"), &json!({"feedback": "Once more, and shorter."}), None, true).await;
            }
            2 | 3 => {
                // Some of it is too large to go with a commit.
                let more = if self.dice.one_in(3) { "and so on, ".repeat(LONG) } else { String::new() };
                let text = format!("Written by {}, {}. {more}", self.name, self.n_asked);
                let body = json!({"artifacts": {"text": text}, "and_continue": true});
                self.ask(&format!("{step}/edit"), &body, Some(&text), true).await;
            }
            _ => {
                self.ask(&format!("{step}/continue"), &json!({}), None, true).await;
            }
        }
    }

    /// A run as it is. No answer is none.
    async fn read(&mut self, run: &str) -> Value {
        let server = self.dice.index(self.servers.len());
        match self.servers[server].send(Method::GET, run, Bytes::new()).await {
            Ok((StatusCode::OK, answer)) => serde_json::from_slice(&answer).unwrap_or_default(),
            _ => Value::Null,
        }
    }

    /// Until there is an answer. The run that a success names is noted, with what was written, and with the commit where there has to be one.
    async fn ask(&mut self, path: &str, body: &Value, text: Option<&str>, is_change: bool) -> Option<String> {
        self.n_asked += 1;
        let key = format!("{}-{}", self.name, self.n_asked);
        let (bytes, began, mut is_first) = (Bytes::from(body.to_string()), Instant::now(), true);
        loop {
            let server = self.dice.index(self.servers.len());
            let asked = self.servers[server].send_under(Some(&key), Method::POST, path, bytes.clone());
            match asked.await {
                Ok((status, answer)) if status.is_success() => {
                    let Ok(Brief { id, seq }) = serde_json::from_slice(&answer) else {
                        self.told.violate(format!("{path} was answered {status} without saying for what"));
                        return None;
                    };
                    // A repetition is answered as the run is by now.
                    let (seq, key) = (seq.filter(|_| is_first && is_change), is_change.then_some(key));
                    self.told.add(&json!({"run": id, "seq": seq, "key": key, "text": text}));
                    return Some(id);
                }
                Ok((status, _)) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => return None,
                Ok((StatusCode::INTERNAL_SERVER_ERROR, _)) => {
                    self.told.n_broken.fetch_add(1, Ordering::Relaxed);
                }
                // Not now, or nobody knows.
                Ok(_) | Err(_) => {}
            }
            is_first = false;
            if began.elapsed() > PATIENCE {
                self.told.violate(format!("{path} was not answered for {} s", PATIENCE.as_secs()));
                return None;
            }
            sleep(Duration::from_millis(self.dice.between(50, 400))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_as_it_is_wanted_has_to_change() {
        let changes = |verb: &str, status: &str, reason: Value| {
            has_to_change(verb, &json!({"status": status, "status_reason": reason}))
        };
        assert!(changes("pause", "running", Value::Null) && !changes("pause", "paused", json!("person")));
        assert!(changes("resume", "paused", json!("person")) && !changes("resume", "paused", json!("review")));
        assert!(!changes("resume", "running", Value::Null));
        assert!(changes("cancel", "paused", json!("review")) && !changes("cancel", "cancelled", Value::Null));
        assert!(has_to_change("steps/a/rerun", &Value::Null) && !has_to_change("cancel", &Value::Null), "not read");
    }
}
