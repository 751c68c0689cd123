//! Reads a whole run while its page is in use. Thousands of steps are read and put together some at a time, and whatever else the browser has
//! to do has its turn in between. Must never show anything: half a run is none.

use std::time::Duration;

use futures::channel::oneshot;
use leptos::prelude::{document, set_timeout};
use workflow::{
    RunId, RunView,
    run::{State, event::Effects, pieces::Assembly},
};

use crate::{
    api::{self, LoadedRun, RunInPieces},
    clock,
    error::AppError,
};

/// So many steps of the view are made at once.
const STEPS: usize = 500;
/// After so long others have their turn.
const TURN_MS: i64 = 12;

pub(super) struct Whole {
    /// With all but the steps, which are in the state.
    pub run: LoadedRun,
    pub state: State,
    pub view: RunView,
}

pub(super) async fn read(id: RunId) -> Result<Whole, AppError> {
    let RunInPieces { run, pieces } = api::whole_run(id).await?;
    let mut turn = Turn::begin();
    let mut assembly = Assembly::begin(run.snapshot.clone());
    for piece in pieces {
        turn.others().await;
        let piece: Effects = serde_json::from_str(piece.get()).map_err(|_| AppError::broke_off())?;
        assembly.add(piece);
    }
    turn.others().await;
    let state = assembly.finish();
    turn.others().await;
    let mut view = state.view_begun(&run.people);
    while state.view_more(&mut view, STEPS, &run.people) {
        turn.others().await;
    }
    turn.others().await;
    Ok(Whole { run, state, view })
}

/// Since when the browser has done nothing else.
struct Turn(i64);

impl Turn {
    fn begin() -> Self {
        Self(clock::now())
    }

    /// Lets whatever waits have its turn, if this one has taken long.
    async fn others(&mut self) {
        // Where nobody looks nobody waits, and a browser lets little be done there in each second.
        if clock::now() - self.0 < TURN_MS || document().hidden() {
            return;
        }
        let (over, is_over) = oneshot::channel::<()>();
        let tell = move || {
            // The receiver is gone where nobody waits any more.
            let _ = over.send(());
        };
        set_timeout(tell, Duration::ZERO);
        // Without a timer it goes on at once.
        let _ = is_over.await;
        *self = Self::begin();
    }
}
