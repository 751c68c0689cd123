//! What the operator decides about accounts and content; read once by the server, never from here.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use store::{sessions::Lifetimes, vault::KeyRing};
use workflow::{api::ProviderView, cell::CellNumber, notices::GivenMail};

use crate::{courier::Courier, library::Library};

#[derive(Clone, Debug)]
pub struct Settings {
    /// Cookies travel over HTTPS only, under a `__Host-` name.
    pub secure_cookies: bool,
    /// Only this machine can reach the server, so whoever opens it first may create the admin without a token.
    pub is_loopback: bool,
    /// Printed once at start; wanted for the first admin where others could be faster.
    pub first_run_token: Option<SecretString>,
    pub lifetimes: Lifetimes,
    /// The providers of language models, without their keys.
    pub providers: Vec<ProviderView>,
    /// What encrypts the values of secrets; none, and there can be no secrets.
    pub secret_keys: KeyRing,
    /// What the first admin finds in the library.
    pub library: Library,
    /// How mail is sent, as far as the operator says it.
    pub mail: GivenMail,
    /// How browsers reach Weft, where it is said in a message.
    pub base_url: String,
    /// Which of several installations this is, as ids of runs carry it. None: the only one, whose runs carry 0.
    pub cell: Option<CellNumber>,
    /// Who sends the tests of notices that admins make.
    pub courier: Option<Arc<dyn Courier>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secure_cookies: false,
            is_loopback: true,
            first_run_token: None,
            lifetimes: Lifetimes { idle: Duration::from_hours(8), absolute: Duration::from_hours(7 * 24) },
            providers: Vec::new(),
            secret_keys: KeyRing::default(),
            library: Library::default(),
            mail: GivenMail::default(),
            base_url: String::new(),
            cell: None,
            courier: None,
        }
    }
}
