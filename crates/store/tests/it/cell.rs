//! The number of an installation: named once, and never another afterwards.

use sqlx::PgPool;
use store::{MIGRATOR, Store, cell::Cell};
use workflow::cell::CellNumber;

use crate::support::{World, start};

fn number(number: u16) -> Option<CellNumber> {
    CellNumber::new(number)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_number_is_kept_from_the_first_start_that_names_one(pool: PgPool) {
    let processes = [Store::from_pool(pool.clone()), Store::from_pool(pool)];
    assert_eq!(processes[0].settle_cell(None).await.unwrap(), Cell::Is(None), "and nothing is kept");
    // Several start at the same time, one of them with another number.
    let (one, other) = (processes[0].settle_cell(number(17)), processes[1].settle_cell(number(18)));
    let (one, other) = futures::join!(one, other);
    let kept = match (one.unwrap(), other.unwrap()) {
        (Cell::Is(Some(kept)), Cell::IsAnother(told)) | (Cell::IsAnother(told), Cell::Is(Some(kept))) => {
            assert_eq!(kept, told);
            kept
        }
        answers => panic!("one number wins: {answers:?}"),
    };
    for (named, answer) in [
        (None, Cell::Is(Some(kept))),
        (Some(kept), Cell::Is(Some(kept))),
        (number(0), Cell::IsAnother(kept)),
        (number(1023), Cell::IsAnother(kept)),
    ] {
        assert_eq!(processes[1].settle_cell(named).await.unwrap(), answer, "{named:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_has_runs_already_takes_no_other_number_than_theirs(pool: PgPool) {
    let world = World::new(pool).await;
    let definition = serde_json::json!({"steps": {"a": {"agent_id": "echo"}}});
    world.begin_as(start(&definition, true, world.ada.id)).await;
    assert_eq!(world.store.settle_cell(number(17)).await.unwrap(), Cell::HasRuns);
    assert_eq!(world.store.settle_cell(None).await.unwrap(), Cell::Is(None), "nothing was kept of it");
    assert_eq!(world.store.settle_cell(number(0)).await.unwrap(), Cell::Is(number(0)));
}
