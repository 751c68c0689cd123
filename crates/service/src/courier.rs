//! Whoever sends notices, for the tests of it that admins make. The server brings one.
//! Must never be asked by anybody but an admin.

use std::fmt;

use futures::future::BoxFuture;
use workflow::{api::NoticeTest, id::NoticeAddressId};

pub trait Courier: fmt::Debug + Send + Sync {
    /// A mail to this email, by the settings as they are.
    fn test_mail<'a>(&'a self, to: &'a str) -> BoxFuture<'a, NoticeTest>;

    /// A post to this address.
    fn test_address(&self, id: NoticeAddressId) -> BoxFuture<'_, NoticeTest>;
}
