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
    pieces::Pieces,
};

use super::limits;

/// An attempt that says nothing in so long is forgotten here.
const QUIET: Duration = Duration::from_mins(2);
/// Text of all attempts.
const MAX_ALL: usize = 64 * 1024 * 1024;
/// Parts of one text between which others have the rest.
const MAX_PIECES: usize = 1_024;

#[derive(Default)]
pub(super) struct Told {
    watched: Watched,
    streams: Mutex<BTreeMap<Place, Stream>>,
}

struct Stream {
    /// Which output it is: the first that streams.
    output: String,
    /// What came of its text to this process; others may have the rest.
    pieces: Pieces,
    /// Text came that was sent to nobody, since nobody looked.
    is_behind: bool,
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
            self.send(store, place, stream, None);
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
        let n_all: usize = streams.values().map(|stream| stream.pieces.n_bytes()).sum();
        let stream = streams.entry(place.clone()).or_insert_with(|| Stream::new(output));
        if stream.output.is_empty() {
            output.clone_into(&mut stream.output);
        }
        stream.at = Instant::now();
        if stream.pieces.n_bytes() + text.len() > limits::MAX_TEXT_BYTES || n_all + text.len() > MAX_ALL {
            return;
        }
        if stream.pieces.n_pieces() >= MAX_PIECES && offset != stream.pieces.end() {
            return;
        }
        stream.pieces.add(offset, text);
        self.send(store, place, stream, Some((offset, text)));
    }

    /// To who looks at the run: what is new, and all of it where somebody has nothing yet.
    fn send(&self, store: &Store, place: &Place, stream: &mut Stream, new: Option<(i64, &str)>) {
        let Some(wish) = self.watched.look(place.run) else {
            stream.is_behind |= new.is_some();
            return;
        };
        let is_all = wish > stream.granted || stream.is_behind;
        (stream.granted, stream.is_behind) = (wish.max(stream.granted), false);
        let send = |(offset, text): (i64, &str)| {
            let (run, step, attempt) = (place.run, place.step.clone(), place.number);
            store.send_delta(Delta { run, step, attempt, offset, text: text.to_owned() });
        };
        if is_all {
            stream.pieces.iter().for_each(send);
        } else {
            new.into_iter().for_each(send);
        }
    }

    /// How far an attempt is, and what it logged.
    pub(super) fn say(&self, store: &Store, place: &Place, progress: Option<TaskProgress>, lines: Vec<LogLine>) {
        if progress.is_none() && lines.is_empty() {
            return;
        }
        let mut streams = self.lock();
        let stream = streams.entry(place.clone()).or_insert_with(|| Stream::new(""));
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
    fn new(output: &str) -> Self {
        let (output, at) = (output.to_owned(), Instant::now());
        Self { output, pieces: Pieces::default(), is_behind: false, granted: 0, progress: None, at }
    }
}

fn telling(place: &Place, progress: Option<TaskProgress>, lines: Vec<LogLine>) -> Telling {
    Telling { run: place.run, step: place.step.clone(), attempt: place.number, progress, lines }
}
