//! What a request costs before anybody knows who asks, and how much is taken from those who are known.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use app::App;
use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, Method, header};
use server::http::For;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::harness::{Client, RUNS, Server};

const KIB: usize = 1024;

/// Brackets without end, counted.
fn brackets(n_read: &Arc<AtomicUsize>) -> Body {
    let n_read = Arc::clone(n_read);
    Body::from_stream(stream::repeat_with(move || {
        n_read.fetch_add(KIB, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from(vec![b'['; KIB]))
    }))
}

/// Every way in: method, path with ids that nobody has, and what it takes.
fn ways_in() -> Vec<(Method, String, server::http::Entry)> {
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let routes = server::http::routes().into_iter().map(|route| {
        let filled = route.path.split('/').map(|part| if part.starts_with('{') { nowhere } else { part });
        (route.method.clone(), filled.collect::<Vec<_>>().join("/"), route.entry)
    });
    let functions = server::http::functions().map(|(name, entry)| (Method::POST, format!("/_fn/{name}"), entry));
    routes.chain(functions).collect()
}

async fn send(client: &Client, method: &Method, path: &str, body: Body) -> u16 {
    let headers: HeaderMap = [(header::CONTENT_TYPE, "application/json".parse().unwrap())].into_iter().collect();
    client.send(method.clone(), path, headers, body).await.status.as_u16()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nothing_is_read_of_a_body_before_it_is_known_who_sends_it(pool: PgPool) {
    let server = Server::start(pool).await;
    for (method, path, entry) in ways_in() {
        let n_read = Arc::new(AtomicUsize::new(0));
        let status = send(&server.nobody, &method, &path, brackets(&n_read)).await;
        let n_read = n_read.load(Ordering::SeqCst);
        if entry.is_for == For::Everybody && entry.is_streamed {
            // A secret is looked at first.
            assert_eq!((status, n_read), (404, 0), "{path}");
        } else if entry.is_for == For::Everybody {
            assert_eq!((status, entry.limit), (413, 4 * KIB), "{path}");
            assert!(n_read <= entry.limit + KIB, "{path} read {n_read} bytes");
        } else {
            assert_eq!((status, n_read), (401, 0), "{method} {path}");
        }
    }
    let open: BTreeSet<_> =
        server::http::functions().filter(|(_, entry)| entry.is_for == For::Everybody).map(|(name, _)| name).collect();
    assert_eq!(open, BTreeSet::from(["create_first_admin", "current_user", "login", "logout", "setup_state"]));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn each_way_in_takes_no_more_than_it_needs(pool: PgPool) {
    let server = Server::start(pool).await;
    for (method, path, entry) in ways_in() {
        if entry.is_for == For::Workers || entry.is_streamed {
            let n_read = Arc::new(AtomicUsize::new(0));
            let status = send(&server.admin, &method, &path, brackets(&n_read)).await;
            assert!([403, 404].contains(&status) && n_read.load(Ordering::SeqCst) == 0, "{method} {path}: {status}");
            continue;
        }
        let n_read = Arc::new(AtomicUsize::new(0));
        let status = send(&server.admin, &method, &path, brackets(&n_read)).await;
        assert!(status != 413 || entry.limit > 0, "{method} {path}: what reads nothing finds nothing too large");
        assert!(status == 413 || entry.limit == 0, "{method} {path}: {status}");
        let n_read = n_read.load(Ordering::SeqCst);
        assert!(n_read <= if entry.limit == 0 { 0 } else { entry.limit + KIB }, "{path} read {n_read} bytes");
        let takes_much = entry.limit > 64 * KIB;
        let is_about_content = [
            "start", "trigger", "edit", "reject", "skip", "supply", "rerun", "prompt", "adopt", "agent", "try_", "pin",
            "import", "decide", "batch",
        ]
        .iter()
        .any(|word| path.contains(word))
            || path.contains("template")
            || path.contains("save_draft")
            || path == RUNS;
        assert!(!takes_much || is_about_content, "{path} takes {} bytes", entry.limit);
    }
    let answer = send(&server.anna, &Method::POST, RUNS, Body::from(vec![b'['; 6 * KIB * KIB])).await;
    assert_eq!(answer, 400, "what is read is still no JSON");
    server.stop().await;
}

#[test]
fn every_server_function_is_in_the_table() {
    // Linked in with the app, where they register themselves.
    let _ = leptos_axum::generate_route_list(App);
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    let listed: BTreeSet<_> = server::http::functions().map(|(name, _)| format!("/_fn/{name}")).collect();
    assert_eq!(registered, listed);
    assert_eq!(server::http::functions().count(), listed.len(), "each once");
}

/// A megabyte at once; the rest never comes, until it ends.
fn stuck(end: &Arc<Notify>, is_read: &Arc<AtomicBool>) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let (end, is_read) = (Arc::clone(end), Arc::clone(is_read));
    let rest = stream::once(async move {
        is_read.store(true, Ordering::SeqCst);
        end.notified().await;
        Ok(Bytes::new())
    });
    stream::iter((0..5).map(|_| Ok(Bytes::from(vec![b' '; KIB * KIB])))).chain(rest)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_person_cannot_fill_the_memory_for_bodies(pool: PgPool) {
    let server = Server::start(pool).await;
    let end = Arc::new(Notify::new());
    let mut under_way = Vec::new();
    for _ in 0..3 {
        let (client, is_read) = (server.anna.clone(), Arc::new(AtomicBool::new(false)));
        let body = Body::from_stream(stuck(&end, &is_read));
        under_way.push(tokio::spawn(async move { send(&client, &Method::POST, RUNS, body).await }));
        while !is_read.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    // Fifteen of her sixteen megabytes are held.
    let two = || Body::from(vec![b' '; 2 * KIB * KIB]);
    assert_eq!(send(&server.anna, &Method::POST, RUNS, two()).await, 429);
    assert_eq!(send(&server.ben, &Method::POST, RUNS, two()).await, 400, "others are read");
    for request in under_way {
        end.notify_waiters();
        assert_eq!(request.await.unwrap(), 400);
    }
    assert_eq!(send(&server.anna, &Method::POST, RUNS, two()).await, 400, "and all of it came back");
    server.stop().await;
}
