//! What of an agent may hold a secret, and so stays where it is: values of headers, and the parts of an address that let somebody in.
//! Must rather leave out too much: only headers that are known to be harmless go out with their values.

use crate::agent::{AgentConfig, AgentSpec, HttpConfig};

/// Headers whose values say nothing but what is sent and what is wanted.
const HARMLESS: [&str; 7] =
    ["accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"];

/// Parts of the names of query parameters that let somebody in.
const TELLING: [&str; 12] =
    ["key", "token", "secret", "password", "passwd", "pwd", "auth", "sig", "credential", "session", "jwt", "code"];

/// The agent without what may be secret: the places stay, empty, so that everybody sees that something belongs there.
pub(super) fn without_secrets(spec: &AgentSpec) -> AgentSpec {
    let mut bare = spec.clone();
    if let AgentConfig::Http(config) = &mut bare.config {
        for (name, value) in &mut config.headers {
            if !is_harmless(name) {
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
/// must not be able to send them elsewhere.
pub(super) fn carried(spec: AgentSpec, known: &AgentSpec) -> AgentSpec {
    let (AgentConfig::Http(config), AgentConfig::Http(before)) = (&spec.config, &known.config) else { return spec };
    if config.method != before.method || config.url != bare_url(&before.url) {
        return spec;
    }
    let headers = config.headers.iter().map(|(name, value)| {
        let kept = before.headers.get(name).filter(|_| value.is_empty() && !is_harmless(name));
        (name.clone(), kept.unwrap_or(value).clone())
    });
    let config = HttpConfig { headers: headers.collect(), url: before.url.clone(), ..config.clone() };
    AgentSpec { config: AgentConfig::Http(config), ..spec }
}

fn is_harmless(header: &str) -> bool {
    HARMLESS.iter().any(|known| known.eq_ignore_ascii_case(header.trim()))
}

/// An address without who signs in, and with the values of telling parameters taken out.
fn bare_url(url: &str) -> String {
    let (before, query) = match url.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (url, None),
    };
    let before = match before.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            match authority.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://@{host}{path}"),
                None => before.to_owned(),
            }
        }
        None => before.to_owned(),
    };
    let Some(query) = query else { return before };
    let parameters: Vec<String> = query.split('&').map(bare_parameter).collect();
    format!("{before}?{}", parameters.join("&"))
}

fn bare_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, value)) if is_telling(name) && !is_inserted(value) => format!("{name}="),
        _ => parameter.to_owned(),
    }
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

/// Nothing but an input: its value comes with each run.
fn is_inserted(value: &str) -> bool {
    let inside = value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inside.is_some_and(|inside| inside.trim().chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)))
}

fn has_gaps(url: &str) -> bool {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let names = query.split('&').filter_map(|parameter| parameter.strip_suffix('='));
    before.contains("://@") || names.into_iter().any(is_telling)
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
    }

    #[test]
    fn secrets_are_carried_to_the_same_address_only() {
        let known =
            agent(json!({"url": "https://a.example/?key=s3", "headers": {"Authorization": "s3", "Accept": "a"}}));
        let mut file = without_secrets(&known);
        file.name = "New name".into();
        let kept = carried(file.clone(), &known);
        assert_eq!((&kept.name, &kept.config), (&file.name, &known.config));
        let AgentConfig::Http(config) = &mut file.config else { panic!() };
        config.url = "https://evil.example/?key=".into();
        assert_eq!(carried(file.clone(), &known), file);
        let AgentConfig::Http(config) = &mut file.config else { panic!() };
        config.url = "https://a.example/?key=".into();
        config.method = crate::agent::HttpMethod::Post;
        assert_eq!(carried(file.clone(), &known), file);
    }
}
