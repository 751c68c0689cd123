//! The inbox: what a gate says is theirs is what a decision there is told, and two who decide many at once decide each of them once.

use serde_json::json;
use sqlx::PgPool;
use workflow::{
    StepKey,
    api::{DecideGate, DecideMany, Decision, GateOutcome},
};

use super::{
    World, body,
    gates::{BEN, waiting},
};
use crate::{inbox, steps};

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
                        assert!(closed.to_api().status == 404 && told.is_err(), "{review}: {told:?}")
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
        gates.push(DecideGate {
            run_id: run.id,
            step: first.clone(),
            content_hash: run.review_digest(&first),
            expect_generation: run.step(&first).unwrap().generation,
        });
    }
    let many = DecideMany { decision: Decision::Approve, feedback: None, gates };
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
    let outcomes = |answers: &[workflow::api::GateAnswer]| -> Vec<GateOutcome> {
        answers.iter().map(|answer| answer.outcome).collect()
    };
    assert_eq!(outcomes(&again), outcomes(&ben));
}
