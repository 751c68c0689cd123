//! How notices are sent, and which private addresses may be reached from here. What is set here is shown to admins and not theirs to
//! change.

use std::{fmt, str::FromStr};

use agents::{AddressRange, InvalidRange};
use clap::Args;
use secrecy::SecretString;
use workflow::{SecretName, api::SmtpTls, notices::GivenMail};

/// The password itself: no flag, which every process of the machine could read.
const PASSWORD: &str = "WEFT_SMTP_PASSWORD";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Mail about gates; WEFT_SMTP_PASSWORD may hold the password")]
#[expect(clippy::struct_field_names, reason = "fields name the flags, and those are for mail alone")]
pub struct Notices {
    /// Server that takes mail, such as smtp.example.org; without it admins name one on a page
    #[arg(long, env = "WEFT_SMTP_HOST", value_name = "HOST")]
    smtp_host: Option<String>,
    /// Its port; without it what is usual: 465, 587 or 25
    #[arg(long, env = "WEFT_SMTP_PORT", value_name = "PORT")]
    smtp_port: Option<u16>,
    /// How the way there is encrypted: implicit, starttls or none
    #[arg(long, env = "WEFT_SMTP_TLS", value_name = "HOW", value_parser = read_tls)]
    smtp_tls: Option<SmtpTls>,
    /// Who signs in there
    #[arg(long, env = "WEFT_SMTP_USER", value_name = "NAME")]
    smtp_user: Option<String>,
    /// The secret of Weft that holds the password
    #[arg(long, env = "WEFT_SMTP_PASSWORD_SECRET", value_name = "NAME", value_parser = read_secret_name)]
    smtp_password_secret: Option<SecretName>,
    /// Who sends, such as `Weft <weft@example.org>`
    #[arg(long, env = "WEFT_SMTP_FROM", value_name = "SENDER")]
    smtp_from: Option<String>,
}

impl Notices {
    /// What the operator says of mail, and the password if the variable has it. An empty variable is the same as none.
    pub fn mail(&self) -> (GivenMail, Option<SecretString>) {
        let text =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let password = std::env::var_os(PASSWORD).and_then(|value| value.into_string().ok());
        let password = password.filter(|password| !password.is_empty()).map(SecretString::from);
        let mail = GivenMail {
            host: text(&self.smtp_host),
            port: self.smtp_port,
            tls: self.smtp_tls,
            user: text(&self.smtp_user),
            password: self.smtp_password_secret.clone(),
            has_password: password.is_some(),
            from: text(&self.smtp_from),
        };
        (mail, password)
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Addresses outside")]
pub struct Outside {
    #[arg(
        long,
        env = "WEFT_ALLOW_PRIVATE",
        value_name = "NETWORKS",
        default_value = "",
        hide_default_value = true,
        help = "Private networks that agents of the kind http and webhooks may reach, such as 10.1.0.0/16,192.168.1.7"
    )]
    allow_private: Ranges,
}

impl Outside {
    pub fn allow_private(&self) -> Vec<AddressRange> {
        self.allow_private.0.clone()
    }
}

/// Addresses and networks, separated by commas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Ranges(Vec<AddressRange>);

impl FromStr for Ranges {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse::<AddressRange>).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unreadable {}

fn read_tls(text: &str) -> Result<SmtpTls, Unreadable> {
    let known = SmtpTls::ALL.into_iter().find(|tls| tls.as_str() == text.trim());
    known.ok_or(Unreadable("write `implicit`, `starttls` or `none`"))
}

fn read_secret_name(text: &str) -> Result<SecretName, Unreadable> {
    let name = SecretName::new(text.trim());
    // Not repeated: it may be the password, in the wrong variable.
    if name.is_well_formed() {
        Ok(name)
    } else {
        Err(Unreadable("it is the name of a secret, not the password itself"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_ways_are_read_and_a_password_in_the_wrong_place_is_not_repeated() {
        assert_eq!("".parse::<Ranges>().unwrap().0.len(), 0);
        assert_eq!(" 10.1.0.0/16, 192.168.1.7,".parse::<Ranges>().unwrap().0.len(), 2);
        assert!("localhost".parse::<Ranges>().is_err());
        assert_eq!(read_tls("starttls"), Ok(SmtpTls::Starttls));
        assert!(read_tls("tls").is_err());
        assert!(read_secret_name("smtp").is_ok());
        assert!(!read_secret_name("C4n4ry c4n4ry").unwrap_err().to_string().contains("4n4ry"));
    }
}
