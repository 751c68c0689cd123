//! The inbox: what a gate says is theirs is what a decision there is told, and two who decide many at once decide each of them once.

use serde_json::json;
use sqlx::PgPool;
use workflow::{
    RunView, StepKey,
    api::{DecideGate, DecideMany, Decision, GateAnswer, GateOutcome},
    run::event::EventKind,
};

use super::{
    World, body, chain,
    gates::{BEN, waiting},
};
use crate::{inbox, runs, steps, templates};

/// What a decision about a step names that was shown as it is now.
fn named(run: &RunView, step: &StepKey) -> DecideGate {
    DecideGate {
        run_id: run.id,
        step: step.clone(),
        content_hash: run.review_digest(step),
        expect_generation: run.step(step).unwrap().generation,
    }
}

fn approval(gates: Vec<DecideGate>) -> DecideMany {
    DecideMany { decision: Decision::Approve, feedback: None, gates }
}

fn outcomes(answers: &[GateAnswer]) -> Vec<GateOutcome> {
    answers.iter().map(|answer| answer.outcome).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_gate_says_is_theirs_is_what_a_decision_is_told(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let first = StepKey::new("first");
    for review in [
        json!({"mode": "always"}),
        json!({"mode": "always", "allow_self": false}),
        json!({"mode": "always", "assignees": {"users": [BEN]}}),
        json!({"mode": "always", "quorum": 2, "assignees": {"users": [BEN]}}),
    ] {
        for who in [&world.admin, &world.ada, &world.ben] {
            let run = waiting(&world, review.clone()).await.id;
            // The second time they may have voted, or it may be over.
            for _ in 0..2 {
                let read = inbox::reading(who, run, &first).await.map(|reading| reading.may);
                let told = steps::approve(who, run, &first, body(json!({})), None).await;
                match (read, told) {
                    (Ok(may), Ok(_)) => assert!(may.approve, "{review}: {may:?}"),
                    (Ok(may), Err(refused)) => {
                        assert!(!may.approve, "{review}: {may:?}");
                        assert_eq!(may.why_not, Some(refused.to_api().detail), "{review}");
                    }
                    (Err(closed), told) => {
                        assert!(closed.to_api().status == 404 && told.is_err(), "{review}: {told:?}");
                    }
                }
            }
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_who_decide_many_at_once_decide_each_of_them_once(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let first = StepKey::new("first");
    let mut gates = Vec::new();
    for _ in 0..6 {
        let run = waiting(&world, json!({"mode": "always", "assignees": {"users": [BEN]}})).await;
        gates.push(named(&run, &first));
    }
    let many = approval(gates);
    let (ben, admin) = futures::future::join(
        inbox::decide_many(&world.ben, &many, Some("of-ben".into())),
        inbox::decide_many(&world.admin, &many, Some("of-admin".into())),
    )
    .await;
    let (ben, admin) = (ben.unwrap(), admin.unwrap());
    assert_eq!(ben.len(), many.gates.len());
    for ((gate, ben), admin) in many.gates.iter().zip(&ben).zip(&admin) {
        assert_eq!((gate.run_id, gate.run_id), (ben.run_id, admin.run_id), "in the order they were named");
        let both = (ben.outcome, admin.outcome);
        assert!(
            matches!(both, (GateOutcome::Done, GateOutcome::Gone) | (GateOutcome::Gone, GateOutcome::Done)),
            "{both:?}: {ben:?} {admin:?}"
        );
    }
    // The answers were lost: asked again, they are the same.
    let again = inbox::decide_many(&world.ben, &many, Some("of-ben".into())).await.unwrap();
    assert_eq!(outcomes(&again), outcomes(&ben));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_the_database_did_not_take_is_said_and_decided_when_it_is_asked_again(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let (ada, first, second) = (&world.ada, StepKey::new("first"), StepKey::new("second"));
    let mut definition = chain();
    definition["steps"]["first"]["review"] = json!({"mode": "always"});
    definition["steps"]["second"] = definition["steps"]["first"].clone();
    definition["steps"]["second"]["title"] = json!("Second");
    let template = world.template(&definition).await.id;
    templates::publish(&world.admin, template).await.unwrap();
    let id = world.start(ada, template).await.id;
    for step in [&first, &second] {
        steps::supply(ada, id, step, body(json!({"outputs": {"text": "draft"}})), None).await.unwrap();
    }
    let run = runs::get(ada, id).await.unwrap();
    let many = approval(vec![named(&run, &first), named(&run, &second)]);
    let decide = async || inbox::decide_many(ada, &many, Some("k".into())).await;
    world.process.is_gone_after(0);
    let refused = decide().await.unwrap_err().to_api();
    assert_eq!(refused.status, 503, "nothing is known of any: {}", refused.detail);
    world.process.is_gone_after(1);
    let answers = decide().await.unwrap();
    assert_eq!(outcomes(&answers), [GateOutcome::Done, GateOutcome::Refused]);
    let why = answers[1].message.as_deref().unwrap_or_default();
    assert!(why.contains("Try again"), "{why}");
    world.process.is_gone_after(usize::MAX);
    assert_eq!(outcomes(&decide().await.unwrap()), [GateOutcome::Done, GateOutcome::Done]);
    let events = runs::events(ada, id, None).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::StepApproved).count(), 2, "each of them once");
}
