//! The language-model providers of `WEFT_PROVIDER_<NAME>_{KIND,URL,KEY,MODEL}`: only found here, read by the `agents` crate.
//! The values hold keys and must never be printed.

/// What begins the name of such a variable.
const PREFIX: &str = "WEFT_PROVIDER_";

/// Every provider variable with its value. One that is no UTF-8 is left out: no key or URL is.
pub fn provider_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .collect()
}
