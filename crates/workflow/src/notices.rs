//! How mail is sent, as the operator and admins say it together: what the operator set goes before, and names its variable.
//! Must never hold a password: there is the name of a secret, or the word that the operator gave one.

use crate::{
    api::{LockedField, NoticeWhen, SmtpTls},
    id::SecretName,
};

/// What holds for mail where nothing was chosen: a gate stands in the way of a run, so who is asked hears of it. Of one run there is one
/// message, what is too much is gathered, and one click ends it.
pub const DEFAULT_FOR_MAIL: NoticeWhen = NoticeWhen::AtOnce;

/// What the operator set; absent is left to admins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GivenMail {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: Option<SmtpTls>,
    pub user: Option<String>,
    /// The name of a secret.
    pub password: Option<SecretName>,
    /// The operator gave the password itself, which only who sends has.
    pub has_password: bool,
    pub from: Option<String>,
}

/// What admins said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredMail {
    pub host: String,
    pub port: Option<u16>,
    pub tls: SmtpTls,
    pub user: String,
    pub password: Option<SecretName>,
    pub from: String,
    pub content: bool,
    /// 0: nobody said anything yet.
    pub revision: i64,
}

/// How mail is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: String,
    pub password: Password,
    pub from: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Password {
    None,
    /// The operator's own.
    Given,
    Secret(SecretName),
}

impl GivenMail {
    /// What holds, of both.
    pub fn over(&self, stored: &StoredMail) -> Mail {
        let tls = self.tls.unwrap_or(stored.tls);
        // Of two servers one's port is none for the other.
        let port = match (self.port, &self.host) {
            (Some(port), _) => Some(port),
            (None, Some(_)) => None,
            (None, None) => stored.port,
        };
        let password = match (&self.password, &stored.password) {
            _ if self.has_password => Password::Given,
            (Some(name), _) => Password::Secret(name.clone()),
            // What the operator names the server of, they name the password of: it would be sent to another one.
            (None, Some(name)) if self.host.is_none() => Password::Secret(name.clone()),
            _ => Password::None,
        };
        Mail {
            host: self.host.clone().unwrap_or_else(|| stored.host.clone()),
            port: port.unwrap_or_else(|| tls.default_port()),
            tls,
            user: self.user.clone().unwrap_or_else(|| stored.user.clone()),
            password: if self.host.is_none() && self.has_password { Password::None } else { password },
            from: self.from.clone().unwrap_or_else(|| stored.from.clone()),
        }
    }

    /// The fields that are the operator's, with their variables.
    pub fn locked(&self) -> Vec<LockedField> {
        let is_host = self.host.is_some();
        let fields = [
            ("host", "WEFT_SMTP_HOST", is_host),
            ("port", "WEFT_SMTP_PORT", self.port.is_some()),
            ("port", "WEFT_SMTP_HOST", self.port.is_none() && is_host),
            ("tls", "WEFT_SMTP_TLS", self.tls.is_some()),
            ("user", "WEFT_SMTP_USER", self.user.is_some()),
            ("password", "WEFT_SMTP_PASSWORD", self.has_password),
            ("password", "WEFT_SMTP_PASSWORD_SECRET", !self.has_password && self.password.is_some()),
            ("password", "WEFT_SMTP_HOST", !self.has_password && self.password.is_none() && is_host),
            ("from", "WEFT_SMTP_FROM", self.from.is_some()),
        ];
        let is_set = fields.into_iter().filter(|(_, _, is_set)| *is_set);
        is_set
            .map(|(field, variable, _)| LockedField { field: field.to_owned(), variable: variable.to_owned() })
            .collect()
    }
}

impl Mail {
    /// Whether mail can be sent at all.
    pub fn is_set_up(&self) -> bool {
        !self.host.is_empty() && !self.from.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredMail {
        StoredMail {
            host: "smtp.stored.example".to_owned(),
            port: Some(2525),
            tls: SmtpTls::None,
            user: "stored".to_owned(),
            password: Some("stored".into()),
            from: "stored@example.org".to_owned(),
            content: false,
            revision: 1,
        }
    }

    #[test]
    fn what_the_operator_set_goes_before_and_names_its_variable() {
        let nothing = GivenMail::default();
        assert!(nothing.locked().is_empty());
        assert!(!nothing.over(&StoredMail::default()).is_set_up());
        let mail = nothing.over(&stored());
        assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("smtp.stored.example", 2525, SmtpTls::None));
        assert_eq!(mail.password, Password::Secret("stored".into()));
        let given = GivenMail {
            host: Some("smtp.given.example".to_owned()),
            tls: Some(SmtpTls::Implicit),
            from: Some("given@example.org".to_owned()),
            ..GivenMail::default()
        };
        let mail = given.over(&stored());
        assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("smtp.given.example", 465, SmtpTls::Implicit));
        let locked: Vec<_> = given.locked().into_iter().map(|locked| (locked.field, locked.variable)).collect();
        let locked: Vec<_> = locked.iter().map(|(field, variable)| (field.as_str(), variable.as_str())).collect();
        assert_eq!(
            locked,
            [
                ("host", "WEFT_SMTP_HOST"),
                ("port", "WEFT_SMTP_HOST"),
                ("tls", "WEFT_SMTP_TLS"),
                ("password", "WEFT_SMTP_HOST"),
                ("from", "WEFT_SMTP_FROM"),
            ]
        );
    }

    #[test]
    fn a_password_goes_to_the_server_that_it_was_given_for_and_to_no_other() {
        let of_given = GivenMail { host: Some("smtp.given.example".to_owned()), ..GivenMail::default() };
        assert_eq!(of_given.over(&stored()).password, Password::None, "an admin's for the operator's server");
        let only_password = GivenMail { has_password: true, ..GivenMail::default() };
        assert_eq!(only_password.over(&stored()).password, Password::None, "the operator's for an admin's server");
        let both = GivenMail { has_password: true, ..of_given };
        assert_eq!(both.over(&stored()).password, Password::Given);
    }
}
