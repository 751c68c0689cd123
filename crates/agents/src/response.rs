//! What an HTTP answer or its absence means for a retry: status, failure and `Retry-After` as error classes.
//! It must decide by status and error kind only, never by the text of a body.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use reqwest::{
    StatusCode,
    header::{CONTENT_ENCODING, HeaderMap},
};
use workflow::status::Reason;

/// Bytes of an error body that are read for its message.
pub(crate) const MAX_ERROR_BYTES: usize = 4 * 1024;

/// Ten years.
const LONGEST_WAIT_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

pub(crate) fn class_of(status: StatusCode) -> Reason {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Unauthorized,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Reason::Timeout,
        StatusCode::TOO_MANY_REQUESTS => Reason::RateLimit,
        status if status.is_server_error() => Reason::Server,
        _ => Reason::Permanent,
    }
}

/// The class of a request that got no usable answer, and what to tell about it.
pub(crate) fn class_of_failure(error: &reqwest::Error, host: &str) -> (Reason, String) {
    if error.is_timeout() {
        (Reason::Timeout, format!("`{host}` did not answer in time"))
    } else if error.is_connect() {
        (Reason::Server, format!("`{host}` cannot be reached: check the address, and that it is up"))
    } else if error.is_builder() {
        (Reason::Permanent, "The request cannot be built: check the address and the headers".to_owned())
    } else if is_of_decompression(error) {
        let what = "says that it is compressed (`Content-Encoding: gzip`), and is not, or not whole";
        (Reason::Server, format!("The answer of `{host}` {what}: check the server and what stands between"))
    } else {
        (Reason::Server, format!("The connection to `{host}` broke before the answer was complete"))
    }
}

/// Whether bytes came that are not what was declared. What decompresses them fails by itself; around whatever breaks on the way there is
/// the error of a connection.
fn is_of_decompression(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(own) = cause.filter(|cause| cause.is::<reqwest::Error>()) {
        cause = own.source();
    }
    matches!(cause, Some(cause) if cause.is::<std::io::Error>())
}

/// How long to wait, in any of the forms in use: milliseconds, (fractions of) seconds, a number with its unit, or a date.
pub(crate) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let milliseconds = || seconds(text(headers, "retry-after-ms")?.parse::<f64>().ok()? / 1000.0);
    let told = || {
        let told = text(headers, "retry-after")?;
        told.parse().ok().and_then(seconds).or_else(|| span(told))
    };
    let by_date = || Some(until(date(headers, "retry-after")?, date(headers, "date")));
    milliseconds().or_else(told).or_else(by_date).and_then(as_wait)
}

/// Beyond the longest it is no wish but a fault, and no date can be told.
pub(crate) fn as_wait(wait: Duration) -> Option<u64> {
    u64::try_from(wait.as_millis()).ok().filter(|ms| *ms <= LONGEST_WAIT_MS)
}

/// None where no wait is so long: a negative one, or more than can be counted.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// A span of time that is told by numbers with units, as programs in Go write one: `36.5s`, `1m30s`, `250ms`.
pub(crate) fn span(told: &str) -> Option<Duration> {
    let mut sum = None;
    let mut rest = told.trim();
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = behind.split_at(behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len()));
        let factor = match unit.trim() {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        sum = Some(sum.unwrap_or(0.0) + number.parse::<f64>().ok()? * factor);
        rest = after;
    }
    sum.and_then(seconds)
}

/// How a body is compressed that was not decompressed on the way, since nobody asked for it.
pub(crate) fn compression(headers: &HeaderMap) -> Option<&str> {
    const KNOWN: [&str; 6] = ["br", "zstd", "deflate", "compress", "x-gzip", "gzip"];
    let is_known = |name: &str| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name.trim()));
    // What else stands here (`utf-8`, `none`) is a mistake, and says nothing of the bytes.
    text(headers, CONTENT_ENCODING.as_str()).filter(|names| names.split(',').any(is_known))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn date(headers: &HeaderMap, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

/// From the answer's own date, since the other side's clock may differ from this one; a date that is over is no wait.
fn until(date: SystemTime, answered_at: Option<SystemTime>) -> Duration {
    date.duration_since(answered_at.unwrap_or_else(SystemTime::now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_class() {
        let table = [
            (400, Reason::Permanent),
            (401, Reason::Unauthorized),
            (403, Reason::Unauthorized),
            (404, Reason::Permanent),
            (408, Reason::Timeout),
            (422, Reason::Permanent),
            (429, Reason::RateLimit),
            (500, Reason::Server),
            (503, Reason::Server),
            (504, Reason::Timeout),
            (529, Reason::Server),
            (304, Reason::Permanent),
        ];
        for (status, class) in table {
            assert_eq!(class_of(StatusCode::from_u16(status).unwrap()), class, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let table = [
            ("retry-after", "7", Some(7_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "-1", None),
            ("retry-after", "nan", None),
            ("retry-after", "1e300", None),
            ("retry-after", "86400", Some(86_400_000)),
            ("retry-after", "999999999", None),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", Some(60_000)),
            ("retry-after", "Wed, 21 Oct 2026 07:00:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("retry-after", "20s", Some(20_000)),
            ("retry-after", "1m30.5s", Some(90_500)),
            ("retry-after", "250 ms", Some(250)),
            ("retry-after", "6h0m", Some(21_600_000)),
            ("retry-after", "0", Some(0)),
            ("retry-after", "", None),
            ("retry-after", "7 apples", None),
            ("retry-after", "1.2.3s", None),
            ("retry-after", "99999999999999999h", None),
        ];
        for (name, value, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert("date", "Wed, 21 Oct 2026 07:27:00 GMT".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after_ms(&headers), expected, "{name}: {value}");
        }
        assert_eq!(retry_after_ms(&HeaderMap::new()), None);
    }

    #[test]
    fn only_a_compression_that_is_one_is_told() {
        for (coding, is_told) in
            [("br", true), ("ZSTD", true), ("gzip, br", true), ("identity", false), ("utf-8", false), ("", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
            assert_eq!(compression(&headers), Some(coding).filter(|_| is_told));
        }
        assert_eq!(compression(&HeaderMap::new()), None);
    }
}
