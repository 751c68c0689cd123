//! A password as it is checked and hashed, and what makes one acceptable: length, and not being one that everybody tries.
//! No rules about kinds of characters. Must never log or return the password.

use std::{collections::BTreeSet, sync::LazyLock};

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::{Error, Result, text};

const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 128;
const MIN_DISTINCT_CHARS: usize = 5;
/// What is longer cannot be a password of ours; it is not worth reading.
const MAX_TYPED_BYTES: usize = 4096;

/// The most common passwords of at least 12 characters, one a line, in lower case.
static COMMON: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// The same password, however a keyboard spells it: `OpaqueString` of RFC 8265, so every space is a plain one, and letters with marks
/// are one character where there is one. The only kind that is hashed.
#[derive(Clone, Debug)]
pub(crate) struct Password(SecretString);

impl Password {
    pub(crate) fn typed(typed: SecretString) -> Self {
        if typed.expose_secret().len() > MAX_TYPED_BYTES {
            return Self(typed);
        }
        let spaced = typed.expose_secret().chars().map(|c| if is_space(c) { ' ' } else { c });
        Self(spaced.nfc().collect::<String>().into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

/// The category Zs but for the plain one: few enough to list, and closed in practice.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Whether somebody may have it as their password from now on.
pub(crate) fn check(field: &str, password: &Password, email: &str) -> Result<()> {
    let password = password.0.expose_secret();
    let n_chars = password.chars().count();
    let fault = if password.chars().any(|c| c.is_control() || text::is_invisible(c)) {
        "The password holds a control character or one that cannot be seen, which other keyboards cannot type. Leave it out."
            .to_owned()
    } else if n_chars < MIN_CHARS {
        format!("The password has {n_chars} characters. Use at least {MIN_CHARS}; a few words are easy to remember.")
    } else if n_chars > MAX_CHARS {
        format!("The password has {n_chars} characters. Use at most {MAX_CHARS}.")
    } else if is_common(password) {
        "This password is among the most common ones and is tried first. Choose another one.".to_owned()
    } else if text::email_form(password) == text::email_form(email) {
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

    fn is_fine(password: &str) -> bool {
        check("password", &Password::typed(password.into()), "ada.lovelace@example.org").is_ok()
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
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
            "ＡＤＡ.lovelace@example.org",
            "correct\thorse battery",
            "correct\u{200b}horse battery",
            "correct horse\u{202e} battery",
        ] {
            assert!(!is_fine(bad), "{bad}");
        }
        assert!(is_fine(&"long words ".repeat(11)) && !is_fine(&"long words ".repeat(12)));
    }

    #[test]
    fn a_password_is_the_same_however_it_is_typed() {
        let same = |one: &str, other: &str| Password::typed(one.into()).equals(&Password::typed(other.into()));
        assert!(same("Zürich im Café", "Zu\u{308}rich im Cafe\u{301}"), "on a Mac and on Windows");
        assert!(same("ångström units", "a\u{30a}ngstro\u{308}m\u{a0}units"), "with a space that does not break");
        assert!(same("two\u{3000}wide words", "two wide words"));
        assert!(same("두벌식 자판", "\u{1103}\u{116e}\u{1107}\u{1165}\u{11af}\u{1109}\u{1175}\u{11a8} 자판"));
        for (one, other) in [("Correct horse", "correct horse"), ("ﬁne words here", "fine words here"), ("а", "a")] {
            assert!(!same(one, other), "{one} is not {other}: neither case nor look is folded");
        }
        assert!(same(&"x".repeat(9000), &"x".repeat(9000)) && !is_fine(&"x y z w v".repeat(1000)));
    }

    #[test]
    fn the_length_counts_what_is_checked() {
        // Eleven letters, of which five are typed with a mark of their own.
        let typed = "a\u{308}e\u{301}o\u{308}u\u{308}i\u{301}bcdfgh";
        assert_eq!(typed.chars().count(), 16);
        assert!(!is_fine(typed) && is_fine(&format!("{typed}j")));
    }

    #[test]
    fn the_list_holds_only_what_the_length_lets_through() {
        assert!(COMMON.len() >= 300, "{}", COMMON.len());
        for password in COMMON.iter() {
            assert!(password.chars().count() >= MIN_CHARS && password.to_lowercase() == **password, "{password}");
        }
    }
}
