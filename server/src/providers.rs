//! Reads the language-model providers of `WEFT_PROVIDER_<NAME>_{KIND,URL,KEY,MODEL,PRICE_INPUT,PRICE_OUTPUT,CURRENCY}`.
//! A key goes from the variable into a `SecretString` and nowhere else.

use std::collections::BTreeMap;

use agents::{Currency, Price, Provider, ProviderKind, UnknownCurrency, UnknownProviderKind};
use workflow::api::ProviderView;

const PREFIX: &str = "WEFT_PROVIDER_";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{variable} is no setting of a provider\nUse WEFT_PROVIDER_<NAME>_KIND, _URL, _KEY, _MODEL, _PRICE_INPUT, _PRICE_OUTPUT or _CURRENCY"
    )]
    UnknownVariable { variable: String },
    #[error("WEFT_PROVIDER_{name}_KIND is wrong")]
    Kind {
        name: String,
        #[source]
        source: UnknownProviderKind,
    },
    #[error(
        "the provider {name} has no model\nSet WEFT_PROVIDER_{name}_MODEL to the model that agents use when they name none"
    )]
    NoModel { name: String },
    #[error("WEFT_PROVIDER_{name}_URL is no address\nIt begins with http:// or https://, such as https://host/v1")]
    Url { name: String },
    #[error(
        "WEFT_PROVIDER_{name}_{setting} is no price\nIt is what a million tokens cost in your currency, such as 0.15"
    )]
    Price { name: String, setting: &'static str },
    #[error("WEFT_PROVIDER_{name}_CURRENCY is wrong")]
    Currency {
        name: String,
        #[source]
        source: UnknownCurrency,
    },
}

#[derive(Default)]
struct Settings {
    kind: Option<String>,
    url: Option<String>,
    key: Option<String>,
    model: Option<String>,
    price_input: Option<String>,
    price_output: Option<String>,
    currency: Option<String>,
}

/// The providers by name.
pub fn read(variables: Vec<(String, String)>) -> Result<BTreeMap<String, Provider>, Error> {
    let mut found: BTreeMap<String, Settings> = BTreeMap::new();
    for (variable, value) in variables {
        let unknown = || Error::UnknownVariable { variable: variable.clone() };
        let rest = variable.strip_prefix(PREFIX).ok_or_else(unknown)?;
        // A provider may be called anything, so its name is what stands before a known ending.
        let mut prices = ["PRICE_INPUT", "PRICE_OUTPUT"].into_iter();
        let of_price = prices.find_map(|setting| Some((rest.strip_suffix(setting)?.strip_suffix('_')?, setting)));
        let (name, setting) =
            of_price.or_else(|| rest.rsplit_once('_')).filter(|(name, _)| !name.is_empty()).ok_or_else(unknown)?;
        let settings = found.entry(name.to_owned()).or_default();
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match setting {
            "KIND" => settings.kind = value,
            "URL" => settings.url = value,
            "KEY" => settings.key = value,
            "MODEL" => settings.model = value,
            "PRICE_INPUT" => settings.price_input = value,
            "PRICE_OUTPUT" => settings.price_output = value,
            "CURRENCY" => settings.currency = value,
            _ => return Err(unknown()),
        }
    }
    found
        .into_iter()
        .map(|(name, settings)| {
            let provider = provider(&name, settings)?;
            Ok((name.to_ascii_lowercase(), provider))
        })
        .collect()
}

fn provider(name: &str, settings: Settings) -> Result<Provider, Error> {
    let kind = match settings.kind {
        Some(kind) => kind.parse().map_err(|source| Error::Kind { name: name.to_owned(), source })?,
        None => ProviderKind::OpenAi,
    };
    if settings.url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(Error::Url { name: name.to_owned() });
    }
    let model = settings.model.ok_or_else(|| Error::NoModel { name: name.to_owned() })?;
    let currency = settings.currency.map(|text| text.parse::<Currency>()).transpose();
    let currency = currency.map_err(|source| Error::Currency { name: name.to_owned(), source })?;
    let price = match (settings.price_input, settings.price_output) {
        (None, None) => None,
        (input, output) => Some(Price {
            input: amount(name, "PRICE_INPUT", input.as_deref())?,
            output: amount(name, "PRICE_OUTPUT", output.as_deref())?,
            currency,
        }),
    };
    Ok(Provider { kind, url: settings.url, key: settings.key.map(Into::into), model, price })
}

/// What a million tokens cost; nothing where only the other price is set.
fn amount(name: &str, setting: &'static str, text: Option<&str>) -> Result<f64, Error> {
    let Some(text) = text else { return Ok(0.0) };
    let amount = text.parse::<f64>().ok().filter(|amount| (0.0..1e9).contains(amount));
    amount.ok_or_else(|| Error::Price { name: name.to_owned(), setting })
}

/// What people may know of a provider.
pub fn view(name: &str, provider: &Provider) -> ProviderView {
    ProviderView { name: name.to_owned(), kind: provider.kind.to_string(), model: provider.model.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> Result<BTreeMap<String, Provider>, Error> {
        read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn providers_are_read_by_name() {
        let providers = read_all(&[
            ("WEFT_PROVIDER_BIG_ONE_KIND", "anthropic"),
            ("WEFT_PROVIDER_BIG_ONE_KEY", "sk-canary"),
            ("WEFT_PROVIDER_BIG_ONE_MODEL", "m1"),
            ("WEFT_PROVIDER_BIG_ONE_PRICE_INPUT", "0.15"),
            ("WEFT_PROVIDER_BIG_ONE_CURRENCY", "eur"),
            ("WEFT_PROVIDER_LAB_URL", "http://10.0.0.1/v1"),
            ("WEFT_PROVIDER_LAB_MODEL", "m2"),
        ])
        .unwrap();
        let shown: Vec<_> = providers.iter().map(|(name, provider)| view(name, provider)).collect();
        assert_eq!(shown[0], ProviderView { name: "big_one".into(), kind: "anthropic".into(), model: "m1".into() });
        assert_eq!(shown[1], ProviderView { name: "lab".into(), kind: "openai".into(), model: "m2".into() });
        assert!(!format!("{providers:?}").contains("canary"));
        let currency = Some("EUR".parse().unwrap());
        assert_eq!(providers["big_one"].price, Some(Price { input: 0.15, output: 0.0, currency }));
        assert_eq!(providers["lab"].price, None);
    }

    #[test]
    fn a_wrong_provider_is_named() {
        let refused = |variables: &[(&str, &str)]| read_all(variables).unwrap_err().to_string();
        assert!(refused(&[("WEFT_PROVIDER_A_MODE", "x")]).contains("WEFT_PROVIDER_A_MODE"));
        assert!(refused(&[("WEFT_PROVIDER_A_KEY", "x")]).contains("WEFT_PROVIDER_A_MODEL"));
        for price in ["dear", "-1", "NaN", "inf"] {
            let variables = [("WEFT_PROVIDER_A_PRICE_OUTPUT", price), ("WEFT_PROVIDER_A_MODEL", "m")];
            assert!(refused(&variables).contains("A_PRICE_OUTPUT"), "{price}");
        }
        assert!(
            refused(&[("WEFT_PROVIDER_A_CURRENCY", "money"), ("WEFT_PROVIDER_A_MODEL", "m")]).contains("A_CURRENCY")
        );
        assert!(refused(&[("WEFT_PROVIDER_A_KIND", "x"), ("WEFT_PROVIDER_A_MODEL", "m")]).contains("A_KIND"));
        assert!(refused(&[("WEFT_PROVIDER_A_URL", "host"), ("WEFT_PROVIDER_A_MODEL", "m")]).contains("A_URL"));
    }
}
