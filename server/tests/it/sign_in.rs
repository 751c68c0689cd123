//! Sign-in under attack, through the router, from many addresses.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
};
use futures::{StreamExt, stream};
use http::{HeaderMap, Method, Request, header};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::harness::{ANNA, PASSWORD, Server, form};

/// A request that posts this from an address as the sign-in form.
fn post(from: &str, body: Body, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri("/_fn/login").body(body).unwrap();
    let headers: HeaderMap = [
        (header::HOST, "weft.test"),
        (header::ORIGIN, "http://weft.test"),
        (header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
    ]
    .into_iter()
    .chain(cookie.map(|cookie| (header::COOKIE, cookie)))
    .map(|(name, value)| (name, value.parse().unwrap()))
    .collect();
    *request.headers_mut() = headers;
    request.extensions_mut().insert(ConnectInfo(from.parse::<SocketAddr>().unwrap()));
    request
}

/// Posts the sign-in form from an address; the status, and the cookies that were set.
async fn sign_in(server: &Server, from: &str, password: &str, cookie: Option<&str>) -> (u16, Vec<String>) {
    let body = form(&[("email", ANNA), ("password", password)]);
    let answer = server.router.clone().oneshot(post(from, Body::from(body), cookie)).await.unwrap();
    let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
    let cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect();
    (answer.status().as_u16(), cookies)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_hundred_wrong_passwords_lock_out_nobody_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let (status, cookies) = sign_in(&server, "10.0.9.9:1", PASSWORD, None).await;
    let device = cookies.iter().find(|cookie| cookie.starts_with("weft_device=")).unwrap();
    assert_eq!((status, cookies.len()), (200, 2));
    let networks = ["203.0.113.7:1", "[::ffff:198.51.100.4]:1", "[2001:db8:1:2::3]:1"];
    let flood = (0..200).map(|n| sign_in(&server, networks[n % 3], "a wrong password", None));
    let statuses = futures::future::join_all(flood).await;
    let n_tried = statuses.iter().filter(|(status, _)| *status == 401).count();
    assert!(n_tried <= 30 && statuses.iter().all(|(status, _)| matches!(status, 401 | 429)), "{statuses:?}");
    for (from, cookie) in [("192.0.2.1:1", None), (networks[0], Some(device.as_str()))] {
        let began = Instant::now();
        assert_eq!(sign_in(&server, from, PASSWORD, cookie).await.0, 200, "{from}");
        assert!(began.elapsed() < Duration::from_secs(5), "answered after {:?}", began.elapsed());
    }
    server.stop().await;
}

/// As much as is read for anybody but for one byte, which never comes until this ends.
fn stuck(end: &CancellationToken, n_begun: &Arc<AtomicUsize>) -> Body {
    let (end, n_begun) = (end.clone(), Arc::clone(n_begun));
    let first = stream::once(async move {
        n_begun.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from(vec![b'x'; 4095]))
    });
    let rest = stream::once(async move {
        end.cancelled().await;
        Ok(Bytes::new())
    });
    Body::from_stream(first.chain(rest))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn slow_bodies_close_sign_in_for_nobody(pool: PgPool) {
    // More than there is room for, as from connections that a proxy passes on.
    const N: usize = 2200;
    let server = Server::start(pool).await;
    let (_, cookies) = sign_in(&server, "10.0.9.9:1", PASSWORD, None).await;
    let device = cookies.iter().find(|cookie| cookie.starts_with("weft_device=")).unwrap();
    let networks = ["203.0.113.7:1", "203.0.113.8:1", "198.51.100.4:1", "[2001:db8:1:2::3]:1"];
    let (end, n_begun) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let flood = (0..N).map(|n| {
        let request = post(networks[n % 4], stuck(&end, &n_begun), None);
        tokio::spawn(server.router.clone().oneshot(request))
    });
    let flood: Vec<_> = flood.collect();
    while n_begun.load(Ordering::SeqCst) < N {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for (from, cookie) in [("192.0.2.1:1", None), (networks[0], None), (networks[0], Some(device.as_str()))] {
        let began = Instant::now();
        assert_eq!(sign_in(&server, from, PASSWORD, cookie).await.0, 200, "{from}");
        assert!(began.elapsed() < Duration::from_secs(5), "answered after {:?}", began.elapsed());
    }
    end.cancel();
    let mut n_given_up = 0;
    for answer in flood {
        n_given_up += usize::from(answer.await.unwrap().unwrap().status() == 503);
    }
    assert!((1..N / 2).contains(&n_given_up), "{n_given_up} made room for others");
    server.stop().await;
}
