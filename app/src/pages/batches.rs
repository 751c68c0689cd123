//! Many runs from one table: the page on which a table is chosen and looked at, and the page of what became of it.
//! Must never start a row by itself: that is the server's, which goes on when the page is closed.

pub(super) mod batch;
mod check;
pub(super) mod many;
mod mine;
mod rows;
mod words;
