//! The rules in SQL against the rules in Rust: random commands go to both, and both must say and show the same, but for the differences
//! that `known` lists. It goes when the SQL does.
//!
//! `WEFT_DIFF_COMMANDS` says how many, `WEFT_SEED` where to begin: each walk has a seed, and walks again the same way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod branches;
mod chance;
mod compare;
mod engine;
mod known;
mod outcome;
mod people;
mod settle;
mod twin;
mod verbs;
mod world;

use std::time::Instant;

use sqlx::PgPool;
use store::MIGRATOR;

use crate::{known::Tally, world::World};

/// Commands of one walk, before it is led to an end.
const STEPS: usize = 120;
/// As many walks that part are told before the test gives up.
const PARTINGS: usize = 5;

#[expect(clippy::disallowed_methods, reason = "a walk that failed is walked again by its seed")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn both_engines_say_and_show_the_same(pool: PgPool) {
    let wanted = number("WEFT_DIFF_COMMANDS", 3_000);
    let mut seed = number("WEFT_SEED", 1);
    let (pool, began) = (world::with_a_clock_of_its_own(&pool).await, Instant::now());
    let mut tally = Tally::default();
    let mut partings: Vec<String> = Vec::new();
    world::people_and_agents(&pool).await;
    while tally.n_commands() < wanted && partings.len() < PARTINGS {
        let mut world = World::new(pool.clone(), seed, std::mem::take(&mut tally)).await;
        let walked = world.walk(STEPS).await;
        if let Err(parting) = walked {
            let last = world.told.len().saturating_sub(12);
            let told = world.told[last..].join("\n        ");
            partings.push(format!("seed {seed}: {parting}\n  after {told}\n{}", world.shown()));
        }
        tally = world.tally;
        world::sweep(&pool).await;
        seed += 1;
    }
    println!("{}\n{} s, next seed {seed}", tally.report(), began.elapsed().as_secs());
    assert!(partings.is_empty(), "they part:\n{}", partings.join("\n\n"));
}
