//! What of an agent may hold a secret, and so stays where it is: values of headers, and the parts of an address that let somebody in.
//! Must rather leave out too much: only headers that are known to be harmless go out with their values.

use crate::{
    agent::{AgentConfig, AgentSpec, HttpConfig},
    secret::is_only_named,
};

/// Headers whose values say nothing but what is sent and what is wanted.
const HARMLESS: [&str; 7] =
    ["accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"];

/// Parts of the names of query parameters that let somebody in.
const TELLING: [&str; 14] = [
    "key", "token", "secret", "pass", "pwd", "auth", "sig", "cred", "session", "jwt", "code", "hmac", "bearer",
    "access",
];
/// The same, where a word ends with it: inside of others it tells nothing.
const TELLING_ENDS: [&str; 3] = ["sid", "otp", "pw"];

/// From this length on a part of a path that mixes letters and digits may be what lets somebody in, as addresses of webhooks have it.
const MIN_SECRET_CHARS: usize = 16;
/// What stands in a path where such a part was: an empty one could not be told from a path that ends with `/`.
const GAP: &str = "***";

/// The agent without what may be secret: the places stay, empty, so that everybody sees that something belongs there.
pub(super) fn without_secrets(spec: &AgentSpec) -> AgentSpec {
    let mut bare = spec.clone();
    if let AgentConfig::Http(config) = &mut bare.config {
        for (name, value) in &mut config.headers {
            // The name of a secret opens nothing.
            if !is_harmless(name) && !is_only_named(value) {
                value.clear();
            }
        }
        config.url = bare_url(&config.url);
    }
    bare
}

/// The fields of an agent in which something belongs that a file does not hold, and that are empty.
pub(super) fn left_out(spec: &AgentSpec) -> Vec<String> {
    let AgentConfig::Http(config) = &spec.config else { return Vec::new() };
    let headers = config.headers.iter().filter(|(name, value)| !is_harmless(name) && value.is_empty());
    let headers = headers.map(|(name, _)| format!("config.headers.{name}"));
    let url = has_gaps(&config.url).then(|| "config.url".to_owned());
    headers.chain(url).collect()
}

/// The agent of a file with the secrets that a version has which calls the very same address. Another address gets none of them: a file
/// must not be able to send them elsewhere. Nor does one whose host comes with each run: the file says who gives it. `bare` is the version
/// without its secrets. None: there is nothing to carry.
pub(super) fn carried(spec: &AgentSpec, bare: &AgentSpec, known: &AgentSpec) -> Option<AgentSpec> {
    let (AgentConfig::Http(config), AgentConfig::Http(bare), AgentConfig::Http(before)) =
        (&spec.config, &bare.config, &known.config)
    else {
        return None;
    };
    if config.method != bare.method || config.url != bare.url || is_led(&config.url) {
        return None;
    }
    let headers = config.headers.iter().map(|(name, value)| {
        let kept = before.headers.get(name).filter(|_| value.is_empty() && !is_harmless(name));
        (name.clone(), kept.unwrap_or(value).clone())
    });
    let made = HttpConfig { headers: headers.collect(), url: before.url.clone(), ..config.clone() };
    (made != *config).then(|| AgentSpec { config: AgentConfig::Http(made), ..spec.clone() })
}

/// Whether a template says where the request goes, and not only what is asked there.
pub(super) fn is_led(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = segments(rest).first().copied().unwrap_or_default();
    url.trim_start().starts_with('{') || authority.contains("{{") || authority.contains("{%")
}

/// Whether it has secrets in its headers, and a template says where these go.
pub(super) fn leads_secrets(spec: &AgentSpec) -> bool {
    let AgentConfig::Http(config) = &spec.config else { return false };
    is_led(&config.url) && config.headers.iter().any(|(name, value)| !is_harmless(name) && !value.is_empty())
}

fn is_harmless(header: &str) -> bool {
    HARMLESS.iter().any(|known| known.eq_ignore_ascii_case(header.trim()))
}

/// An address without who signs in, without what looks like a secret in its path, and with the values of telling parameters taken out.
fn bare_url(url: &str) -> String {
    let (before, query) = match url.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (url, None),
    };
    let before = match before.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let path = bare_path(path);
            match authority.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://@{host}{path}"),
                None => format!("{scheme}://{authority}{path}"),
            }
        }
        None => bare_path(before),
    };
    let Some(query) = query else { return before };
    let parameters: Vec<String> = query.split('&').map(bare_parameter).collect();
    format!("{before}?{}", parameters.join("&"))
}

fn bare_path(path: &str) -> String {
    let segments = segments(path).into_iter().map(|segment| if looks_secret(segment) { GAP } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// The parts of a path between its `/`, of which those inside of templates are none.
fn segments(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let (mut start, mut is_inside) = (0, false);
    let bytes = path.as_bytes();
    for (n, byte) in bytes.iter().enumerate() {
        match (byte, bytes.get(n + 1)) {
            (b'{', Some(b'{' | b'%')) => is_inside = true,
            (b'}' | b'%', Some(b'}')) => is_inside = false,
            (b'/', _) if !is_inside => {
                segments.push(&path[start..n]);
                start = n + 1;
            }
            _ => {}
        }
    }
    segments.push(&path[start..]);
    segments
}

fn looks_secret(segment: &str) -> bool {
    segment.len() >= MIN_SECRET_CHARS
        && !["{{", "{%", "{#"].iter().any(|opening| segment.contains(opening))
        && segment.chars().any(|c| c.is_ascii_digit())
        && segment.chars().any(char::is_alphabetic)
}

fn bare_parameter(parameter: &str) -> String {
    let (parameter, end) = without_end(parameter);
    match parameter.split_once('=') {
        Some((name, value)) if is_telling(name) && !is_inserted(value) => format!("{name}={end}"),
        _ => format!("{parameter}{end}"),
    }
}

/// A parameter, and the end of a condition or loop after it, without which the template would be broken.
fn without_end(parameter: &str) -> (&str, &str) {
    let end = parameter.trim_end().ends_with("%}").then(|| parameter.rfind("{%")).flatten();
    parameter.split_at(end.unwrap_or(parameter.len()))
}

fn is_telling(name: &str) -> bool {
    let name = percent_decoded(name).to_lowercase();
    TELLING.iter().any(|part| name.contains(part))
        || name.split(|c: char| !c.is_alphanumeric()).any(|word| TELLING_ENDS.iter().any(|end| word.ends_with(end)))
}

/// As the other side reads a name: `%6Bey` is `key`.
fn percent_decoded(name: &str) -> String {
    let bytes = name.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let (one, n) = pair.filter(|_| *byte == b'%').map_or((*byte, 1), |one| (one, 3));
        decoded.push(one);
        at += n;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Nothing but an input: its value comes with each run.
fn is_inserted(value: &str) -> bool {
    let inside = value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inside.is_some_and(|inside| inside.trim().chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)))
}

fn has_gaps(url: &str) -> bool {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let names = query.split('&').filter_map(|parameter| without_end(parameter).0.strip_suffix('='));
    before.contains("://@") || segments(before).contains(&GAP) || names.into_iter().any(is_telling)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn agent(config: Value) -> AgentSpec {
        let mut config = config;
        config["kind"] = json!("http");
        serde_json::from_value(
            json!({"id": "caller", "name": "Caller", "outputs": [{"name": "body"}], "config": config}),
        )
        .unwrap()
    }

    #[test]
    fn no_secret_stays_and_its_place_is_told() {
        let canary = "c4n4ry";
        for (config, fields) in [
            (
                json!({"url": "https://a.example/", "headers": {"Authorization": "Bearer c4n4ry"}}),
                "config.headers.Authorization",
            ),
            (json!({"url": "https://a.example/", "headers": {"x-api-KEY": "c4n4ry"}}), "config.headers.x-api-KEY"),
            (json!({"url": "https://a.example/", "headers": {"Cookie": "{{ 'c4n4ry' }}"}}), "config.headers.Cookie"),
            (json!({"url": "https://me:c4n4ry@a.example/x?y=1"}), "config.url"),
            (json!({"url": "https://a.example/x?q={{ q }}&api_key=c4n4ry"}), "config.url"),
            (json!({"url": "https://a.example/x?access_token={{ 'c4n4ry' }}"}), "config.url"),
            (json!({"url": "https://hooks.example/services/T00/B00/c4n4ryAbCdEfGhIjKl"}), "config.url"),
            (json!({"url": "{{ base }}/bot123456:c4n4ry-DEF/send"}), "config.url"),
            (json!({"url": "https://a.example/{{ a | replace('/', '') }}/c4n4ryAbCdEfGhIjKl?x=1"}), "config.url"),
            (json!({"url": "https://a.example/x?%6Bey=c4n4ry"}), "config.url"),
            (json!({"url": "https://a.example/x?pass=c4n4ry&PHPSESSID=c4n4ry&otp=c4n4ry"}), "config.url"),
            (json!({"url": "https://a.example/x?a=1{% if q %}&key=c4n4ry{% endif %}"}), "config.url"),
        ] {
            let bare = without_secrets(&agent(config.clone()));
            assert!(!serde_json::to_string(&bare).unwrap().contains(canary), "{config}");
            assert_eq!(left_out(&bare), [fields], "{config}");
            assert_eq!(without_secrets(&bare), bare, "once is enough");
        }
    }

    #[test]
    fn what_is_harmless_stays() {
        let plain = agent(json!({"method": "POST", "url": "https://a.example/@me?q=1&token={{ token }}",
            "headers": {"Content-Type": "application/json", "accept": "*/*"}, "body": "{}"}));
        assert_eq!(without_secrets(&plain), plain);
        assert!(left_out(&plain).is_empty());
        for url in [
            "https://a1234567890123456789.example/v1/chat-completions-of-models/20260101000000000000",
            "https://a.example/{{ a1234567890123456789 / b1234567890123456789 }}/x?side=left",
            "https://a.example/x?a=1{% if q %}&q={{ q }}{% endif %}",
        ] {
            let plain = agent(json!({"url": url}));
            assert_eq!(without_secrets(&plain), plain);
            assert!(left_out(&plain).is_empty(), "{url}");
        }
        let template = agent(json!({"url": "https://a.example/x?a=1{% if q %}&key=c4n4ry{% endif %}"}));
        let AgentConfig::Http(config) = without_secrets(&template).config else { panic!() };
        assert_eq!(config.url, "https://a.example/x?a=1{% if q %}&key={% endif %}", "the template stays whole");
    }

    #[test]
    fn a_secret_that_is_only_named_stays_named_and_what_stands_beside_it_does_not() {
        let named =
            agent(json!({"url": "https://a.example/", "headers": {"Authorization": "Bearer ${secret.github}"}}));
        assert_eq!(without_secrets(&named), named);
        assert!(left_out(&named).is_empty());
        for value in ["c4n4ry ${secret.github}", "${secret.github", "${secret.github}{{ x }}"] {
            let mixed = agent(json!({"url": "https://a.example/", "headers": {"Authorization": value}}));
            assert_eq!(left_out(&without_secrets(&mixed)), ["config.headers.Authorization"], "{value}");
        }
    }

    #[test]
    fn secrets_are_carried_to_the_same_address_only() {
        let known =
            agent(json!({"url": "https://a.example/?key=s3", "headers": {"Authorization": "s3", "Accept": "a"}}));
        let bare = without_secrets(&known);
        let mut file = bare.clone();
        file.name = "New name".into();
        let kept = carried(&file, &bare, &known).unwrap();
        assert_eq!((&kept.name, &kept.config), (&file.name, &known.config));
        let AgentConfig::Http(config) = &mut file.config else { panic!() };
        config.url = "https://evil.example/?key=".into();
        assert_eq!(carried(&file, &bare, &known), None);
        let AgentConfig::Http(config) = &mut file.config else { panic!() };
        config.url = "https://a.example/?key=".into();
        config.method = crate::agent::HttpMethod::Post;
        assert_eq!(carried(&file, &bare, &known), None);
    }

    #[test]
    fn an_address_that_comes_with_the_run_is_given_no_secret() {
        for url in [
            "{{ base | safe }}/x",
            "https://{{ host }}/x",
            "https://a.{% if b %}x{% endif %}/x",
            "{% if a %}x{% endif %}",
        ] {
            let known = agent(json!({"url": url, "headers": {"Authorization": "s3"}}));
            let bare = without_secrets(&known);
            assert_eq!(carried(&bare, &bare, &known), None, "{url}");
        }
        assert!(!is_led("https://a.example/{{ path }}?q={{ q }}"));
    }
}
