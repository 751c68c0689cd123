//! What every process does for notices: it looks for gates, and sends what is due. Mail and posts go side by side, so that a server that
//! hangs holds up its own messages and no others.

mod mails;
mod posts;

use std::{collections::BTreeMap, time::Duration};

use store::notices::gates::MOST_LINES_AT_ONCE;
use tokio_util::sync::CancellationToken;
use workflow::{
    UserId,
    notices::{Mail, StoredMail},
};

use crate::{
    Notices,
    plan::{Known, plan},
};

/// Gates at a time.
const MAX_GATES: i64 = 500;
/// Messages at a time.
const MAX_MESSAGES: i64 = 20;
/// Most looks go no further back: gates that nobody looked at before are found by the others.
const RECENT: Duration = Duration::from_mins(15);
const EVER: Duration = Duration::from_hours(100 * 365 * 24);
/// Of so many looks one goes back to the beginning, the first of all included.
const LOOK_BACK_EVERY: u32 = 60;
/// So often it is forgotten what is long over.
const FORGET_EVERY: u32 = 1_800;

/// How long after an attempt the next one is made; after the last one none is.
const BACKOFF: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
];

/// When the next attempt follows. `wish`: of the other side.
fn again(attempt: i32, wish: Option<Duration>) -> Option<Duration> {
    let n = usize::try_from(attempt.saturating_sub(1)).unwrap_or_default();
    let pause = *BACKOFF.get(n)?;
    Some(pause.max(wish.unwrap_or_default()).min(BACKOFF[BACKOFF.len() - 1]))
}

impl Notices {
    /// Until `stop`; whatever goes wrong, the next round does it.
    pub async fn run(self, stop: CancellationToken) {
        let looking = self.every(&stop, |round| self.look_once(round));
        let mailing = self.every(&stop, |_| self.send_mail());
        let posting = self.every(&stop, |_| self.send_posts());
        futures::join!(looking, mailing, posting);
    }

    /// Looks once, all the way back, and sends what is due; the number of messages that were dealt with.
    pub async fn round(&self) -> store::Result<usize> {
        self.look_once(0).await?;
        Ok(self.send_mail().await? + self.send_posts().await?)
    }

    async fn every<F>(&self, stop: &CancellationToken, work: impl Fn(u32) -> F)
    where
        F: Future<Output = store::Result<usize>>,
    {
        let mut round = 0_u32;
        loop {
            let done = match stop.run_until_cancelled(work(round)).await {
                None => return,
                Some(Ok(done)) => done,
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, "notices were not looked after; the next round does it");
                    0
                }
            };
            round = round.wrapping_add(1);
            // Where there was much, there may be more.
            let is_full = i64::try_from(done).is_ok_and(|done| done >= MAX_MESSAGES);
            let pause = if is_full { Duration::from_millis(50) } else { self.0.options.pace.look };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// The number of gates that were new, or had closed.
    async fn look_once(&self, round: u32) -> store::Result<usize> {
        let within = if round.is_multiple_of(LOOK_BACK_EVERY) { EVER } else { RECENT };
        let n_open = self.look_for_open(within).await?;
        let n_closed = self.look_for_closed().await?;
        if round % FORGET_EVERY == FORGET_EVERY - 1 {
            self.0.store.forget_notices().await?;
        }
        Ok(n_open.max(n_closed))
    }

    async fn look_for_open(&self, within: Duration) -> store::Result<usize> {
        let store = &self.0.store;
        let gates = store.unseen_gates(within, MAX_GATES).await?;
        if gates.is_empty() {
            return Ok(0);
        }
        let mut known_asked: BTreeMap<_, Vec<UserId>> = BTreeMap::new();
        let mut asked = Vec::with_capacity(gates.len());
        let mut n_lines = 0;
        for gate in &gates {
            if n_lines >= MOST_LINES_AT_ONCE {
                break;
            }
            // Gates of one map ask the same people.
            let whom = (gate.roles.clone(), gate.users.clone(), gate.owner, gate.allow_self);
            let users = if let Some(users) = known_asked.get(&whom) {
                users.clone()
            } else {
                let users = store.asked_at(gate).await?;
                known_asked.insert(whom, users.clone());
                users
            };
            n_lines += users.len();
            asked.push((gate.clone(), users));
        }
        // A map of thousands that asks thousands is looked at a part at a time.
        let noted = &gates[..asked.len()];
        let mut users: Vec<UserId> = known_asked.into_values().flatten().collect();
        users.sort_unstable();
        users.dedup();
        let choices = store.notice_choices_of(&users).await?;
        let recent: BTreeMap<_, _> = store.recent_notices().await?.into_iter().collect();
        let pace = &self.0.options.pace;
        let has_mail = self.mail().await?.0.is_set_up();
        let known = Known { choices: &choices, recent: &recent, has_mail, most_per_hour: pace.most_per_hour };
        let wanted = plan(&asked, &known);
        store.note_gates(noted, &wanted, pace.patience).await?;
        Ok(gates.len())
    }

    async fn look_for_closed(&self) -> store::Result<usize> {
        let store = &self.0.store;
        let closed = store.gates_closed(MAX_GATES).await?;
        if closed.is_empty() {
            return Ok(0);
        }
        let pace = &self.0.options.pace;
        store.close_gates(&closed, pace.patience, pace.most_per_hour).await?;
        Ok(closed.len())
    }

    /// How mail is sent now, and what admins said.
    async fn mail(&self) -> store::Result<(Mail, StoredMail)> {
        let stored = self.0.store.notice_settings().await?;
        Ok((self.0.options.mail.over(&stored), stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_further_and_further_apart_and_end() {
        let pauses: Vec<_> = (1..=6).map(|attempt| again(attempt, None)).collect();
        assert!(pauses[..5].windows(2).all(|two| two[0] < two[1]) && pauses[5].is_none());
        assert_eq!(again(1, Some(Duration::from_mins(2))), Some(Duration::from_mins(2)), "as the other side wishes");
        assert_eq!(again(1, Some(Duration::from_hours(24 * 365))), Some(Duration::from_hours(6)), "within reason");
    }
}
