//! The sessions that this process has to do with, as they were when it last looked.
//! Must never be what decides whether an attempt is a session's: that is the log's to say.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use store::outside::{beats::Place, sessions::OpenSession};
use tokio::sync::Notify;
use workflow::{
    AgentId,
    agent::queue,
    api::{OfferState, Standing, WorkerState},
    id::{TokenId, WorkerId},
};

use super::{limits, wire::Known};
use crate::{Error, Result};

/// A session that nobody asked for in so long is forgotten here.
const IDLE: Duration = Duration::from_mins(1);

/// A session as it was read, with how its agents stand.
pub(super) type Read = (OpenSession, BTreeMap<AgentId, Standing>);

#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<WorkerId, Arc<Live>>>);

/// A session that lives, as far as is known here.
pub(super) struct Live {
    pub(super) id: WorkerId,
    pub(super) token: TokenId,
    /// How many tasks it holds at most, and which build of its worker it is.
    slots: usize,
    pub(super) build: Option<String>,
    timeline: i64,
    info: Mutex<Info>,
    is_gone: AtomicBool,
    /// Who starts steps for it: one at a time, so that its slots are counted once.
    pub(super) starting: tokio::sync::Mutex<()>,
    /// Something about it changed: whoever waits looks again.
    pub(super) changed: Notify,
}

struct Info {
    agents: Vec<(AgentId, String)>,
    standings: BTreeMap<AgentId, Standing>,
    /// As its worker was told last.
    told: BTreeMap<AgentId, (Standing, Option<Instant>)>,
    /// What may be claimed for it.
    queues: Arc<[String]>,
    state: WorkerState,
    changed_at: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    used: Instant,
    /// So many tasks it held when somebody looked, which is believed for a moment.
    held: Option<(usize, Instant)>,
    /// When tasks were handed out, and when a beat first did not name them.
    given: HashMap<Place, (Instant, Option<Instant>)>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<WorkerId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn get(&self, id: WorkerId) -> Option<Arc<Live>> {
        self.lock().get(&id).cloned()
    }

    /// The one that is known already, if there is one.
    pub(super) fn put(&self, live: Live) -> Arc<Live> {
        Arc::clone(self.lock().entry(live.id).or_insert_with(|| Arc::new(live)))
    }

    /// One that is known as it was before.
    pub(super) fn older_than(&self, id: WorkerId, changed_at: DateTime<Utc>) -> Option<Arc<Live>> {
        self.get(id).filter(|live| live.info().changed_at < changed_at)
    }

    /// Forgets those that nobody asks for, and ends those of another history of the database.
    pub(super) fn forget(&self, timeline: i64) {
        self.lock().retain(|_, live| {
            if live.timeline != timeline {
                live.end();
            }
            let is_used = live.info().used.elapsed() < IDLE;
            is_used && !live.is_gone()
        });
    }

    pub(super) fn wake_all(&self) {
        self.lock().values().for_each(|live| live.changed.notify_waiters());
    }
}

impl Live {
    pub(super) fn new(open: OpenSession, standings: BTreeMap<AgentId, Standing>) -> Self {
        let info = Info {
            queues: queues(&open.agents, &standings),
            agents: open.agents,
            standings,
            told: BTreeMap::new(),
            state: open.state,
            changed_at: open.changed_at,
            lease_until: open.changed_at + limits::LEASE,
            used: Instant::now(),
            held: None,
            given: HashMap::new(),
        };
        Self {
            id: open.id,
            token: open.token,
            slots: usize::try_from(open.slots).unwrap_or(0),
            build: open.build_id.filter(|build| !build.is_empty()),
            starting: tokio::sync::Mutex::default(),
            timeline: open.timeline,
            is_gone: AtomicBool::new(open.state == WorkerState::Gone),
            info: Mutex::new(info),
            changed: Notify::new(),
        }
    }

    fn info(&self) -> MutexGuard<'_, Info> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses whoever has another token, and everybody once it is over.
    pub(super) fn check(&self, token: TokenId) -> Result<()> {
        if self.token != token {
            return Err(Error::NotFound);
        }
        if self.is_gone() {
            return Err(Error::SessionGone);
        }
        self.info().used = Instant::now();
        Ok(())
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    pub(super) fn is_of(&self, timeline: i64) -> bool {
        self.timeline == timeline
    }

    /// It is over, for good.
    pub(super) fn end(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// As it was read anew.
    pub(super) fn set(&self, (open, standings): Read) {
        let mut info = self.info();
        info.queues = queues(&open.agents, &standings);
        (info.agents, info.standings) = (open.agents, standings);
        (info.state, info.changed_at) = (open.state, open.changed_at);
        drop(info);
        if open.state == WorkerState::Gone {
            self.end();
        }
        self.changed.notify_waiters();
    }

    pub(super) fn state(&self) -> WorkerState {
        self.info().state
    }

    pub(super) fn set_wish(&self, state: WorkerState) {
        self.info().state = state;
        self.changed.notify_waiters();
    }

    /// What may be claimed for it now.
    pub(super) fn queues(&self) -> Arc<[String]> {
        let info = self.info();
        let may_take = info.state == WorkerState::Working && !self.is_gone() && self.room_of(&info) > 0;
        if may_take { Arc::clone(&info.queues) } else { Arc::from([]) }
    }

    // ---- slots

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Slots that are free, as far as is known here: all, where nobody looked just now. Whoever starts steps looks.
    pub(super) fn room(&self) -> usize {
        self.room_of(&self.info())
    }

    fn room_of(&self, info: &Info) -> usize {
        let held = info.held.filter(|(_, at)| at.elapsed() < limits::FULL_FRESH).map_or(0, |(held, _)| held);
        self.slots.saturating_sub(held)
    }

    /// It was looked how many tasks it holds; the slots that are free.
    pub(super) fn holds(&self, n: usize) -> usize {
        let mut info = self.info();
        info.held = Some((n, Instant::now()));
        self.room_of(&info)
    }

    /// Slots may be free that were not. True: it had none, so what waits for it may be looked at again.
    pub(super) fn freed(&self) -> bool {
        let mut info = self.info();
        let was_full = info.held.is_some_and(|(held, _)| held >= self.slots);
        info.held = None;
        was_full
    }

    pub(super) fn lease_until(&self) -> DateTime<Utc> {
        self.info().lease_until
    }

    pub(super) fn leased(&self, until: DateTime<Utc>) {
        self.info().lease_until = until;
    }

    /// The agents whose standing changed a short while ago, since the answer of one beat may be lost; and whether any of it is told for the
    /// first time.
    pub(super) fn news(&self) -> (BTreeMap<AgentId, Known>, bool) {
        let mut info = self.info();
        let (mut news, mut is_first) = (BTreeMap::new(), false);
        let Info { agents, standings, told, .. } = &mut *info;
        for (id, hash) in agents.iter() {
            let Some(standing) = standings.get(id) else { continue };
            let since = match told.get(id) {
                Some((known, since)) if known == standing => *since,
                _ => {
                    is_first = true;
                    let now = Some(Instant::now());
                    told.insert(id.clone(), (standing.clone(), now));
                    now
                }
            };
            if since.is_some_and(|since| since.elapsed() < limits::TELL_AGAIN) {
                news.insert(id.clone(), Known { standing: standing.clone(), hash: hash.clone() });
            }
        }
        (news, is_first)
    }

    /// Its worker heard all of it as it registered.
    pub(super) fn has_heard(&self) {
        let mut info = self.info();
        info.told = info.standings.iter().map(|(id, standing)| (id.clone(), (standing.clone(), None))).collect();
    }

    // ---- tasks whose answer may be lost

    pub(super) fn gave(&self, places: impl IntoIterator<Item = Place>) {
        let now = Instant::now();
        self.info().given.extend(places.into_iter().map(|place| (place, (now, None))));
        // A held beat watches what it named: the next one names these.
        self.changed.notify_waiters();
    }

    /// Of what it holds, what two beats in a row did not name, each a beat's time after the one before it: their answer was lost.
    /// `began`: when this beat came.
    pub(super) fn missed(&self, held: &[Place], named: &[Place], began: Instant) -> Vec<Place> {
        let mut info = self.info();
        let mut lost = Vec::new();
        let mut known = std::mem::take(&mut info.given);
        for place in held {
            // One that another process handed out may be on its way still.
            let (given, missed) = known.remove(place).unwrap_or((began, None));
            if named.contains(place) {
                continue;
            }
            match missed {
                Some(missed) if began.duration_since(missed) >= limits::MISSED_AGAIN => lost.push(place.clone()),
                None if began > given => {
                    info.given.insert(place.clone(), (given, Some(began)));
                }
                _ => {
                    info.given.insert(place.clone(), (given, missed));
                }
            }
        }
        // What was handed out since, and is in no commit that the beat saw.
        known.retain(|_, (given, _)| given.elapsed() < limits::LEASE);
        info.given.extend(known);
        lost
    }
}

fn queues(agents: &[(AgentId, String)], standings: &BTreeMap<AgentId, Standing>) -> Arc<[String]> {
    let is_accepted = |id: &AgentId| standings.get(id).is_some_and(|known| known.state == OfferState::Accepted);
    agents.iter().filter(|(id, _)| is_accepted(id)).map(|(id, hash)| queue(id, hash)).collect()
}
