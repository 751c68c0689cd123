//! What attempts outside write, and say of themselves, on its way to whoever looks at their runs. Lossy: the artifact replaces it.
//! Must never grow with what is sent: so much text of each attempt and of all, and nothing of what is over.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use store::{Store, notify::Watched, outside::beats::Place};
use workflow::{
    RunId,
    api::{Delta, LogLine, TaskProgress, Telling},
};

use super::limits;

/// An attempt that says nothing in so long is forgotten here.
const QUIET: Duration = Duration::from_mins(2);
/// Text of all attempts.
const MAX_ALL: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Told {
    watched: Watched,
    streams: Mutex<BTreeMap<Place, Stream>>,
}

struct Stream {
    /// Which output it is: the first that streams.
    output: String,
    /// Bytes before the text that is kept here.
    base: i64,
    text: String,
    n_sent: usize,
    granted: u64,
    progress: Option<TaskProgress>,
    at: Instant,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who looks now, as far as anything is told at all.
    pub(super) async fn look(&self, store: &Store) {
        self.lock().retain(|_, stream| stream.at.elapsed() < QUIET);
        if self.lock().is_empty() {
            return;
        }
        match store.watched_runs().await {
            Ok(runs) => self.watched.set(runs),
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "who watches was not looked at"),
        }
    }

    /// Somebody began to look at a run, and has nothing of it yet.
    pub(super) fn watched(&self, store: &Store, run: RunId) {
        self.watched.add(run);
        for (place, stream) in self.lock().iter_mut().filter(|(place, _)| place.run == run) {
            self.send(store, place, stream);
            if let Some(progress) = stream.progress.clone() {
                store.send_telling(telling(place, Some(progress), Vec::new()));
            }
        }
    }

    /// Whether text of this output is shown.
    pub(super) fn shows(&self, place: &Place, output: &str) -> bool {
        self.lock().get(place).is_none_or(|stream| stream.output.is_empty() || stream.output == output)
    }

    /// More text of an attempt, behind so many bytes.
    pub(super) fn write(&self, store: &Store, place: &Place, output: &str, offset: i64, text: &str) {
        let mut streams = self.lock();
        let n_all: usize = streams.values().map(|stream| stream.text.len()).sum();
        let stream = streams.entry(place.clone()).or_insert_with(|| Stream::new(output, offset));
        if stream.output.is_empty() {
            output.clone_into(&mut stream.output);
            stream.base = offset;
        }
        stream.at = Instant::now();
        let end = stream.base + i64::try_from(stream.text.len()).unwrap_or(i64::MAX);
        if end != offset {
            // Another process took what came between.
            (stream.base, stream.n_sent) = (offset, 0);
            stream.text.clear();
        }
        if stream.text.len() + text.len() <= limits::MAX_TEXT_BYTES && n_all + text.len() <= MAX_ALL {
            stream.text.push_str(text);
        }
        self.send(store, place, stream);
    }

    fn send(&self, store: &Store, place: &Place, stream: &mut Stream) {
        let Some(wish) = self.watched.look(place.run) else { return };
        if wish > stream.granted {
            (stream.granted, stream.n_sent) = (wish, 0);
        }
        if stream.n_sent < stream.text.len() {
            let offset = stream.base + i64::try_from(stream.n_sent).unwrap_or(i64::MAX);
            let text = stream.text[stream.n_sent..].to_owned();
            let (run, step, attempt) = (place.run, place.step.clone(), place.number);
            store.send_delta(Delta { run, step, attempt, offset, text });
            stream.n_sent = stream.text.len();
        }
    }

    /// How far an attempt is, and what it logged.
    pub(super) fn say(&self, store: &Store, place: &Place, progress: Option<TaskProgress>, lines: Vec<LogLine>) {
        if progress.is_none() && lines.is_empty() {
            return;
        }
        let mut streams = self.lock();
        let stream = streams.entry(place.clone()).or_insert_with(|| Stream::new("", 0));
        stream.at = Instant::now();
        if progress.is_some() {
            stream.progress.clone_from(&progress);
        }
        drop(streams);
        if self.watched.look(place.run).is_some() {
            store.send_telling(telling(place, progress, lines));
        }
    }

    /// It is over.
    pub(super) fn forget(&self, place: &Place) {
        self.lock().remove(place);
    }
}

impl Stream {
    fn new(output: &str, base: i64) -> Self {
        let (output, at) = (output.to_owned(), Instant::now());
        Self { output, base, text: String::new(), n_sent: 0, granted: 0, progress: None, at }
    }
}

fn telling(place: &Place, progress: Option<TaskProgress>, lines: Vec<LogLine>) -> Telling {
    Telling { run: place.run, step: place.step.clone(), attempt: place.number, progress, lines }
}
