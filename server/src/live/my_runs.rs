//! `/api/live`: tells a person which of the runs that they may see have changed, as short summaries.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    Extension,
    extract::{State, ws::Utf8Bytes},
    response::Response,
};
use service::OpContext;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until},
};
use workflow::{RunId, access::Actor, api::MyFrame};

use super::{
    hub::{Changed, Hub},
    link::{Feed, Interrupted, Link},
    socket::{self, Upgrade},
};
use crate::http::{AppState, Problem};

/// Changes of so long go into one frame: a list needs no more.
const GATHER: Duration = Duration::from_millis(200);
/// Between two requests to look at everything.
const RESYNC_PAUSE: Duration = Duration::from_secs(2);
/// More changed runs than this are cheaper to fetch as a list.
const MAX_RUNS: usize = 200;

pub(crate) async fn my_socket(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let viewer = ctx.user()?.clone();
    let seat = state.hub.seats().take(viewer.id)?;
    let feed = MyFeed {
        changes: state.hub.changes(),
        hub: state.hub.clone(),
        viewer,
        changed: BTreeSet::new(),
        is_everything: false,
        gather_until: None,
        resynced_at: None,
    };
    socket::accept(&state.hub, ctx, seat, upgrade, feed)
}

struct MyFeed {
    hub: Hub,
    viewer: Actor,
    changes: broadcast::Receiver<Changed>,
    changed: BTreeSet<RunId>,
    is_everything: bool,
    /// Set with the first change that waits to be told.
    gather_until: Option<Instant>,
    resynced_at: Option<Instant>,
}

impl MyFeed {
    fn note(&mut self, changed: &Result<Changed, RecvError>) {
        match changed {
            Ok(Changed::Run(run)) => _ = self.changed.insert(*run),
            Ok(Changed::Everything) | Err(_) => self.is_everything = true,
        }
        if self.changed.len() > MAX_RUNS {
            self.is_everything = true;
        }
        if self.gather_until.is_none() {
            let earliest = self.resynced_at.filter(|_| self.is_everything).map(|at| at + RESYNC_PAUSE);
            let soon = Instant::now() + GATHER;
            self.gather_until = Some(earliest.map_or(soon, |earliest| earliest.max(soon)));
        }
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
                () = is_gathered => return,
            }
        }
    }

    /// What to tell of the gathered changes; they are forgotten only once it is known.
    async fn frame(&mut self, link: &mut Link) -> Result<Option<MyFrame>, Interrupted> {
        if self.is_everything {
            self.resynced_at = Some(Instant::now());
            self.forget();
            return Ok(Some(MyFrame::Resync));
        }
        let ids: Vec<RunId> = self.changed.iter().copied().collect();
        let runs = link.read(|| self.hub.store().run_summaries_of(&ids, &self.viewer)).await?;
        self.forget();
        Ok((!runs.is_empty()).then_some(MyFrame::Runs { runs }))
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
    async fn run(mut self, mut link: Link) {
        // There is no log to replay: the page has just fetched its lists. So beginning anew changes nothing either.
        if link.first().await.is_none() {
            return;
        }
        while self.tell(&mut link).await != Err(Interrupted::Gone) {}
    }
}
