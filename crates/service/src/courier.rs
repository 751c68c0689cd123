//! Whoever sends notices, for the tests of it that admins make. The server brings one.
//! Must never be asked by anybody but an admin.

use std::fmt;

use futures::future::BoxFuture;
use workflow::{api::NoticeTest, id::NoticeAddressId};

pub trait Courier: fmt::Debug + Send + Sync {
    /// A mail to this email, by the settings as they are.
    fn test_mail<'a>(&'a self, to: &'a str) -> BoxFuture<'a, NoticeTest>;

    /// Why nothing is ever posted to an address, as far as it says so itself, in words that name its host at most.
    fn refuses(&self, url: &str) -> Option<String>;

    /// A post to this address.
    fn test_address(&self, id: NoticeAddressId) -> BoxFuture<'_, NoticeTest>;
}
