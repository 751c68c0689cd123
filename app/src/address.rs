//! Addresses with a query, for pages that keep what is looked for in theirs: a reload, Back and a link find the same.

/// A path with what is not empty.
pub fn address(path: &str, pairs: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let given = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    let query: Vec<String> = given.map(|(name, text)| format!("{name}={}", encoded(&text))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// For a query string.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn what_is_empty_is_left_out_and_the_rest_is_encoded() {
        let pairs = |q: &str| [("tab", String::new()), ("q", q.to_owned())];
        assert_eq!(address("/inbox", pairs("")), "/inbox");
        assert_eq!(address("/inbox", pairs("a&b=ü/é?")), "/inbox?q=a%26b%3D%C3%BC%2F%C3%A9%3F");
    }
}
