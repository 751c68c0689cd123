//! How long the pages of lists are. No list is cut without a word: one that has more says where to go on.

use serde::Deserialize;
use store::Window;

/// Items of one page, unless asked otherwise.
const PAGE: u32 = 100;
const MAX_PAGE: u32 = 200;

/// Which part of a list somebody wants.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Wanted {
    /// What the page before gave as `next`.
    pub after: Option<String>,
    pub limit: Option<u32>,
}

impl Wanted {
    pub fn after(after: Option<String>) -> Self {
        Self { after, limit: None }
    }

    pub(crate) fn window(&self) -> Window<'_> {
        // Postgres holds no NUL, so no place has one.
        let after = self.after.as_deref().filter(|after| !after.contains('\0'));
        Window { after, limit: self.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE).into() }
    }
}
