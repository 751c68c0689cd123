//! What is found and what is left, in each spelling and where a text was cut.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use workflow::status::Reason;

use super::*;
use crate::template::PercentEncoder;

const VALUE: &str = "s3cr3t/&\"value\"";

fn redactor(value: &str) -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add(&"key".into(), value);
    redactor
}

#[test]
fn a_value_is_found_in_every_spelling() {
    let redactor = redactor(VALUE);
    let basic = STANDARD.encode(format!("me:{VALUE}"));
    let shifted = STANDARD.encode(format!("abcd{VALUE}xyz"));
    for (spelled, left) in [
        (VALUE.to_owned(), "[secret key]"),
        (serde_json::json!({"echo": VALUE}).to_string(), r#"{"echo":"[secret key]"}"#),
        (r#"{"echo":"s3cr3t\/&\"value\""}"#.to_owned(), r#"{"echo":"[secret key]"}"#),
        ("a?k=s3cr3t%2F%26%22value%22&x".to_owned(), "a?k=[secret key]&x"),
        ("s3cr3t%2f%26%22value%22".to_owned(), "[secret key]"),
        ("<b>s3cr3t/&amp;&quot;value&quot;</b>".to_owned(), "<b>[secret key]</b>"),
        (hex::encode(VALUE), "[secret key]"),
    ] {
        assert_eq!(redactor.text(&spelled), left, "{spelled}");
    }
    for encoded in [basic, shifted] {
        let left = redactor.text(&encoded);
        assert!(left.contains("[secret key]") && left.len() < encoded.len() + 4, "{encoded} {left}");
    }
    assert_eq!(redactor.text("s3cr3t value"), "s3cr3t value");
}

#[test]
fn who_signs_in_by_name_and_password_is_hidden_as_the_server_reads_it() {
    let redactor = redactor(&STANDARD.encode("me:long-password"));
    assert_eq!(redactor.text("hello me, long-password is right"), "hello me, [secret key] is right");
}

#[test]
fn a_value_is_found_however_much_of_it_is_escaped() {
    let plain = redactor("abc+def/ghi==<'4'>");
    for (serializer, spelled) in [
        ("Gson", r"abc+def/ghi\u003d\u003d\u003c\u00274\u0027\u003e"),
        (".NET", r"abc\u002Bdef/ghi==\u003C\u00274\u0027\u003E"),
        ("Go, Rails", r"abc+def/ghi==\u003c'4'\u003e"),
        ("Go's pages", "abc&#43;def/ghi==&lt;&#39;4&#39;&gt;"),
        ("Handlebars", "abc+def/ghi&#x3D;&#x3D;&lt;&#x27;4&#x27;&gt;"),
        ("Mustache", "abc+def&#x2F;ghi&#x3D;&#x3D;&lt;&#39;4&#39;&gt;"),
        ("an address", "abc%2Bdef/ghi%3d%3D%3C'4'%3E"),
        ("a page in JSON", r"abc\u0026#43;def\/ghi==\u0026lt;\u0026#39;4\u0026#39;\u0026gt;"),
        ("JSON in JSON", r"abc+def/ghi\\u003d=\\u003c'4'>"),
        ("all of it", r"\u0061\u0062\u0063+def/ghi==<'4'>"),
    ] {
        assert_eq!(plain.text(&format!("é{spelled}é{spelled}")), "é[secret key]é[secret key]", "{serializer}");
        assert!(plain.is_in(&spelled.to_ascii_uppercase().replace("\\U", "\\u")), "{serializer}");
    }
    assert_eq!(plain.text(r"a\u003db %20 &amp; &#43;"), r"a\u003db %20 &amp; &#43;", "the rest is as it was");
    let escaped = redactor("ab%41cd%3Def\\/g");
    assert_eq!(escaped.text("x ab%41cd%3Def\\/g x ab%41cd\\u00253Def\\/g"), "x [secret key] x [secret key]");
    let named = redactor("[secret key]%41");
    assert!(named.text("[secret key]%41 [secret key]A").starts_with("[secret key]"), "it ends");
}

#[test]
fn no_beginning_of_a_value_is_left_where_a_text_was_cut() {
    let value = "c4n4ry+of/a=secret";
    let redactor = redactor(value);
    let mut percent = String::new();
    PercentEncoder(&mut percent).write_str(value).unwrap();
    let unicode = value.replace('+', "\\u002b").replace('/', "\\/").replace('=', "\\u003d");
    let base64 = STANDARD.encode(format!("user:{value}"));
    let digits = hex::encode(value);
    for spelled in [value, percent.as_str(), unicode.as_str(), digits.as_str(), "c4n4ry&#43;of&#x2F;a&#61;secret"] {
        for n in 1..spelled.len() {
            let left = redactor.cut(&spelled[..n]);
            assert!(left.len() < 5, "{left} of {spelled}");
        }
        let told = format!("é words {spelled}");
        assert_eq!(redactor.cut(&told[..told.len() - 1]).trim_end(), "é words", "{spelled}");
    }
    for n in 1..base64.len() {
        let told = redactor.text(&base64[..n]);
        assert!(!redactor.cut(&told).contains(&base64[7..12]), "{n}");
    }
    assert_eq!(redactor.cut("all is well"), "all is well");
}

#[test]
fn what_would_be_longer_than_it_may_be_is_given_up() {
    let redactor = redactor("c4n4ry-c");
    let many = "c4n4ry-c".repeat(1_000);
    assert!(redactor.owned(many.clone(), 9_000).is_err());
    assert_eq!(redactor.owned(many.clone(), 12_000).unwrap().len(), 12_000);
    let bytes = [&b"\xff"[..], many.as_bytes()].concat();
    assert!(redactor.bytes(bytes.clone(), 9_000).is_err());
    assert_eq!(redactor.bytes(bytes, 12_001).unwrap().len(), 12_001);
}

#[test]
fn bytes_and_an_error_are_told_without_it() {
    let redactor = redactor("c4n4ry-c4n4ry");
    let made = redactor.bytes(b"\xff\x00c4n4ry-c4n4ry\xffcc4n4ry-c4n4ry".to_vec(), 1_000).unwrap();
    assert_eq!(made, b"\xff\x00[secret key]\xffc[secret key]");
    assert!(redactor.is_in("text/C4N4RY-c4n4ry") && !redactor.is_in("text/plain"));
    let error = AgentError::new(Reason::Server, "It said c4n4ry-c4n4ry").with_retry_after(Some(7));
    let told = redactor.error(error.with_source("c4n4ry-c4n4ry"));
    assert_eq!((told.to_string().as_str(), told.retry_after_ms), ("It said [secret key]", Some(7)));
    assert!(!format!("{told:?} {redactor:?}").contains("c4n4ry"));
}
