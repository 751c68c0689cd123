//! Beats: what a session says of its tasks is taken in, its lease begins anew, and it hears what became of them. A beat that waits is
//! held in memory, and woken where something of its runs was ended.
//! Must never cost a statement for each session where several beat at the same time, nor one while a beat is held.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use store::outside::beats::{Beaten, Beats as Written, Place, Streamed};
use tokio::sync::{Notify, futures::Notified, oneshot};
use workflow::{
    RunId,
    api::{LogLine, TaskProgress, WorkerState},
    id::WorkerId,
    run::State,
    status::{ErrorClass, Outcome},
};

use super::{
    Caller, Workers,
    known::Live,
    limits, place,
    wire::{self, Beat, BeatOfTask, StateOfTask, TaskState},
};
use crate::{Error, Result, text};

/// What one beat brought of so many tasks is written at the same time.
const WRITES_AT_ONCE: usize = 8;

#[derive(Default)]
pub(super) struct Beats {
    /// Those that wait to be written, and whether somebody writes now.
    waiting: Mutex<Waiting>,
    /// Who holds a beat for tasks of a run.
    held: Mutex<HashMap<RunId, Vec<Arc<Notify>>>>,
}

#[derive(Default)]
struct Waiting {
    is_writing: bool,
    beats: Vec<(WorkerId, Vec<Streamed>, oneshot::Sender<Option<Answer>>)>,
}

/// What a session's beat came to; none while the database cannot be reached.
type Answer = (Option<Beaten>, Arc<BTreeMap<Place, i64>>);

impl Beats {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<RunId, Vec<Arc<Notify>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attempts of the run may have been ended.
    pub(super) fn wake(&self, run: RunId) {
        self.held().get(&run).into_iter().flatten().for_each(|held| held.notify_one());
    }

    pub(super) fn wake_all(&self) {
        self.held().values().flatten().for_each(|held| held.notify_one());
    }
}

/// A beat that is held for tasks of these runs.
struct Holding<'b> {
    beats: &'b Beats,
    runs: BTreeSet<RunId>,
    bell: Arc<Notify>,
}

impl<'b> Holding<'b> {
    fn of(beats: &'b Beats, runs: BTreeSet<RunId>) -> Self {
        let bell = Arc::new(Notify::new());
        let mut held = beats.held();
        for run in &runs {
            held.entry(*run).or_default().push(Arc::clone(&bell));
        }
        drop(held);
        Self { beats, runs, bell }
    }

    fn watch(&mut self, run: RunId) {
        if self.runs.insert(run) {
            self.beats.held().entry(run).or_default().push(Arc::clone(&self.bell));
        }
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut held = self.beats.held();
        for run in &self.runs {
            if let Some(bells) = held.get_mut(run) {
                bells.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
                if bells.is_empty() {
                    held.remove(run);
                }
            }
        }
    }
}

/// A task of a beat, with what it says in the form in which that is kept.
struct Said {
    token: String,
    /// None: no token of ours.
    place: Option<Place>,
    progress: Option<TaskProgress>,
    /// Of the output that streams.
    delta: Option<(String, String)>,
    lines: Vec<LogLine>,
    n_dropped: i64,
    checkpoint: Option<String>,
}

impl Said {
    fn nothing_of(place: Place) -> Self {
        let token = place::token_of(&place);
        Self {
            token,
            place: Some(place),
            progress: None,
            delta: None,
            lines: Vec::new(),
            n_dropped: 0,
            checkpoint: None,
        }
    }
}

impl Workers {
    pub async fn beat(&self, caller: &Caller, session: WorkerId, beat: Beat) -> Result<wire::Beaten> {
        let began = std::time::Instant::now();
        let live = self.session(caller, session).await?;
        if beat.tasks.len() > limits::MAX_TASKS_OF_BEAT {
            let detail = format!("There are more than {} tasks in it.", limits::MAX_TASKS_OF_BEAT);
            return Err(Error::too_large("tasks", detail));
        }
        let wait = Duration::from_millis(beat.wait_ms).min(limits::MAX_WAIT);
        // By the database's clock, to a beat.
        let last = live.lease_until() - limits::LEASE;
        let mut said: Vec<Said> =
            beat.tasks.into_iter().enumerate().map(|(n, task)| self.read_task(n, task, last)).collect::<Result<_>>()?;
        let streamed = said.iter().filter_map(|said| {
            let (place, (_, text)) = (said.place.clone()?, said.delta.as_ref()?);
            Some(Streamed { session, place, n_bytes: i64::try_from(text.len()).unwrap_or(i64::MAX) })
        });
        let runs = said.iter().filter_map(|said| said.place.as_ref().map(|place| place.run)).collect();
        // From here on: what happens while this is written and looked at would be missed else.
        let mut holding = Holding::of(&self.0.beats, runs);
        let changed = live.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let (beaten, offsets) = self.write(session, streamed.collect()).await?;
        let Some(beaten) = beaten.filter(|beaten| live.is_of(beaten.timeline)) else {
            live.end();
            return Err(Error::SessionGone);
        };
        let written = std::time::Instant::now();
        live.leased(beaten.lease_until);
        let named: Vec<Place> = said.iter().filter_map(|said| said.place.clone()).collect();
        self.take_in(session, &said, &beaten.held, &offsets).await?;
        for lost in live.missed(&beaten.held, &named, began) {
            tracing::info!(run.id = %lost.run, step.key = %lost.step, "a session does not know of a task: it is given back");
            self.give_back(session, lost).await;
            self.freed(&live);
        }
        let n_named = said.len();
        // A task that it was given since it sent this is watched too, and told of where it is not as it should be.
        let given = beaten.held.iter().filter(|place| !named.contains(place));
        said.extend(given.map(|place| Said::nothing_of(place.clone())));
        said[n_named..].iter().filter_map(|said| said.place.as_ref()).for_each(|place| holding.watch(place.run));
        let mut states = self.states(session, &said, &beaten.held).await?;
        let (mut news, is_news) = live.news();
        let is_quiet = |states: &[StateOfTask]| {
            live.state() == WorkerState::Working && states.iter().all(|task| task.state == TaskState::Ok)
        };
        if !wait.is_zero() && !is_news && is_quiet(&states) {
            states = self.hold(&live, &said, states, &holding, changed, wait).await?;
            (news, _) = live.news();
        }
        let unnamed = states.split_off(n_named).into_iter().filter(|task| task.state != TaskState::Ok);
        states.extend(unnamed);
        Ok(wire::Beaten {
            session: live.state().into(),
            server_time: beaten.at + written.elapsed(),
            lease_until: beaten.lease_until,
            agents: news,
            tasks: states,
        })
    }

    /// Waits until something is not as it was, for at most so long.
    async fn hold(
        &self,
        live: &Arc<Live>,
        said: &[Said],
        mut states: Vec<StateOfTask>,
        holding: &Holding<'_>,
        mut changed: Pin<&mut Notified<'_>>,
        wait: Duration,
    ) -> Result<Vec<StateOfTask>> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = holding.bell.notified() => {
                    states = self.states(live.id, said, &[]).await?;
                    if states.iter().any(|task| task.state != TaskState::Ok) {
                        return Ok(states);
                    }
                }
                () = changed.as_mut() => {
                    if live.is_gone() {
                        return Err(Error::SessionGone);
                    }
                    return Ok(states);
                }
                () = tokio::time::sleep_until(until) => return Ok(states),
            }
        }
    }

    /// One statement for all that come while another one is on its way.
    async fn write(&self, session: WorkerId, streamed: Vec<Streamed>) -> Result<Answer> {
        let (reply, answer) = oneshot::channel();
        let is_first = {
            let mut waiting = self.0.beats.waiting();
            waiting.beats.push((session, streamed, reply));
            !std::mem::replace(&mut waiting.is_writing, true)
        };
        if is_first {
            let workers = self.clone();
            // In a task of its own: it writes for others too.
            tokio::spawn(async move { workers.write_all().await });
        }
        match answer.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => Err(runs::Error::Unavailable.into()),
        }
    }

    async fn write_all(&self) {
        loop {
            let beats = {
                let mut waiting = self.0.beats.waiting();
                if waiting.beats.is_empty() {
                    waiting.is_writing = false;
                    return;
                }
                std::mem::take(&mut waiting.beats)
            };
            let mut sessions: Vec<WorkerId> = beats.iter().map(|(session, ..)| *session).collect();
            sessions.sort();
            sessions.dedup();
            let streamed = merged(beats.iter().flat_map(|(_, streamed, _)| streamed));
            match self.0.store.beat_sessions(&sessions, &streamed).await {
                Ok(Written { sessions, offsets }) => {
                    let mut offsets = offsets;
                    for (session, streamed, reply) in beats {
                        // Of one attempt in several beats each has its own place.
                        let own: BTreeMap<Place, i64> = streamed
                            .iter()
                            .filter_map(|one| {
                                let offset = offsets.get_mut(&one.place)?;
                                let own = *offset;
                                *offset += one.n_bytes;
                                Some((one.place.clone(), own))
                            })
                            .collect();
                        // Whoever asked may be gone.
                        let _ = reply.send(Some((sessions.get(&session).cloned(), Arc::new(own))));
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "beats of outside workers were not written"
                    );
                    for (.., reply) in beats {
                        let _ = reply.send(None);
                    }
                }
            }
        }
    }

    fn read_task(&self, n: usize, task: BeatOfTask, now: DateTime<Utc>) -> Result<Said> {
        let field = |name: &str| format!("tasks.{n}.{name}");
        let place = place::read(&task.token);
        let progress = task.progress.map(|progress| check_progress(&field("progress"), &progress)).transpose()?;
        if let Some(checkpoint) = &task.checkpoint {
            text::no_nul_inside(&field("checkpoint"), checkpoint)?;
        }
        let checkpoint = task.checkpoint.map(|value| value.to_string());
        if checkpoint.as_ref().is_some_and(|text| text.len() > limits::MAX_CHECKPOINT_BYTES) {
            let kib = limits::MAX_CHECKPOINT_BYTES / 1024;
            return Err(Error::too_large(
                field("checkpoint"),
                format!("A checkpoint is {kib} KiB at most. Keep less in it."),
            ));
        }
        let mut delta: Option<(String, String)> = None;
        for one in task.deltas {
            let is_shown = match (&delta, &place) {
                (Some((output, _)), _) => *output == one.output,
                (None, Some(place)) => self.0.told.shows(place, &one.output),
                (None, None) => false,
            };
            if is_shown {
                let (_, text) = delta.get_or_insert_with(|| (one.output, String::new()));
                let left = limits::MAX_DELTA_BYTES.saturating_sub(text.len());
                text.push_str(&one.text[..one.text.floor_char_boundary(left.min(one.text.len()))]);
            }
        }
        let (lines, n_dropped) = read_lines(task.logs, now);
        Ok(Said {
            token: task.token,
            place,
            progress,
            delta: delta.filter(|(_, text)| !text.is_empty()),
            lines,
            n_dropped,
            checkpoint,
        })
    }

    /// What a beat brought of tasks that the session holds; of others nothing is taken.
    async fn take_in(
        &self,
        session: WorkerId,
        said: &[Said],
        held: &[Place],
        offsets: &BTreeMap<Place, i64>,
    ) -> Result<()> {
        let store = &self.0.store;
        // A few at a time: others want the database too.
        for some in said.chunks(WRITES_AT_ONCE) {
            let writes = some.iter().map(|said| async move {
                let Some(place) = said.place.as_ref().filter(|place| held.contains(place)) else { return Ok(()) };
                if let Some(checkpoint) = &said.checkpoint {
                    store.keep_checkpoint(session, place, checkpoint).await?;
                }
                if !said.lines.is_empty() || said.n_dropped > 0 {
                    store.add_log(place, said.lines.clone(), said.n_dropped, keep_last).await?;
                }
                if let (Some((output, text)), Some(offset)) = (&said.delta, offsets.get(place)) {
                    self.0.told.write(store, place, output, *offset, text);
                }
                self.0.told.say(store, place, said.progress.clone(), said.lines.clone());
                Ok::<_, Error>(())
            });
            join_all(writes).await.into_iter().collect::<Result<()>>()?;
        }
        Ok(())
    }

    /// How the tasks stand that a session names. `held`: those of which it is known that they are its own; the log tells of the others.
    async fn states(&self, session: WorkerId, said: &[Said], held: &[Place]) -> Result<Vec<StateOfTask>> {
        let held: BTreeSet<&Place> = held.iter().collect();
        let looks = said.iter().map(|said| async {
            let state = match &said.place {
                None => TaskState::Fenced,
                Some(place) if held.contains(place) => TaskState::Ok,
                Some(place) => self.as_logged(session, place).await?,
            };
            Ok::<_, Error>(StateOfTask { token: said.token.clone(), state })
        });
        join_all(looks).await.into_iter().collect()
    }

    /// Whether a task is the session's, and if not, why.
    async fn as_logged(&self, session: WorkerId, place: &Place) -> Result<TaskState> {
        let (key, number) = (place.step.clone(), place.number);
        let look = move |state: Option<&State>| {
            let state = state?;
            let attempt = state.attempts(&key).iter().rfind(|attempt| attempt.number == number)?;
            let is_its = attempt.worker == Some(session);
            is_its.then(|| (state.has(&key, number, session), attempt.outcome, attempt.error_class))
        };
        Ok(match self.0.runs.read_now(place.run, look).await? {
            Some((true, ..)) => TaskState::Ok,
            Some((_, Some(Outcome::Cancelled), _)) => TaskState::Cancel,
            Some((_, Some(Outcome::Failed), Some(ErrorClass::Timeout))) => TaskState::Timeout,
            _ => TaskState::Fenced,
        })
    }
}

/// One row for each attempt.
fn merged<'s>(streamed: impl Iterator<Item = &'s Streamed>) -> Vec<Streamed> {
    let mut all: BTreeMap<Place, Streamed> = BTreeMap::new();
    for one in streamed {
        all.entry(one.place.clone()).and_modify(|known| known.n_bytes += one.n_bytes).or_insert_with(|| one.clone());
    }
    all.into_values().collect()
}

fn check_progress(field: &str, progress: &wire::Progress) -> Result<TaskProgress> {
    let whole = |name: &str, n: i64| {
        u64::try_from(n)
            .map_err(|_| Error::invalid(format!("{field}.{name}"), "Progress is never negative. Give a count from 0."))
    };
    let (done, total) = (whole("done", progress.done)?, whole("total", progress.total)?);
    if total > 0 && done > total {
        return Err(Error::invalid(format!("{field}.done"), "More is done than there is. Give `done` up to `total`."));
    }
    if progress.note.chars().count() > limits::MAX_NOTE_CHARS {
        let detail = format!("The note is longer than {} characters. Shorten it.", limits::MAX_NOTE_CHARS);
        return Err(Error::invalid(format!("{field}.note"), detail));
    }
    Ok(TaskProgress { done, total, note: progress.note.replace('\0', "") })
}

/// The last lines of a beat, and how many it had before them.
fn read_lines(logs: Vec<wire::Log>, now: DateTime<Utc>) -> (Vec<LogLine>, i64) {
    let line = |log: wire::Log| {
        let mut text = log.text.replace('\0', "");
        text.truncate(text.floor_char_boundary(limits::MAX_LINE_BYTES.min(text.len())));
        LogLine { at: log.at.unwrap_or(now), level: log.level, text }
    };
    let mut lines: VecDeque<LogLine> = logs.into_iter().map(line).collect();
    let n_dropped = keep_last(&mut lines);
    (lines.into(), n_dropped)
}

/// Drops the oldest lines that are too many; how many.
fn keep_last(lines: &mut VecDeque<LogLine>) -> i64 {
    let (mut n_bytes, mut n) = (0, 0);
    for line in lines.iter().rev() {
        n_bytes += line.text.len();
        if n >= limits::MAX_LOG_LINES || n_bytes > limits::MAX_LOG_BYTES {
            break;
        }
        n += 1;
    }
    let n_dropped = lines.len() - n;
    lines.drain(..n_dropped);
    i64::try_from(n_dropped).unwrap_or(i64::MAX)
}
