//! The engine's hot statements by name, for the test that looks at their plans. Must never be run from here.

use super::{
    claim::CLAIMABLE,
    load::{EVENTS_AFTER, LOAD},
    statement::Head,
};

/// Name, text and number of parameters.
pub const STATEMENTS: [(&str, &str, usize); 5] = [
    ("commit", Head::GoOn.sql(), 98),
    ("begin", Head::Begin.sql(), 98),
    ("load", LOAD, 2),
    ("events_after", EVENTS_AFTER, 3),
    ("claimable", CLAIMABLE, 5),
];
