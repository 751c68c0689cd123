//! Between a socket and the task of its feed: what the peer asks for goes in, frames go out, and reading takes turns.
//! Only waiting is ever interrupted here. What reads from the database is awaited to its end: [`Link::read`].

use std::{sync::Arc, time::Duration};

use axum::extract::ws::Utf8Bytes;
use tokio::{
    sync::{
        mpsc::{self, OwnedPermit},
        watch,
    },
    time::sleep,
};
use workflow::api::Follow;

use super::seat::Seat;

const RETRY: Duration = Duration::from_secs(1);

/// What a socket sends, once it knows from where. Runs in a task of its own.
pub(super) trait Feed: Send + 'static {
    /// Whether its peer may say where it is, to hear who else is there.
    const HAS_PLACES: bool = false;

    /// Until the socket is gone.
    fn run(self, link: Link) -> impl Future<Output = ()> + Send;
}

pub(super) struct Link {
    asked: watch::Receiver<Follow>,
    frames: mpsc::Sender<Vec<Utf8Bytes>>,
    seat: Arc<Seat>,
}

/// What ended waiting before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interrupted {
    /// The peer begins anew.
    Again(Follow),
    Gone,
}

impl Link {
    pub(super) fn new(asked: watch::Receiver<Follow>, frames: mpsc::Sender<Vec<Utf8Bytes>>, seat: Arc<Seat>) -> Self {
        Self { asked, frames, seat }
    }

    /// What the peer asks for first; none if it never does.
    pub(super) async fn first(&mut self) -> Option<Follow> {
        match self.until(std::future::pending::<()>()).await {
            Err(Interrupted::Again(from)) => Some(from),
            Ok(()) | Err(Interrupted::Gone) => None,
        }
    }

    /// Waits for something that may be dropped at any await: never for the database.
    pub(super) async fn until<T>(&mut self, wait: impl Future<Output = T> + Send) -> Result<T, Interrupted> {
        tokio::select! {
            done = wait => Ok(done),
            asked = self.asked.changed() => Err(match asked {
                Ok(()) => Interrupted::Again(*self.asked.borrow_and_update()),
                Err(_) => Interrupted::Gone,
            }),
        }
    }

    /// The place of the next frames, as soon as those before them were taken. Who reads much takes it first: what nobody takes is not read.
    pub(super) async fn place(&mut self) -> Result<OwnedPermit<Vec<Utf8Bytes>>, Interrupted> {
        let sender = self.frames.clone();
        self.until(sender.reserve_owned()).await?.map_err(|_| Interrupted::Gone)
    }

    /// Hands frames over, as soon as those before them were taken.
    pub(super) async fn send(&mut self, frames: Vec<Utf8Bytes>) -> Result<(), Interrupted> {
        self.place().await?.send(frames);
        Ok(())
    }

    /// Reads from the database in this person's turn, again and again until it answers.
    pub(super) async fn read<T, F>(&mut self, call: impl Fn() -> F + Send) -> Result<T, Interrupted>
    where
        T: Send,
        F: Future<Output = store::Result<T>> + Send,
    {
        loop {
            let turn = self.seat.turn().await;
            if self.frames.is_closed() {
                return Err(Interrupted::Gone);
            }
            match call().await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    drop(turn);
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot read for a socket; trying again");
                    self.until(sleep(RETRY)).await?;
                }
            }
        }
    }

    /// Waits as long as replaying `n` events costs.
    pub(super) async fn pace(&mut self, n: usize) -> Result<(), Interrupted> {
        let wait = self.seat.replayed(n);
        if wait.is_zero() { Ok(()) } else { self.until(sleep(wait)).await }
    }
}
