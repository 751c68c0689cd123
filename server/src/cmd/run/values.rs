//! Values on the command line: `NAME=TEXT`, `NAME:=JSON`, and either from a file with `@`.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use workflow::json::{Bounds, parse};

/// One given value, its file not yet read.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Given {
    name: String,
    is_json: bool,
    content: Content,
}

#[derive(Clone, PartialEq, Debug)]
enum Content {
    Here(String),
    File(PathBuf),
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("write NAME=TEXT, NAME:=JSON, NAME=@FILE or NAME:=@FILE".into());
        };
        let (name, is_json) = match name.strip_suffix(':') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.is_empty() {
            return Err("the name before the `=` is empty".into());
        }
        let content = match value.strip_prefix('@') {
            Some(file) => Content::File(file.into()),
            None => Content::Here(value.to_owned()),
        };
        Ok(Self { name: name.to_owned(), is_json, content })
    }
}

impl Given {
    fn read(self) -> Result<(String, Value)> {
        let text = match &self.content {
            Content::Here(text) => text.clone(),
            Content::File(file) => {
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
            }
        };
        let value = if self.is_json {
            parse(&text, Bounds::VALUE)
                .with_context(|| format!("the value of `{}` cannot be read as JSON", self.name))?
        } else {
            Value::String(text)
        };
        Ok((self.name, value))
    }
}

pub(crate) fn object(given: Vec<Given>) -> Result<BTreeMap<String, Value>> {
    given.into_iter().map(Given::read).collect()
}

/// `STEP.PORT=VALUE`. A port has no dot, an item's key may.
pub(crate) fn by_step(given: Vec<Given>) -> Result<BTreeMap<String, BTreeMap<String, Value>>> {
    let mut steps: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for (name, value) in object(given)? {
        let Some((step, port)) = name.rsplit_once('.') else {
            bail!("`{name}` names no port: write STEP.PORT=VALUE");
        };
        steps.entry(step.to_owned()).or_default().insert(port.to_owned(), value);
    }
    Ok(steps)
}

/// `on` or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_and_json_are_told_apart_by_the_sign() {
        let given = |text: &str| object(vec![text.parse().unwrap()]).map(|values| json!(values));
        assert_eq!(given("a=1").unwrap(), json!({"a": "1"}));
        assert_eq!(given("a:=1").unwrap(), json!({"a": 1}));
        assert_eq!(given("a=b=c").unwrap(), json!({"a": "b=c"}));
        assert_eq!(given("a=").unwrap(), json!({"a": ""}));
        assert!(given("a:=x").is_err());
        assert!(given("a=@/no/such/file").is_err());
        assert!("a".parse::<Given>().is_err() && "=x".parse::<Given>().is_err());
    }

    #[test]
    fn a_port_follows_the_last_dot() {
        let given = vec!["map[1.5].text=x".parse().unwrap()];
        assert_eq!(json!(by_step(given).unwrap()), json!({"map[1.5]": {"text": "x"}}));
        assert!(by_step(vec!["text=x".parse().unwrap()]).is_err());
    }
}
