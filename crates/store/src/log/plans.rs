//! The engine's hot statements by name, for the test that looks at their plans. Must never be run from here.

use super::{
    claim::CLAIMABLE,
    columns::Reach,
    load::LOAD,
    statement::{Head, sql},
};

/// Name, text and number of parameters.
pub const STATEMENTS: [(&str, &str, usize); 6] = [
    ("commit", sql(Head::GoOn, Reach::Far), 130),
    ("begin", sql(Head::Begin, Reach::Far), 130),
    ("hop", sql(Head::GoOn, Reach::Near), 72),
    ("begin and start", sql(Head::Begin, Reach::Near), 72),
    ("load", LOAD, 2),
    ("claimable", CLAIMABLE, 7),
];
