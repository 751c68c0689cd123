//! One socket that says where its page is: whether it may be there, who else is, and the end of it.
//! Must never tell of a place to somebody who may not see it: the right is asked before, again every few seconds, and the visit ends with
//! the socket, which ends with the session. Runs in a task of its own, as it asks the database.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::Utf8Bytes;
use service::{OpContext, presence};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use workflow::{
    access::Actor,
    api::{Company, MyFrame, Whereabouts},
};

use super::{hub::Hub, presence::Visit, seat::Seat};

/// Changes of so long go into one frame.
const GATHER: Duration = Duration::from_millis(150);
/// How often the right to be there is asked again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After the database did not answer.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Attending {
    hub: Hub,
    ctx: OpContext,
    who: Actor,
    seat: Arc<Seat>,
    wanted: Whereabouts,
    /// Where the page is, as others are told.
    visit: Option<Visit>,
    /// When the right is asked next; never where nothing is wanted, or it was refused.
    look_at: Option<Instant>,
    /// What the page was told last.
    told: Option<Company>,
}

/// What there is to do.
enum Next {
    Said,
    Changed,
    Look,
    Gone,
}

impl Attending {
    pub(super) fn new(hub: Hub, ctx: OpContext, who: Actor, seat: Arc<Seat>) -> Self {
        Self { hub, ctx, who, seat, wanted: Whereabouts::default(), visit: None, look_at: None, told: None }
    }

    /// Until the socket is gone.
    pub(super) async fn run(mut self, mut said: watch::Receiver<Whereabouts>, frames: mpsc::Sender<Vec<Utf8Bytes>>) {
        loop {
            match self.next(&mut said).await {
                Next::Said => {
                    let wanted = said.borrow_and_update().clone();
                    self.take(wanted.bounded());
                }
                Next::Look => self.look().await,
                Next::Changed => {
                    tokio::time::sleep(GATHER).await;
                    if let Some(text) = self.news()
                        && frames.send(vec![text]).await.is_err()
                    {
                        return;
                    }
                }
                Next::Gone => return,
            }
        }
    }

    /// Only waits: it may be dropped at any await.
    async fn next(&mut self, said: &mut watch::Receiver<Whereabouts>) -> Next {
        let (visit, look_at) = (&mut self.visit, self.look_at);
        let changed = async {
            match visit {
                Some(visit) => visit.changed().await,
                None => std::future::pending().await,
            }
        };
        let look = async {
            match look_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            said = said.changed() => if said.is_ok() { Next::Said } else { Next::Gone },
            () = look => Next::Look,
            () = changed => Next::Changed,
        }
    }

    fn take(&mut self, wanted: Whereabouts) {
        match &self.visit {
            Some(visit) if wanted.at == Some(visit.at()) => {
                if let Some(news) = self.hub.presence().select(visit, wanted.selected.clone()) {
                    self.hub.store().send_here(news);
                }
            }
            _ => {
                self.leave();
                self.look_at = wanted.at.map(|_| Instant::now());
            }
        }
        self.wanted = wanted;
    }

    async fn look(&mut self) {
        let Some(at) = self.wanted.at else {
            self.look_at = None;
            return;
        };
        let may_be = {
            let _turn = self.seat.turn().await;
            presence::may_be_at(&self.ctx, at).await
        };
        let again = match may_be {
            Ok(true) => {
                if self.visit.is_none() {
                    let (visit, news) = self.hub.presence().enter(at, &self.who, self.wanted.selected.clone());
                    self.visit = Some(visit);
                    self.hub.store().send_here(news);
                }
                Some(LOOK_EVERY)
            }
            Ok(false) => {
                self.leave();
                None
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot ask who may be somewhere; trying again"
                );
                Some(RETRY)
            }
        };
        self.look_at = again.map(|after| Instant::now() + after);
    }

    /// What the page is to be told, if it is something else than before.
    fn news(&mut self) -> Option<Utf8Bytes> {
        let company = self.hub.presence().company(self.visit.as_ref()?);
        if self.told.as_ref() == Some(&company) {
            return None;
        }
        self.told = Some(company.clone());
        match serde_json::to_string(&MyFrame::Here { here: company }) {
            Ok(text) => Some(text.into()),
            Err(error) => {
                tracing::error!(%error, "a live frame could not be written");
                None
            }
        }
    }

    fn leave(&mut self) {
        self.told = None;
        if let Some(visit) = self.visit.take() {
            self.hub.store().send_here(self.hub.presence().leave(&visit));
        }
    }
}

impl Drop for Attending {
    /// Also where the task was aborted: nobody stays who is gone.
    fn drop(&mut self) {
        self.leave();
    }
}
