//! Which addresses and settings are taken, and in which words the others are refused.

use futures::future::BoxFuture;

use super::*;

/// Posts to nobody.
#[derive(Debug)]
struct Wary;

impl Courier for Wary {
    fn test_mail<'a>(&'a self, _: &'a str) -> BoxFuture<'a, NoticeTest> {
        unreachable!("nothing is tested")
    }

    fn refuses(&self, url: &str) -> Option<String> {
        url.contains("//10.0.0.1/").then(|| "`10.0.0.1` is a private or reserved address".to_owned())
    }

    fn test_address(&self, _: NoticeAddressId) -> BoxFuture<'_, NoticeTest> {
        unreachable!("nothing is tested")
    }
}

#[test]
fn an_address_to_which_nothing_is_ever_posted_is_not_saved() {
    let check = |url: &str| checked_url(&SecretString::from(url.to_owned()), Some(&Wary));
    let refused = check("http://10.0.0.1/c4n4ry").unwrap_err().to_api();
    assert_eq!(refused.field.as_deref(), Some("url"));
    assert_eq!(refused.detail, "Nothing is posted there: `10.0.0.1` is a private or reserved address.");
    // A name is judged once it is looked up.
    assert_eq!(check("http://printer.internal/c4n4ry").unwrap(), "http://printer.internal");
}

#[test]
fn an_address_is_judged_and_never_repeated() {
    for (url, place) in [
        ("https://hooks.example.org/services/c4n4ry", Some("https://hooks.example.org")),
        ("HTTPS://Hooks.Example.org:8443/x?y=c4n4ry", Some("https://hooks.example.org:8443")),
        ("http://127.0.0.1:9000/c4n4ry", Some("http://127.0.0.1:9000")),
        ("https://hooks.example.org", Some("https://hooks.example.org")),
        ("https://user:c4n4ry@hooks.example.org/", None),
        ("https://*.example.org/c4n4ry", None),
        ("ftp://hooks.example.org/c4n4ry", None),
        ("hooks.example.org/c4n4ry", None),
        ("https://hooks.example.org/c4n4ry\r\nX-Header: y", None),
        ("https:///c4n4ry", None),
    ] {
        let checked = checked_url(&SecretString::from(url.to_owned()), None);
        match (checked, place) {
            (Ok(found), Some(place)) => assert_eq!(found, place, "{url}"),
            (Err(error), None) => assert!(!error.to_string().contains("c4n4ry"), "{error}"),
            (checked, _) => panic!("{url}: {checked:?}"),
        }
    }
}

#[test]
fn a_sender_and_a_server_are_judged() {
    for (from, is_fine) in [
        ("", true),
        ("weft@example.org", true),
        ("Weft <weft@example.org>", true),
        ("Weft <weft@example.org", false),
        ("Weft", false),
        ("a@b.c\r\nBcc: d@e.f", false),
    ] {
        assert_eq!(checked_from(from).is_ok(), is_fine, "{from:?}");
    }
    for (host, is_fine) in [("", true), ("smtp.example.org", true), ("127.0.0.1", true), ("::1", true), ("a b", false)]
    {
        assert_eq!(checked_host(host).is_ok(), is_fine, "{host:?}");
    }
}
