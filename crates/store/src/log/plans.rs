//! The engine's hot statements by name, for the test that looks at their plans. Must never be run from here.

use super::{
    claim::CLAIMABLE,
    load::{EVENTS_AFTER, LOAD},
    statement::{Head, Reach, sql},
};

/// Name, text and number of parameters.
pub const STATEMENTS: [(&str, &str, usize); 7] = [
    ("commit", sql(Head::GoOn, Reach::Far), 98),
    ("begin", sql(Head::Begin, Reach::Far), 98),
    ("hop", sql(Head::GoOn, Reach::Near), 65),
    ("begin and start", sql(Head::Begin, Reach::Near), 65),
    ("load", LOAD, 2),
    ("events_after", EVENTS_AFTER, 3),
    ("claimable", CLAIMABLE, 5),
];
