//! Weft's turns: the same session as for its own figures, with HTTP starts, all events and a watching socket.
//! It must never be spared what it does in an installation because a peer does not do it.

use anyhow::Result;

use super::comparison::Comparison;
use crate::{lab::Lab, session::Session};

/// Its server goes on between the turns; after a failure another one begins on another database.
#[derive(Default)]
pub(crate) struct Weft {
    session: Option<Session>,
}

impl Weft {
    /// Does nothing if it is there.
    pub(crate) async fn start(&mut self, lab: &mut Lab) -> Result<()> {
        if self.session.is_none() {
            self.session = Some(lab.session().await?);
        }
        Ok(())
    }

    /// One repeat, in seconds.
    pub(crate) async fn run(&mut self, lab: &mut Lab, comparison: Comparison) -> Result<f64> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => lab.session().await?,
        };
        let batch = session.batch(comparison.shape(), comparison.n_runs()).await?;
        self.session = Some(session);
        Ok(batch.over)
    }

    pub(crate) async fn stop(self, lab: &mut Lab) {
        if let Some(session) = self.session {
            lab.give_back(session).await;
        }
    }
}
