//! What this process brings to notices: where passwords come from, and who sends the tests that admins make.
//! Must never send anything by itself: that is the chore's.

use std::net::SocketAddr;

use agents::AddressRange;
use async_trait::async_trait;
use engine::StoredSecrets;
use futures::{FutureExt, future::BoxFuture};
use secrecy::SecretString;
use service::Courier;
use store::secrets::Destination;
use workflow::{SecretName, api::NoticeTest, id::NoticeAddressId};

use crate::config;

/// Opens what is stored, and has it written down who used it.
#[derive(Debug)]
pub struct Vault(pub StoredSecrets);

#[async_trait]
impl notices::Passwords for Vault {
    async fn open(&self, name: &SecretName, scheme: &str, host: &str, port: u16) -> Result<SecretString, String> {
        let to = Destination { scheme, host, port };
        self.0.open_for_server(name, "mail", Some(to)).await.map_err(|error| error.message)
    }
}

/// The office, as admins' tests meet it.
#[derive(Clone, Debug)]
pub struct Tester(pub notices::Notices);

impl Courier for Tester {
    fn test_mail<'a>(&'a self, to: &'a str) -> BoxFuture<'a, NoticeTest> {
        self.0.test_mail(to).boxed()
    }

    fn refuses(&self, url: &str) -> Option<String> {
        self.0.refuses(url)
    }

    fn test_address(&self, id: NoticeAddressId) -> BoxFuture<'_, NoticeTest> {
        self.0.test_address(id).boxed()
    }
}

/// What the operator says, for who sends.
pub fn options(
    web: &config::Web,
    said: &config::Notices,
    allow_private: Vec<AddressRange>,
    keys: store::vault::KeyRing,
    address: SocketAddr,
) -> notices::Options {
    let (mail, password) = said.mail();
    let base_url = web.reached_at(address);
    notices::Options { mail, password, base_url, allow_private, keys, pace: notices::Pace::default() }
}
