//! What one of the processes does: it decides until the run has so many events, and writes down what it was told.
//! It must never look at the log to say what became of a request: only at its answers.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use futures::future::join_all;
use runs::{Answer, Ask, By, Error, Log as _};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgConnectOptions};
use workflow::{
    RunId, StepKey, UserId,
    access::{Actor, Role},
    api::RerunMode,
    run::{
        Command, State,
        command::{AttemptResult, Changes, Edit},
        event::Request,
    },
    status::ErrorClass,
};

use crate::support::{Dice, Process, WORKER, by, finished, held, version, with_content};

/// What makes a process of this program a decider.
pub(super) const ROLE: &str = "WEFT_TEST_DECIDER";
/// Asked for at the same time by each process.
const N_AT_ONCE: usize = 3;

#[derive(Serialize, Deserialize)]
pub(super) struct Decider {
    pub(super) number: usize,
    pub(super) database: String,
    pub(super) run: RunId,
    /// Whose run it is, and who asks.
    pub(super) ada: UserId,
    /// Events that the run is to have.
    pub(super) until: i64,
}

/// What became of a request, as its answer says.
#[derive(sqlx::FromRow)]
pub(super) struct Told {
    pub(super) decider: i32,
    pub(super) key: String,
    /// The event of what was done; none where it was refused, or so already.
    pub(super) done_at: Option<i64>,
}

pub(super) async fn make_tables(pool: &PgPool) {
    for table in [
        "CREATE TABLE told (decider int NOT NULL, key text PRIMARY KEY, done_at bigint)",
        "CREATE TABLE lost (decider int PRIMARY KEY, n bigint NOT NULL)",
    ] {
        sqlx::query(table).execute(pool).await.unwrap();
    }
}

pub(super) async fn told(pool: &PgPool) -> Vec<Told> {
    sqlx::query_as("SELECT decider, key, done_at FROM told").fetch_all(pool).await.unwrap()
}

pub(super) async fn n_lost(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT sum(n)::bigint FROM lost").fetch_one(pool).await.unwrap()
}

impl Decider {
    #[expect(clippy::disallowed_methods, reason = "it was started by a test, which says so here")]
    pub(super) fn this_process() -> Option<Self> {
        std::env::var(ROLE).ok().map(|text| serde_json::from_str(&text).unwrap())
    }

    pub(super) async fn decide(self, postgres: PgConnectOptions, line: i64) {
        let pool = PgPool::connect_with(postgres.database(&self.database)).await.unwrap();
        let process = Process::new(&pool).await;
        // Nobody begins before all are there.
        sqlx::query("SELECT pg_advisory_lock_shared($1), pg_advisory_unlock_shared($1)")
            .bind(line)
            .execute(&pool)
            .await
            .unwrap();
        let one = One {
            ada: Actor {
                id: self.ada,
                email: "ada@example.com".into(),
                role: Role::User,
                groups: std::collections::BTreeSet::new(),
                acts_for: Vec::new(),
            },
            process: &process,
            decider: &self,
            n: AtomicUsize::new(0),
            seen: AtomicI64::new(0),
        };
        let told = join_all((0..N_AT_ONCE).map(|n| one.ask_again_and_again(n))).await;
        for told in told.iter().flatten() {
            sqlx::query("INSERT INTO told (decider, key, done_at) VALUES ($1, $2, $3)")
                .bind(told.decider)
                .bind(&told.key)
                .bind(told.done_at)
                .execute(&pool)
                .await
                .unwrap();
        }
        sqlx::query("INSERT INTO lost (decider, n) VALUES ($1, $2)")
            .bind(self.as_int())
            .bind(i64::try_from(process.runs.stats().lost.load(Ordering::Relaxed)).unwrap())
            .execute(&pool)
            .await
            .unwrap();
    }

    fn as_int(&self) -> i32 {
        i32::try_from(self.number).unwrap()
    }
}

struct One<'a> {
    decider: &'a Decider,
    process: &'a Process,
    ada: Actor,
    /// Requests so far.
    n: AtomicUsize,
    /// The last event that an answer spoke of.
    seen: AtomicI64,
}

impl One<'_> {
    async fn ask_again_and_again(&self, seed: usize) -> Vec<Told> {
        let mut dice = Dice::new(u64::try_from(self.decider.number * 100 + seed).unwrap());
        let mut told = Vec::new();
        while self.seen.load(Ordering::Relaxed) < self.decider.until {
            if dice.roll(3) == 0 {
                self.work(&mut dice).await;
                continue;
            }
            let key = format!("{}-{}", self.decider.number, self.n.fetch_add(1, Ordering::Relaxed));
            let ask = self.person(any(&mut dice), &key);
            let done_at = self.told(self.process.runs.execute(ask.clone()).await);
            if dice.roll(8) == 0 {
                // Whoever asks once more under the same key gets no second effect, whatever was done since.
                let again = self.told(self.process.runs.execute(ask).await);
                if done_at.is_some() {
                    assert_eq!(again, None, "{key} was done");
                } else {
                    told.push(Told { decider: self.decider.as_int(), key, done_at: again });
                    continue;
                }
            }
            told.push(Told { decider: self.decider.as_int(), key, done_at });
        }
        told
    }

    /// The event of what was done, if anything was.
    fn told(&self, answer: Result<Answer, Error>) -> Option<i64> {
        let (seq, first) = match answer {
            Ok(answer) => (answer.seq, answer.events.first().map(|event| event.seq)),
            Err(Error::Refused { seq, .. }) => (seq, None),
            Err(other) => panic!("{other:?}"),
        };
        self.seen.fetch_max(seq, Ordering::Relaxed);
        first
    }

    fn person(&self, (command, text): (Command, Option<String>), key: &str) -> Ask {
        let request = Some(Request { key: key.to_owned(), hash: "x".into() });
        let ask = by(&self.ada, self.decider.run, command);
        let ask = Ask { by: By::Person { actor: self.ada.clone(), was_asked: false, request }, ..ask };
        match text {
            Some(text) => with_content(ask, &text),
            None => ask,
        }
    }

    /// What a worker does, on what this process happens to know.
    async fn work(&self, dice: &mut Dice) {
        let now = self.process.log.clock().await.unwrap();
        let look = move |state: &State| (held(state), state.claimable(now).cloned().collect::<Vec<StepKey>>());
        let known = self.process.runs.read(self.decider.run, 0, move |state| state.map(look)).await.unwrap();
        let (held, claimable) = known.expect("the run is there");
        let run = self.decider.run;
        if !claimable.is_empty() {
            let take = Command::StartSteps { worker: WORKER, build: None, steps: claimable };
            self.told(self.process.runs.execute(Ask::itself(run, take)).await);
            return;
        }
        let Some((step, attempt)) = held.first() else { return };
        let ask = if dice.roll(4) == 0 {
            let error = "no".to_owned();
            let failed = AttemptResult::Failed { class: ErrorClass::Permanent, error, retry_after_ms: None };
            Ask::itself(run, finished(step, *attempt, failed))
        } else {
            let done = finished(step, *attempt, AttemptResult::Succeeded(vec![version("made")]));
            with_content(Ask::itself(run, done), "made")
        };
        self.told(self.process.runs.execute(ask).await);
    }
}

/// What a person may want, and the text that comes with it.
fn any(dice: &mut Dice) -> (Command, Option<String>) {
    let step: StepKey = ["a", "b", "c"][dice.roll(3)].into();
    let (changes, expect_generation) = (Changes::default(), None);
    let text = format!("by hand {}", dice.roll(1_000));
    let command = match dice.roll(14) {
        0..=2 => Command::Edit(Box::new(Edit {
            step,
            outputs: vec![version(&text)],
            and_continue: dice.roll(2) == 0,
            digest: None,
            expect_generation,
        })),
        3 => Command::Supply { step, outputs: vec![version(&text)], expect_generation },
        4 => Command::Trigger { step, changes, expect_generation },
        5 => Command::Continue { step, digest: None, expect_generation },
        6 => Command::Reject { step, feedback: "again".into(), digest: None, expect_generation },
        7 => Command::Skip { step, inputs: [].into(), expect_generation },
        8 => Command::Stop { step, expect_generation },
        9 => Command::Rerun { step, mode: RerunMode::Downstream, changes, expect_generation },
        10 | 11 => Command::SetAutoRun(dice.roll(2) == 0),
        12 => Command::Pause,
        _ => Command::Resume { budget: None },
    };
    let brings = matches!(command, Command::Edit(_) | Command::Supply { .. });
    (command, brings.then_some(text))
}
