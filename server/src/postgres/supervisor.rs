//! Watches over the cluster while a server uses it, and starts it again when it died.
//! A plain thread: it must go on when the async runtime is busy, and it blocks.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::server::Server;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A cluster that lived this long is given a fresh start.
const STEADY_AFTER: Duration = Duration::from_mins(1);

pub(super) struct Supervisor {
    /// Dropped to stop the thread.
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Supervisor {
    pub(super) fn start(server: Arc<Server>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || watch(&server, &stopped));
        Self { stop, thread }
    }

    pub(super) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that watches over Postgres panicked");
        }
    }
}

fn watch(server: &Server, stopped: &mpsc::Receiver<()>) {
    let waits = |pause| matches!(stopped.recv_timeout(pause), Err(mpsc::RecvTimeoutError::Timeout));
    let mut pause = FIRST_PAUSE;
    let mut started = Instant::now();
    while waits(LOOK_EVERY) {
        if server.is_alive() {
            if started.elapsed() > STEADY_AFTER {
                pause = FIRST_PAUSE;
            }
            continue;
        }
        tracing::error!("Postgres is gone; starting it again");
        match server.restart() {
            Ok(()) => tracing::info!("Postgres is back"),
            Err(error) => tracing::error!("cannot start Postgres: {error}"),
        }
        started = Instant::now();
        if !waits(pause) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
