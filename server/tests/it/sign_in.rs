//! Sign-in under attack, through the router, from many addresses.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{body::Body, extract::ConnectInfo};
use http::{HeaderMap, Method, Request, header};
use sqlx::PgPool;
use tower::ServiceExt;

use crate::harness::{ANNA, PASSWORD, Server, form};

/// Posts the sign-in form from an address; the status, and the cookies that were set.
async fn sign_in(server: &Server, from: &str, password: &str, cookie: Option<&str>) -> (u16, Vec<String>) {
    let body = form(&[("email", ANNA), ("password", password)]);
    let mut request = Request::builder().method(Method::POST).uri("/_fn/login").body(Body::from(body)).unwrap();
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
    let answer = server.router.clone().oneshot(request).await.unwrap();
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
