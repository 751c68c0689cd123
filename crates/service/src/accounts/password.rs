//! What makes a password acceptable: length, and not being one that everybody tries. No rules about kinds of characters.
//! Must never log or return the password.

use std::{collections::BTreeSet, sync::LazyLock};

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Result};

const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 128;
const MIN_DISTINCT_CHARS: usize = 5;

/// The most common passwords of at least 12 characters, one a line, in lower case.
static COMMON: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

pub(crate) fn check(field: &str, password: &SecretString, email: &str) -> Result<()> {
    let password = password.expose_secret();
    let n_chars = password.chars().count();
    let fault = if n_chars < MIN_CHARS {
        format!("The password has {n_chars} characters. Use at least {MIN_CHARS}; a few words are easy to remember.")
    } else if n_chars > MAX_CHARS {
        format!("The password has {n_chars} characters. Use at most {MAX_CHARS}.")
    } else if is_common(password) {
        "This password is among the most common ones and is tried first. Choose another one.".to_owned()
    } else if password.to_lowercase() == email.to_lowercase() {
        "The password is your email address. Choose another one.".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid(field, fault))
}

fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    COMMON.contains(lower.as_str()) || lower.chars().collect::<BTreeSet<_>>().len() < MIN_DISTINCT_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        let is_fine = |password: &str| check("password", &password.into(), "ada.lovelace@example.org").is_ok();
        assert!(is_fine("correct horse battery"));
        assert!(is_fine("пароль из слов"));
        for bad in [
            "",
            "eleven char",
            "Password1234",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaa",
            "123123123123",
            "ADA.lovelace@example.org",
        ] {
            assert!(!is_fine(bad), "{bad}");
        }
        assert!(is_fine(&"long words ".repeat(11)) && !is_fine(&"long words ".repeat(12)));
    }

    #[test]
    fn the_list_holds_only_what_the_length_lets_through() {
        assert!(COMMON.len() >= 300, "{}", COMMON.len());
        for password in COMMON.iter() {
            assert!(password.chars().count() >= MIN_CHARS && password.to_lowercase() == **password, "{password}");
        }
    }
}
