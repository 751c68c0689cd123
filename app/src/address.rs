//! Addresses with a query, for pages that keep what is looked for in theirs: a reload, Back and a link find the same.

use workflow::{RunId, StepKey};

/// A step on the page of its run. The key of an item holds what its list gave, which may be anything.
pub fn step_of_run(run: RunId, step: &StepKey) -> String {
    address(&format!("/runs/{run}"), [("step", step.to_string())])
}

/// A gate as it is read in the inbox.
pub fn gate_in_inbox(run: RunId, step: &StepKey) -> String {
    address("/inbox", [("gate", gate_words(run, step))])
}

/// `RUN/STEP`, as the address of the inbox has it.
pub fn gate_words(run: RunId, step: &StepKey) -> String {
    format!("{run}/{step}")
}

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
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_the_rest_is_encoded() {
        let pairs = |q: &str| [("tab", String::new()), ("q", q.to_owned())];
        assert_eq!(address("/inbox", pairs("")), "/inbox");
        assert_eq!(address("/inbox", pairs("a&b=ü/é?")), "/inbox?q=a%26b%3D%C3%BC%2F%C3%A9%3F");
    }

    #[test]
    fn the_key_of_an_item_leads_to_that_item() {
        let (run, step) = (RunId(uuid::Uuid::nil()), StepKey::new("write[a/b&c]"));
        assert_eq!(step_of_run(run, &step), format!("/runs/{run}?step=write%5Ba%2Fb%26c%5D"));
        assert_eq!(gate_in_inbox(run, &step), format!("/inbox?gate={run}%2Fwrite%5Ba%2Fb%26c%5D"));
    }
}
