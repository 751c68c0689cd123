//! Why a text was not read, in words that name the place. Must quote no more of a document than its keys.

use super::RESERVED;
use crate::words::count;

/// Why a text was not read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// `serde_json`'s words, which name line and column.
    #[error("{message}")]
    Malformed { message: String, is_cut_off: bool },
    #[error("`{place}` is there twice: keep one of them")]
    Duplicate { place: String },
    #[error("`{place}` is nested deeper than {max} levels")]
    TooDeep { place: String, max: usize },
    #[error("it holds more than {}", count(*.max, "value"))]
    TooMany { max: usize },
    #[error("`{place}` is a number of more than {}: give it as a text", count(*.max, "character"))]
    LongNumber { place: String, max: usize },
    /// What a program cut within a character, such as an emoji: JSON allows it, and no text can hold it.
    #[error(
        "{} half a character (`\\u{unit:04x}` without its other half): send the whole of it, or leave it out",
        holder(.place)
    )]
    HalfCharacter { place: String, unit: u32 },
    #[error("`{place}` has a key that JSON readers use themselves: it begins with {RESERVED}")]
    ReservedKey { place: String },
}

impl Refused {
    /// The place it is about, written `steps.draft` or `items[3].id`.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Duplicate { place }
            | Self::TooDeep { place, .. }
            | Self::LongNumber { place, .. }
            | Self::HalfCharacter { place, .. }
            | Self::ReservedKey { place } => (!place.is_empty()).then_some(place),
            Self::Malformed { .. } | Self::TooMany { .. } => None,
        }
    }
}

/// What has something in it; the outermost value has no name.
fn holder(place: &str) -> String {
    if place.is_empty() { "it holds".to_owned() } else { format!("`{place}` holds") }
}
