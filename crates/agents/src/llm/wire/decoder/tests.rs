//! Frames however they are cut and spelled, and what is refused of them.

use super::*;

/// What the decoder makes of bytes, cut anywhere.
fn decode(bytes: &[u8]) -> String {
    let all = decode_in(&[bytes]);
    let split: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode_in(&split), all, "cut between any two bytes");
    all
}

fn decode_in(chunks: &[&[u8]]) -> String {
    let mut decoder = Decoder::default();
    let mut result = Ok(());
    for chunk in chunks {
        result = result.and_then(|()| decoder.push(chunk));
    }
    result = result.and_then(|()| decoder.end());
    let mut shown: Vec<String> = decoder
        .frames
        .into_iter()
        .map(|frame| match frame {
            Frame::Document(document) | Frame::Body(document) => document.to_string(),
            Frame::Error(document) => format!("error {document}"),
            Frame::Done => "done".to_owned(),
        })
        .collect();
    match result {
        Ok(()) => {}
        Err(Fault::Unreadable(text)) => shown.push(format!("unreadable {text:?}")),
        Err(fault) => shown.push(format!("{fault:?}")),
    }
    shown.join(" ")
}

#[test]
fn every_framing_in_use_is_read() {
    let table = [
        ("data: {\"a\":1}\n\ndata: [DONE]\n\n", r#"{"a":1} done"#),
        ("data:{\"a\":1}\r\n\r\ndata:[DONE]\r\n\r\n", r#"{"a":1} done"#),
        ("data: {\"a\":1}\r\rdata: [DONE]\r\r", r#"{"a":1} done"#),
        ("\u{feff}data: 1\n\n", "1"),
        (": OPENROUTER PROCESSING\n\n: ping\n\ndata: 1\n\n", "1"),
        ("event: message_start\ndata: {\"é\":\"…\"}\n\n", r#"{"é":"…"}"#),
        ("id: 7\nretry: 10\nevent: x\ndata: 1\n\n", "1"),
        ("data: {\"a\":\ndata: 1}\n\n", r#"{"a":1}"#),
        ("data: 1\ndata: [DONE]\n\n", "1 done"),
        ("data: 1\n\ndata:\n\ndata\n\n", "1"),
        // The document below its name, and spread over lines of which only the first has one.
        ("data:\n {\"a\":1}\n\ndata:\n {\"a\":2}\n\ndata:\n [DONE]\n\n", r#"{"a":1} {"a":2} done"#),
        (
            "data: {\n  \"a\" : [\n    {\"b\": 1},\n    -2\n  ]\n}\n\nevent: x\ndata:\n{\n\"c\": 3\n}\n\n",
            r#"{"a":[{"b":1},-2]} {"c":3}"#,
        ),
        ("data: {\"a\":1}\nunknown: {\"b\":2}\n\n", r#"{"a":1}"#),
        ("data: {\"a\":1}\n{\"error\":\"x\"}\n\n", r#"{"a":1} {"error":"x"}"#),
        (" data: {\"a\":1}\n\n data: {\"a\":2}\n\n", r#"{"a":1} {"a":2}"#),
        ("data: {\n\"a\":", ""),
        // Without its blank line, an event counts if it is whole.
        ("data: 1\n\ndata: 2", "1 2"),
        ("data: 1\n\ndata: {\"a\":", "1"),
        ("event: error\ndata: {\"m\":1}\n\n", r#"error {"m":1}"#),
        ("event: error\ndata: overloaded\n\n", r#"error "overloaded""#),
        ("error: {\"m\":1}\n\n", r#"error {"m":1}"#),
        // An error in the event of a document that broke off.
        (
            "data: 1\n\ndata: {\"type\":\"response.completed\",\"response\":{\"id\ndata: {\"type\":\"error\",\"error\":{\"message\":\"stream_read_error\"}}\n\n",
            r#"1 error {"type":"error","error":{"message":"stream_read_error"}}"#,
        ),
        ("data: not {json\n\n", r#"unreadable "not {json""#),
        // What only keeps the connection alive, and what stands before the first event.
        ("data: 1\n\ndata: ping\n\ndata: [HEARTBEAT]\n\ndata: 2\n\n", "1 2"),
        ("OK\n\ndata: 1\n\n", "1"),
        ("OK\nso\n", r#"unreadable "OK\nso\n""#),
        // Frames in frames, and behind each other.
        ("data: data: {\"a\":1}\n\n", r#"{"a":1}"#),
        ("data: {\"a\":1}data: {\"a\":2}\n\ndata: {\"a\":3}data: [DONE]\n\n", r#"{"a":1} {"a":2} {"a":3} done"#),
        // What comes after the end is nobody's, and what came before something broken counts.
        ("data: 1\n\ndata: [DONE]\n\ndata: {garbage\n\n", "1 done"),
        ("data: 1\n\n[DONE]\n\ndata: {garbage\n\n", "1 done"),
        ("data: 1\n\ndata: {garbage\n\n", r#"1 unreadable "{garbage""#),
        // An error outside of any event.
        ("data: 1\n\n{\"error\":\"x\"}\n\n", r#"1 {"error":"x"}"#),
        // What a strict reader refuses.
        ("data: {\"a\":NaN,\"b\":\"x\ty\\ud83d\"}\n\n", "{\"a\":null,\"b\":\"x\\ty\u{FFFD}\"}"),
        // A character in two halves, and halves of which the other never came.
        ("data: {\"a\":\"x\\ud83d\"}\n\ndata: ping\n\ndata: {\"a\":\"\\ude00y\"}\n\n", "{\"a\":\"x\"} {\"a\":\"😀y\"}"),
        (
            "{\"a\":\"x\\ud83d\"}\n{\"a\":\"\\ude00\\ud83d\"}\n{\"a\":\"\\ude00\"}\n",
            "{\"a\":\"x\"} {\"a\":\"😀\"} {\"a\":\"😀\"}",
        ),
        ("data: {\"a\":\"\\ud83d\"}\n\ndata: [DONE]\n\n", "{\"a\":\"\u{FFFD}\"} done"),
        ("data: {\"a\":\"\\ud83d\"}\n\ndata: {garbage\n\n", "{\"a\":\"\u{FFFD}\"} unreadable \"{garbage\""),
        // A list that broke off: what came of it.
        ("[{\"a\":1},\n{\"a\":2},\n{\"a\":", r#"{"a":1} {"a":2}"#),
        ("[{\"a\":1},{\"a\":2}", r#"{"a":1} {"a":2}"#),
        ("{\"a\":1}\n{\"a\":2}\n\n", r#"{"a":1} {"a":2}"#),
        ("{\"a\":1}\n{\"a\":", r#"{"a":1}"#),
        ("{\n\"a\":", ""),
        ("\n {\n  \"a\": 1\n}\n", r#"{"a":1}"#),
        ("[{\"a\":1}\n,\r\n{\"a\":2}]", r#"{"a":1} {"a":2}"#),
        ("<html>\n<body>", r#"unreadable "<html>\n<body>""#),
    ];
    for (bytes, expected) in table {
        assert_eq!(decode(bytes.as_bytes()), expected, "{bytes:?}");
    }
    assert_eq!(decode(b""), "");
}

#[test]
fn no_line_event_or_body_outgrows_an_answer() {
    for begin in ["data: ", "event: ", "", "{"] {
        let mut decoder = Decoder::default();
        let fault = std::iter::once(begin.as_bytes().to_vec())
            .chain(std::iter::repeat_with(|| vec![b'x'; 1024 * 1024]).take(20))
            .find_map(|chunk| decoder.push(&chunk).err());
        assert!(matches!(fault, Some(Fault::TooLarge)), "{begin:?}: {fault:?}");
    }
    let mut decoder = Decoder::default();
    let line = [&b"data: "[..], &vec![b'x'; 1024 * 1024], b"\n"].concat();
    let fault = (0..20).find_map(|_| decoder.push(&line).err());
    assert!(matches!(fault, Some(Fault::TooLarge)), "one event of many lines: {fault:?}");
}
