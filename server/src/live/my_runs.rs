//! `/api/live`: tells a person which of the runs that they may see have changed, as short summaries, and which are not theirs to see any
//! more. Who may see a run is asked of the store, by the one predicate that its lists use. Beside it a page says here where it is, and
//! hears who else is there: `attend.rs`.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    Extension,
    extract::{State, ws::Utf8Bytes},
    response::Response,
};
use service::OpContext;
use store::Store;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until},
};
use workflow::{RunId, UserId, access::Actor, api::MyFrame};

use super::{
    hub::{Changed, Hub, Whose},
    link::{Feed, Interrupted, Link},
    socket::{self, Upgrade},
};
use crate::http::{AppState, Problem};

/// Changes of so long go into one frame: a list needs no more.
const GATHER: Duration = Duration::from_millis(200);
/// And of so many times as long as it took to read the last frame, with waiting for its turn: a crowd that follows a busy server asks the
/// database the less, the larger it is.
const GATHER_PART: u32 = 4;
/// But never of longer than this.
const GATHER_AT_MOST: Duration = Duration::from_secs(2);
/// Between two requests to look at everything.
const RESYNC_PAUSE: Duration = Duration::from_secs(2);
/// More changed runs than this are cheaper to fetch as a list.
const MAX_RUNS: usize = 200;
/// Runs of others in which a person is asked, as far as they are remembered.
const MAX_ASKED: usize = 10_000;

pub(crate) async fn my_socket(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let viewer = ctx.user()?.clone();
    let seat = state.hub.seats().take(viewer.id)?;
    // Changes are heard of before it is read who is asked where, and the page fetches its lists after both: nothing falls between.
    let (changes, persons) = (state.hub.changes(), state.hub.persons());
    let asked = Asked::of(state.hub.store(), &viewer).await.map_err(service::Error::from)?;
    let feed = MyFeed {
        changes,
        persons,
        is_other: false,
        hub: state.hub.clone(),
        viewer,
        asked,
        changed: BTreeSet::new(),
        is_everything: false,
        gather_until: None,
        gather_for: GATHER,
        resynced_at: None,
    };
    socket::accept(&state.hub, ctx, seat, upgrade, feed)
}

/// The runs of others that the viewer sees only because somebody asks them there: these leave their lists with the gate. An admin sees
/// every run for good.
#[derive(Default)]
struct Asked {
    runs: BTreeSet<RunId>,
    /// There are more than are remembered: any run that is not seen may be one of them.
    is_part: bool,
}

impl Asked {
    async fn of(store: &Store, viewer: &Actor) -> store::Result<Self> {
        if viewer.is_admin() {
            return Ok(Self::default());
        }
        let most = i64::try_from(MAX_ASKED + 1).unwrap_or(i64::MAX);
        let asking = store.runs_asking(viewer, most).await?;
        let is_part = asking.len() > MAX_ASKED;
        Ok(Self { runs: asking.into_iter().take(MAX_ASKED).collect(), is_part })
    }
}

impl Asked {
    /// Whether it may be a change of what the viewer is shown. The database has the last word.
    fn may_concern(&self, viewer: &Actor, run: RunId, whose: Whose) -> bool {
        match whose {
            Whose::Anybodys => true,
            Whose::Owners(owner) => owner == viewer.id || viewer.is_admin() || self.is_part || self.runs.contains(&run),
        }
    }
}

struct MyFeed {
    hub: Hub,
    viewer: Actor,
    asked: Asked,
    changes: broadcast::Receiver<Changed>,
    /// Word of people whose ways in or groups have changed.
    persons: broadcast::Receiver<UserId>,
    /// What the viewer may see may be other than it was: who is asked where has to be read anew.
    is_other: bool,
    changed: BTreeSet<RunId>,
    is_everything: bool,
    /// Set with the first change that waits to be told.
    gather_until: Option<Instant>,
    gather_for: Duration,
    resynced_at: Option<Instant>,
}

impl MyFeed {
    fn note(&mut self, changed: &Result<Changed, RecvError>) {
        match changed {
            Ok(Changed::Run(run, whose)) => {
                if !self.asked.may_concern(&self.viewer, *run, *whose) {
                    return;
                }
                self.changed.insert(*run);
            }
            Ok(Changed::Everything) | Err(_) => self.is_everything = true,
        }
        if self.changed.len() > MAX_RUNS {
            self.is_everything = true;
            self.changed.clear();
        }
        self.gather();
    }

    /// A word about the viewer: put into a group or taken out of one, they see other runs, though nothing happened in these.
    fn note_person(&mut self, person: &Result<UserId, RecvError>) {
        if person.as_ref().is_ok_and(|person| *person != self.viewer.id) {
            return;
        }
        (self.is_other, self.is_everything) = (true, true);
        self.gather();
    }

    fn gather(&mut self) {
        let began = self.gather_until.unwrap_or_else(|| Instant::now() + self.gather_for);
        let earliest = self.resynced_at.filter(|_| self.is_everything).map(|at| at + RESYNC_PAUSE);
        self.gather_until = Some(not_before(began, earliest));
    }

    /// Gathers until there is something to tell. May be dropped at any await and called again.
    async fn gathered(&mut self) {
        loop {
            let until = self.gather_until;
            let is_gathered = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.changes.recv() => {
                    if changed == Err(RecvError::Closed) {
                        return std::future::pending().await;
                    }
                    self.note(&changed);
                }
                person = self.persons.recv() => {
                    if person == Err(RecvError::Closed) {
                        return std::future::pending().await;
                    }
                    self.note_person(&person);
                }
                () = is_gathered => return,
            }
        }
    }

    /// What to tell of the gathered changes; they are forgotten only once it is known.
    async fn frame(&mut self, link: &mut Link) -> Result<Option<MyFrame>, Interrupted> {
        let began = Instant::now();
        if self.is_other || self.is_everything {
            // Before it is told: what the page then fetches is what leaves its lists by events later.
            self.asked = link.read(|| Asked::of(self.hub.store(), &self.viewer)).await?;
            self.is_other = false;
            self.gather_for = gather_for(began.elapsed());
        }
        if self.is_everything {
            self.resynced_at = Some(Instant::now());
            self.forget();
            return Ok(Some(MyFrame::Resync));
        }
        let ids: Vec<RunId> = self.changed.iter().copied().collect();
        let runs = link.read(|| self.hub.store().run_summaries_of(&ids, &self.viewer)).await?;
        self.gather_for = gather_for(began.elapsed());
        let seen: BTreeSet<RunId> = runs.iter().map(|run| run.id).collect();
        let unseen: Vec<RunId> = ids.into_iter().filter(|id| !seen.contains(id)).collect();
        let n_unseen = unseen.len();
        let gone: Vec<RunId> = unseen.into_iter().filter(|id| self.asked.runs.remove(id)).collect();
        if !self.viewer.is_admin() {
            let of_others = runs.iter().filter(|run| run.user_id != self.viewer.id);
            self.asked.runs.extend(of_others.map(|run| run.id));
        }
        self.forget();
        if self.asked.is_part && gone.len() < n_unseen {
            // Which run it was must not be told to who may never have seen it.
            self.is_everything = true;
            self.gather();
        }
        Ok((!runs.is_empty() || !gone.is_empty()).then_some(MyFrame::Runs { runs, gone }))
    }

    async fn tell(&mut self, link: &mut Link) -> Result<(), Interrupted> {
        link.until(self.gathered()).await?;
        let text = match self.frame(link).await? {
            Some(frame) => serde_json::to_string(&frame).ok(),
            None => None,
        };
        match text {
            Some(text) => link.send(vec![Utf8Bytes::from(text)]).await,
            None => Ok(()),
        }
    }

    fn forget(&mut self) {
        self.changed.clear();
        self.is_everything = false;
        self.gather_until = None;
    }
}

impl Feed for MyFeed {
    const HAS_PLACES: bool = true;

    async fn run(mut self, mut link: Link) {
        // There is no log to replay: the page has just fetched its lists. So beginning anew changes nothing either.
        if link.first().await.is_none() {
            return;
        }
        while self.tell(&mut link).await != Err(Interrupted::Gone) {}
    }
}

/// How long changes are gathered after a frame that took so long to read.
fn gather_for(took: Duration) -> Duration {
    took.saturating_mul(GATHER_PART).clamp(GATHER, GATHER_AT_MOST)
}

/// What began as single changes may have become too many of them: then it waits as long as all that is to be fetched.
fn not_before(until: Instant, earliest: Option<Instant>) -> Instant {
    earliest.map_or(until, |earliest| earliest.max(until))
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use store::notify::Hints;
    use uuid::Uuid;
    use workflow::access::Role;

    use super::*;

    const ME: UserId = UserId(Uuid::nil());

    fn viewer(role: Role) -> Actor {
        let (groups, acts_for) = (BTreeSet::new(), Vec::new());
        Actor { id: ME, email: "me@example.org".to_owned(), role, groups, acts_for }
    }

    #[tokio::test]
    async fn more_changes_than_are_told_wait_as_long_as_all_that_is_to_be_fetched() {
        let nowhere = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap();
        let (hub, now) = (Hub::new(Store::from_pool(nowhere), Hints::default()), Instant::now());
        let mut feed = MyFeed {
            changes: hub.changes(),
            persons: hub.persons(),
            is_other: false,
            viewer: viewer(Role::Admin),
            asked: Asked::default(),
            changed: BTreeSet::new(),
            is_everything: false,
            gather_until: None,
            gather_for: GATHER,
            resynced_at: Some(now),
            hub,
        };
        for n in (0..).take(MAX_RUNS + 1) {
            assert!(!feed.is_everything);
            feed.note(&Ok(Changed::Run(RunId(Uuid::from_u128(n)), Whose::Anybodys)));
        }
        assert!(feed.is_everything && feed.changed.is_empty());
        assert!(feed.gather_until.unwrap() >= now + RESYNC_PAUSE, "it began with a few, which are told sooner");
    }

    #[test]
    fn nobody_asks_about_what_is_none_of_theirs() {
        let (me, other, run) = (ME, UserId(Uuid::max()), RunId(Uuid::nil()));
        let (user, admin, nothing) = (viewer(Role::User), viewer(Role::Admin), Asked::default());
        assert!(nothing.may_concern(&user, run, Whose::Owners(me)));
        assert!(!nothing.may_concern(&user, run, Whose::Owners(other)));
        assert!(
            nothing.may_concern(&user, run, Whose::Anybodys) && nothing.may_concern(&admin, run, Whose::Owners(other))
        );
        let asked_before = Asked { runs: [run].into(), is_part: false };
        assert!(asked_before.may_concern(&user, run, Whose::Owners(other)), "it has left the list");
        let more = Asked { runs: BTreeSet::new(), is_part: true };
        assert!(more.may_concern(&user, run, Whose::Owners(other)), "it may be one that is not remembered");
    }

    #[test]
    fn a_crowd_is_told_more_seldom_and_never_late() {
        let after = |ms| gather_for(Duration::from_millis(ms)).as_millis();
        assert_eq!([0, 3, 50, 100, 400, 60_000].map(after), [200, 200, 200, 400, 1_600, 2_000]);
    }
}
