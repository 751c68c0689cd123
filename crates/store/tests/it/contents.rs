//! What runs made: versions with their bytes, wherever these stand, the chunks of large content and their collection, and transcripts.

use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;
use store::{MIGRATOR, Window};
use workflow::{
    ArtifactId, RunId, StepKey,
    hash::sha256_hex,
    run::{Command, command::Edit, state::NewVersion},
    status::Origin,
    transcript::Transcript,
};

use crate::support::{World, version, with_content};

fn edit(outputs: Vec<NewVersion>) -> Command {
    Command::Edit(Box::new(Edit {
        step: "a".into(),
        outputs,
        and_continue: false,
        digest: None,
        expect_generation: None,
    }))
}

/// A run whose one step wrote `a`.
async fn made(world: &World) -> RunId {
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    run
}

async fn latest(world: &World, run: RunId) -> ArtifactId {
    world.process.look(run, |state| state.latest(&"a".into()).next().unwrap().id).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn content_is_read_from_its_row_from_its_chunks_and_through_copies(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = made(&world).await;
    let inline = latest(&world, run).await;

    // Two chunks and a bit, written before.
    let large = "0123456789abcdef".repeat(150_000);
    world.store.put_blob(&sha256_hex(large.as_bytes()), large.as_bytes()).await.unwrap();
    let chunked = version(&large);
    let (chunked_id, step) = (chunked.id, StepKey::new("a"));
    world.process.verb(run, &world.ada, edit(vec![chunked.clone()])).await.unwrap();

    // Of both, in another run.
    let other = made(&world).await;
    let copies = [
        NewVersion { copy_of: Some(inline), id: ArtifactId(uuid::Uuid::now_v7()), ..version("a") },
        NewVersion { copy_of: Some(chunked_id), id: ArtifactId(uuid::Uuid::now_v7()), ..chunked },
    ];
    for copy in copies.clone() {
        world.process.verb(other, &world.ada, edit(vec![copy])).await.unwrap();
    }
    world.process.check(other).await;

    let ids = [inline, chunked_id, copies[0].id, copies[1].id, ArtifactId(uuid::Uuid::now_v7())];
    let contents = world.store.artifact_contents(&ids).await.unwrap();
    assert_eq!(contents.len(), 4, "one is not there");
    for (id, text) in ids.iter().zip(["a", &large, "a", &large]) {
        assert_eq!(contents[id], text.as_bytes());
    }

    let (meta, bytes) = world.store.artifact(run, chunked_id).await.unwrap().unwrap();
    assert_eq!((meta.version, meta.is_latest, meta.origin, bytes.len()), (2, true, Origin::HumanEdit, large.len()));
    assert_eq!((meta.made_by.as_deref(), meta.parent), (Some("ada@example.com"), Some(inline)));
    let (meta, _) = world.store.artifact(run, inline).await.unwrap().unwrap();
    assert_eq!((meta.is_latest, meta.origin, meta.attempt), (false, Origin::Agent, Some(1)));
    assert_eq!(world.store.artifact(other, inline).await.unwrap(), None, "it is of another run");
    let size = world.store.artifact_size(run, chunked_id).await.unwrap();
    assert_eq!(size, Some((i64::try_from(large.len()).unwrap(), "text/plain".to_owned())));

    let (mut versions, mut after) = (Vec::new(), None::<String>);
    loop {
        let window = Window { after: after.as_deref(), limit: 2 };
        let page = world.store.artifact_versions(other, Some(&step), Some("text"), window).await.unwrap();
        versions.extend(page.items.iter().map(|meta| (meta.version, meta.is_latest)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(versions, [(1, false), (2, false), (3, true)]);

    sqlx::query("UPDATE blob_chunks SET bytes = substr(bytes, 2) WHERE n = 1").execute(&pool).await.unwrap();
    let error = world.store.artifact_contents(&[chunked_id]).await.unwrap_err();
    assert!(error.to_string().contains("blob_chunks.bytes"), "a truncated artifact is none: {error}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn content_that_nothing_refers_to_is_collected_once_it_is_old(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = made(&world).await;
    let put = async |text: &str| world.store.put_blob(&sha256_hex(text.as_bytes()), text.as_bytes()).await.unwrap();
    for text in ["needed", "orphan", "written again"] {
        put(text).await;
    }
    world.process.verb(run, &world.ada, edit(vec![version("needed")])).await.unwrap();
    assert_eq!(world.store.collect_blobs().await.unwrap(), 0, "all are young");
    sqlx::query("UPDATE blobs SET created_at = created_at - interval '26 hours'").execute(&pool).await.unwrap();
    put("written again").await;
    assert_eq!(world.store.collect_blobs().await.unwrap(), 1);
    let id = latest(&world, run).await;
    assert_eq!(world.store.artifact_contents(&[id]).await.unwrap()[&id], b"needed");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM blob_chunks").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 2, "chunks go with their blob");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn small_content_goes_with_its_commit(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = made(&world).await;
    let ask = with_content(crate::support::by(&world.ada, run, edit(vec![version("mine")])), "mine");
    world.process.runs.execute(ask).await.unwrap();
    let id = latest(&world, run).await;
    assert_eq!(world.store.artifact_contents(&[id]).await.unwrap()[&id], b"mine");
    let blobs: i64 = sqlx::query_scalar("SELECT count(*) FROM blobs").fetch_one(&pool).await.unwrap();
    assert_eq!(blobs, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_transcript_is_kept_by_run_step_and_attempt(pool: PgPool) {
    let world = World::new(pool).await;
    let (run, step) = (made(&world).await, StepKey::new("a"));
    let transcript = Transcript::default();
    assert_eq!(world.store.transcript(run, &step, 1).await.unwrap(), None);
    for _ in 0..2 {
        world.store.keep_transcript(run, &step, 1, &transcript).await.unwrap();
    }
    assert_eq!(world.store.transcript(run, &step, 1).await.unwrap(), Some(transcript));
    assert_eq!(world.store.transcript(run, &step, 2).await.unwrap(), None);
    let large = Transcript { model: "m".repeat(40_000), ..Transcript::default() };
    let small = |n: i32| Transcript { model: format!("m{n}"), ..Transcript::default() };
    let kept = join_all((3..60).map(|n| {
        let (store, step, transcript) =
            (world.store.clone(), step.clone(), if n == 3 { large.clone() } else { small(n) });
        async move { store.keep_transcript(run, &step, n, &transcript).await }
    }));
    assert!(kept.await.iter().all(Result::is_ok));
    assert_eq!(world.store.transcript(run, &step, 3).await.unwrap(), Some(large));
    for n in [4, 30, 59] {
        assert_eq!(world.store.transcript(run, &step, n).await.unwrap(), Some(small(n)));
    }
    // Of two at once one stays.
    let both = [70, 71].map(|n| {
        let (store, step) = (world.store.clone(), step.clone());
        async move { store.keep_transcript(run, &step, 2, &small(n)).await }
    });
    assert!(join_all(both).await.iter().all(Result::is_ok));
    let kept = world.store.transcript(run, &step, 2).await.unwrap().unwrap();
    assert!(["m70", "m71"].contains(&kept.model.as_str()), "{kept:?}");
    world.store.keep_prompt("h", "Write").await.unwrap();
    world.store.keep_prompt("h", "Write").await.unwrap();
    let prompts = world.store.prompts(&["h".to_owned(), "other".to_owned()]).await.unwrap();
    assert_eq!(prompts, [("h".to_owned(), "Write".to_owned())].into());
}
