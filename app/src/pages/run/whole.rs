//! Reads a whole run while its page is in use. Thousands of steps are read and put together some at a time, and whatever else the browser has
//! to do has its turn in between. Must never show anything: half a run is none.

use std::time::Duration;

use futures::channel::oneshot;
use leptos::prelude::{document, set_timeout};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use workflow::{
    RunId, RunView,
    run::{State, event::Effects, pieces::Drawing},
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

/// `graph` is given the view of all steps before what they did and made is read, where it is wanted so soon.
pub(super) async fn read(id: RunId, mut graph: Option<impl FnOnce(RunView)>) -> Result<Whole, AppError> {
    let RunInPieces { run, drawn, told } = api::whole_run(id).await?;
    // Taking the answer apart took long already, where it is long.
    let mut turn = Turn(0);
    let mut drawing = Drawing::of(run.snapshot.clone());
    for piece in drawn {
        turn.others().await;
        drawing.add(read_piece(&piece)?);
    }
    turn.others().await;
    let mut assembly = drawing.begin();
    for piece in told {
        turn.others().await;
        let piece: Effects = read_piece(&piece)?;
        // Steps come first.
        if piece.steps.is_empty()
            && let Some(graph) = graph.take()
        {
            let state = assembly.so_far();
            turn.others().await;
            let view = view_of(&state, &run, &mut turn).await;
            graph(view);
            turn.others().await;
        }
        assembly.add(piece);
    }
    turn.others().await;
    let state = assembly.finish();
    turn.others().await;
    let view = view_of(&state, &run, &mut turn).await;
    Ok(Whole { run, state, view })
}

async fn view_of(state: &State, run: &LoadedRun, turn: &mut Turn) -> RunView {
    let mut view = state.view_begun(&run.people);
    while state.view_more(&mut view, STEPS, &run.people) {
        turn.others().await;
    }
    turn.others().await;
    view
}

fn read_piece<T: DeserializeOwned>(piece: &RawValue) -> Result<T, AppError> {
    serde_json::from_str(piece.get()).map_err(|_| AppError::broke_off())
}

/// Since when the browser has done nothing else.
struct Turn(i64);

impl Turn {
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
        self.0 = clock::now();
    }
}
