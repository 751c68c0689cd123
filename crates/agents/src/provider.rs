//! Where language models are reached: named providers, which may appear or change while the server runs (the local model starts late).
//! Keys stay inside `SecretString`: nothing here may print, serialise or compare one.

use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use secrecy::SecretString;

/// The protocol that a provider speaks. `openai` fits every OpenAI-compatible endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProviderKind {
    OpenAi,
    OpenAiResponses,
    Anthropic,
    Gemini,
    Ollama,
}

/// The word given is no kind of provider.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no kind of provider; use one of {words}", words = ProviderKind::words())]
pub struct UnknownProviderKind(pub String);

/// Word, protocol, and the maker's own endpoint.
const KINDS: [(&str, ProviderKind, &str); 5] = [
    ("openai", ProviderKind::OpenAi, "https://api.openai.com/v1/"),
    ("openai_responses", ProviderKind::OpenAiResponses, "https://api.openai.com/v1/"),
    ("anthropic", ProviderKind::Anthropic, "https://api.anthropic.com/v1/"),
    ("gemini", ProviderKind::Gemini, "https://generativelanguage.googleapis.com/v1beta/"),
    ("ollama", ProviderKind::Ollama, "http://localhost:11434/"),
];

impl ProviderKind {
    /// Every word that is understood, for messages and forms.
    pub fn words() -> String {
        KINDS.map(|(word, ..)| word).join(", ")
    }

    /// Where this protocol's maker serves it.
    pub(crate) fn default_url(self) -> &'static str {
        KINDS.iter().find(|(_, kind, _)| *kind == self).map_or("", |(_, _, url)| url)
    }

    /// Whether the maker's own endpoint refuses calls without a key.
    pub(crate) fn needs_key(self) -> bool {
        self != Self::Ollama
    }
}

impl FromStr for ProviderKind {
    type Err = UnknownProviderKind;

    fn from_str(text: &str) -> Result<Self, UnknownProviderKind> {
        let word = text.trim().to_ascii_lowercase();
        KINDS
            .iter()
            .find(|(known, ..)| *known == word)
            .map(|(_, kind, _)| *kind)
            .ok_or_else(|| UnknownProviderKind(text.to_owned()))
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS.iter().find(|(_, kind, _)| kind == self).map_or("unknown", |(word, ..)| word))
    }
}

/// One endpoint for language models.
#[derive(Clone, Debug)]
pub struct Provider {
    pub kind: ProviderKind,
    /// The base address, such as `https://host/v1`; `None` is the maker's own.
    pub url: Option<String>,
    pub key: Option<SecretString>,
    /// What is asked where an agent names no model.
    pub model: String,
    /// What its tokens cost; `None` where nobody said.
    pub price: Option<Price>,
}

/// Units of a currency for a million tokens: what one token costs in millionths.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    /// Absent where nobody said which.
    pub currency: Option<Currency>,
}

/// A currency by its three letters, such as EUR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Currency([char; 3]);

/// The text is no currency.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no currency; use its three letters, such as EUR")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let mut letters = text.trim().chars().map(|c| c.to_ascii_uppercase());
        match (letters.next(), letters.next(), letters.next(), letters.next()) {
            (Some(a), Some(b), Some(c), None) if [a, b, c].iter().all(char::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(UnknownCurrency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{letter}"))
    }
}

impl Price {
    /// In millionths of the currency, rounded to the nearest.
    pub fn cost_micros(&self, prompt_tokens: i64, completion_tokens: i64) -> i64 {
        #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
        let cost = prompt_tokens as f64 * self.input + completion_tokens as f64 * self.output;
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and no price gets there")]
        let micros = cost.max(0.0).round() as i64;
        micros
    }
}

/// The providers by name. Clones share one map.
#[derive(Clone, Default)]
pub struct Providers(Arc<RwLock<BTreeMap<String, Arc<Provider>>>>);

impl Providers {
    pub fn new(providers: impl IntoIterator<Item = (String, Provider)>) -> Self {
        let all = Self::default();
        for (name, provider) in providers {
            all.insert(&name, provider);
        }
        all
    }

    /// Adds a provider, or replaces the one of that name; calls under way keep the old one.
    pub fn insert(&self, name: &str, provider: Provider) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.trim().to_ascii_lowercase(), Arc::new(provider));
    }

    pub fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&name.trim().to_ascii_lowercase());
    }

    /// Names are matched without regard to case, since they come from environment variables.
    pub fn get(&self, name: &str) -> Option<Arc<Provider>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&name.trim().to_ascii_lowercase()).cloned()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The provider of agents that name none: the one called `default`, else the only one, else `local`.
    pub fn default_name(&self) -> Option<String> {
        let names = self.names();
        if let [only] = names.as_slice() {
            return Some(only.clone());
        }
        ["default", "local"].into_iter().find(|name| names.iter().any(|known| known == name)).map(str::to_owned)
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Providers").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider {
            kind: ProviderKind::OpenAi,
            url: None,
            key: Some(SecretString::from("sk-canary")),
            model: "small".to_owned(),
            price: None,
        }
    }

    #[test]
    fn a_million_tokens_cost_their_price() {
        let price = Price { input: 0.15, output: 0.6, currency: None };
        assert_eq!(price.cost_micros(1_000_000, 0), 150_000);
        assert_eq!(price.cost_micros(1_000, 2_000), 1_350);
        assert_eq!(price.cost_micros(1, 0), 0);
        assert_eq!(Price { input: f64::MAX, output: f64::MAX, currency: None }.cost_micros(i64::MAX, 1), i64::MAX);
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(" eur ".parse::<Currency>().unwrap().to_string(), "EUR");
        for wrong in ["", "EU", "EURO", "E1R", "€", "\u{202E}US"] {
            assert!(wrong.parse::<Currency>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_default_is_the_one_called_so_then_the_only_one_then_local() {
        let table: [(&[&str], Option<&str>); 6] = [
            (&[], None),
            (&["acme"], Some("acme")),
            (&["acme", "local"], Some("local")),
            (&["acme", "DEFAULT", "local"], Some("default")),
            (&["acme", "other"], None),
            (&["local"], Some("local")),
        ];
        for (names, expected) in table {
            let providers = Providers::new(names.iter().map(|name| ((*name).to_owned(), provider())));
            assert_eq!(providers.default_name().as_deref(), expected, "{names:?}");
        }
    }

    #[test]
    fn a_provider_may_appear_late_and_be_replaced() {
        let providers = Providers::default();
        let seen_by_engine = providers.clone();
        assert!(seen_by_engine.get("local").is_none());
        providers.insert("LOCAL", provider());
        assert_eq!(seen_by_engine.get("Local").unwrap().model, "small");
        providers.insert("local", Provider { model: "large".to_owned(), ..provider() });
        assert_eq!(seen_by_engine.get("local").unwrap().model, "large");
        providers.remove("local");
        assert!(seen_by_engine.get("local").is_none());
    }

    #[test]
    fn a_key_is_never_printed() {
        let providers = Providers::new([("a".to_owned(), provider())]);
        let shown = format!("{providers:?} {:?}", providers.get("a").unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn every_kind_is_read_back_from_its_word() {
        for (word, ..) in KINDS {
            assert_eq!(word.parse::<ProviderKind>().unwrap().to_string(), word);
        }
        let error = "openapi".parse::<ProviderKind>().unwrap_err().to_string();
        assert!(error.contains("openai, openai_responses, anthropic"), "{error}");
    }
}
