//! People of a database, each with a token: what one person may do at once is bounded, and a crowd is many.

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{client::Client, database::Database, lab::Lab};

/// Each is two programs that take their time for a password.
const MADE_AT_ONCE: usize = 4;

/// So many people, and their tokens.
pub(super) async fn tokens(lab: &Lab, database: &Database, n: u32) -> Result<Vec<String>> {
    let made = stream::iter(0..n)
        .map(|n| async move { lab.token(&database.url, &format!("crowd{n}@example.org"), "user", "read,run").await });
    made.buffered(MADE_AT_ONCE).try_collect().await
}

/// The same server for each of them.
pub(super) fn clients(of: &Client, tokens: &[String]) -> Vec<Client> {
    tokens.iter().map(|token| of.speaking_for(token.clone())).collect()
}
