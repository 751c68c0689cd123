//! Finding: what is meant by a few letters, and every text of a draft that holds some words, with what replacing them comes to.
//! Nothing here changes a draft: what is replaced is one edit, for the board to apply.

pub mod rank;
pub mod replace;
mod texts;

pub use rank::{Fit, Found, best, fit, is_meant};
pub use replace::{Hit, Hits, Replaced, Wanted, Which, replaced, search};
pub use texts::{Of, Spot, What};
