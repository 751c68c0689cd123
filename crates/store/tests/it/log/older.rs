//! Logs that an older process wrote, kept as it stored them: without anything that became part of an event later.
//! Each line of the file is one run, and nothing in it may ever be changed: whoever makes one of them unreadable, or the same events tell
//! something else, breaks the runs of everybody who updates.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use runs::{AskId, CommitId, Log as _, Outcome, Part, RunCommit, rows::Rows};
use serde_json::Value;
use sqlx::PgPool;
use store::log::Log;
use uuid::Uuid;
use workflow::{
    hash::sha256_hex,
    resolve::MAP_PORT,
    run::{
        Command, RunEvent, State,
        command::{ChildEnded, Judged, Judgement, NewItem},
        state::{Status, Work},
    },
    status::RunStatus,
    view::{BudgetView, ConsumedInput, Usage},
};

use super::world::{Known, check, commit, log, version};

const LOGS: &str = include_str!("older.jsonl");

/// The run as that process left it: its rows as its events tell them, its events as they stood.
async fn stored(pool: &PgPool, log: &Log, texts: &[Value]) -> Known {
    let events: Vec<RunEvent> = texts.iter().map(|text| serde_json::from_value(text.clone()).unwrap()).collect();
    let mut known = Known::new();
    known.id = events[0].data.started.as_ref().unwrap().id;
    let rows = Rows::of(&State::empty(), &events);
    let events: Vec<_> = events.into_iter().map(Arc::new).collect();
    let written = RunCommit {
        run: known.id,
        id: CommitId(Uuid::now_v7()),
        expected: None,
        expected_seq: 0,
        decided_at: log.clock().await.unwrap(),
        n_rows: events.len() + rows.n_rows(),
        n_bytes: 0,
        parts: vec![Part { ask: AskId(1), events, contents: Vec::new(), message: None }],
        rows,
        start: None,
        worker: None,
        holds: BTreeSet::new(),
        frees: BTreeSet::new(),
    };
    assert_eq!(commit(log, &written).await, Outcome::Written);
    for (seq, text) in (1_i64..).zip(texts) {
        sqlx::query("UPDATE run_events SET event = $3::text::json WHERE run_id = $1 AND seq = $2")
            .bind(known.id.0)
            .bind(seq)
            .bind(text.to_string())
            .execute(pool)
            .await
            .unwrap();
    }
    known.catch_up(log).await;
    known
}

/// Answers to what wants judging first: only one of them is about what it is.
fn judged(run: &Known) -> Vec<Command> {
    let Some(step) = run.state.undecided().next() else { return Vec::new() };
    let (key, epoch) = (step.key.clone(), step.decision_epoch);
    let list = ConsumedInput { port: MAP_PORT.into(), artifact_id: None, version: None, hash: sha256_hex(b"[1]") };
    let judgements = [
        Judgement::Items { list, items: vec![NewItem { key: "k1".into(), basis: sha256_hex(b"1") }] },
        Judgement::Collected(Ok(vec![version("[]")])),
        Judgement::Condition { holds: true },
    ];
    let answer = |judgement: Judgement| {
        run.having_read(|read| {
            let judgement = judgement.clone();
            Command::Judged(Box::new(Judged { step: key.clone(), epoch, read, judgement }))
        })
    };
    judgements.into_iter().map(answer).collect()
}

/// What comes next, in the order in which it is tried.
fn next(run: &Known) -> Vec<Command> {
    let state = &run.state;
    let later = state.at + TimeDelta::days(1);
    let mut commands = vec![
        Command::Resume { budget: Some(BudgetView { tokens: Some(1_000_000), cost_micros: None }) },
        Command::SetAutoRun(true),
        Command::Reserved { steps: state.reserving().map(|(key, limits)| (key.clone(), limits.to_vec())).collect() },
    ];
    commands.extend(judged(run));
    for step in state.steps() {
        let attempt = state.attempts(&step.key).last().map_or(0, |attempt| attempt.number);
        let key = step.key.clone();
        commands.extend(match &step.status {
            Status::Running(Work::Attempt { .. }) => Some(run.finish(&key, "x")),
            Status::Running(Work::Child {}) => step.child_run.map(|child| {
                let ended = ChildEnded { step: key, child, result: Ok(vec![version("x")]), used: Usage::default() };
                Command::ChildEnded(Box::new(ended))
            }),
            Status::Running(Work::Suspended { .. }) => Some(Command::Wake { attempt, step: key, token: None }),
            _ => step.review().map(|_| Command::Continue { step: key, digest: None, expect_generation: None }),
        });
    }
    commands.push(run.take(later, 9));
    commands
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_log_that_an_older_process_wrote_is_read_and_its_run_goes_on(pool: PgPool) {
    let log = log(&pool).await;
    let (mut kinds, mut n_completed, mut has_grown) = (BTreeSet::new(), 0, false);
    for line in LOGS.lines() {
        let texts: Vec<Value> = serde_json::from_str(line).unwrap();
        kinds.extend(texts.iter().map(|event| event["kind"].as_str().unwrap().to_owned()));
        let mut run = stored(&pool, &log, &texts).await;
        has_grown |= texts.iter().any(|text| {
            let event: RunEvent = serde_json::from_value(text.clone()).unwrap();
            serde_json::to_string(&event).unwrap().len() > text.to_string().len()
        });
        check(&log, run.id).await;
        let was_over = run.state.run.status.is_terminal();
        for _ in 0..60 {
            let now = run.now(&log).await;
            let Some(decided) = next(&run).into_iter().find_map(|command| run.decide(now, &[command])) else { break };
            let decided = RunCommit { decided_at: log.clock().await.unwrap(), ..decided.commit.clone() };
            assert_eq!(commit(&log, &decided).await, Outcome::Written, "{}", run.id);
            run.catch_up(&log).await;
            if run.state.run.status.is_terminal() {
                break;
            }
        }
        if !run.state.run.status.is_terminal() {
            // It waits for somebody who is not here.
            run.tell(&log, &[Command::Cancel]).await;
        }
        n_completed += usize::from(!was_over && run.state.run.status == RunStatus::Completed);
        // Read from its beginning, what the older process wrote and what came since is one log.
        check(&log, run.id).await;
    }
    assert!(has_grown, "nothing is missing in these logs that events have now");
    assert!(n_completed >= 2, "{n_completed} of them went on to a good end");
    assert!(kinds.len() >= 30, "{kinds:?}");
    log.close().await;
}
