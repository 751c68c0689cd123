//! The number of a cell, which is one installation among several, and how the id of a run carries it: so that whoever has the id of a run
//! knows which database it is in, without asking any.
//!
//! It stands where a UUID of version 7 or 8 has its first twelve free bits: the three hex digits after the version. What is before them is
//! the time, so that ids go on to be ordered by it, and the 62 bits after them are left to chance.
//! Must never be taken for a right: it says where a run would be, not that there is one.

use std::fmt;

use uuid::Uuid;

use crate::RunId;

/// Where the twelve bits begin, from the end of the id.
const PLACE: u32 = 64;
const BITS: u128 = 0xfff;

/// From 0 to 1023. The default is that of an installation which is the only one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct CellNumber(u16);

impl CellNumber {
    pub const MAX: u16 = 1023;

    /// None for what is too large.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number <= Self::MAX).then_some(Self(number))
    }

    pub fn number(self) -> u16 {
        self.0
    }

    /// An id of version 7 or 8 with this number in its place.
    #[must_use]
    pub fn mark(self, id: Uuid) -> Uuid {
        Uuid::from_u128((id.as_u128() & !(BITS << PLACE)) | (u128::from(self.0) << PLACE))
    }

    /// The number that the id of a run carries. None for an id that no cell makes.
    #[must_use]
    pub fn of(run: RunId) -> Option<Self> {
        // Forks that were asked for under a key have an id that follows from it, of version 8.
        if !matches!(run.0.get_version_num(), 7 | 8) {
            return None;
        }
        u16::try_from((run.0.as_u128() >> PLACE) & BITS).ok().and_then(Self::new)
    }

    /// As it stands in an id: three hex digits.
    pub fn digits(self) -> String {
        format!("{:03x}", self.0)
    }
}

impl fmt::Display for CellNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::{Builder, Variant};

    use super::*;

    proptest! {
        #[test]
        fn an_id_carries_its_cell_and_stays_an_id_in_the_order_of_time(
            number in 0..=CellNumber::MAX,
            others in 0..=CellNumber::MAX,
            millis in 0..(1_u64 << 48) - 1,
            random: [u8; 10],
        ) {
            let (cell, other) = (CellNumber::new(number).unwrap(), CellNumber::new(others).unwrap());
            let plain = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
            let id = cell.mark(plain);
            prop_assert_eq!(CellNumber::of(RunId(id)), Some(cell));
            prop_assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
            let (shown, before) = (id.to_string(), plain.to_string());
            let digits = cell.digits();
            prop_assert_eq!(&shown[15..18], digits.as_str());
            prop_assert_eq!((&shown[..15], &shown[18..]), (&before[..15], &before[18..]), "all else is as it was");
            let later = other.mark(Builder::from_unix_timestamp_millis(millis + 1, &random).into_uuid());
            prop_assert!(id < later, "whatever cells they are of");
        }
    }

    #[test]
    fn ids_that_no_cell_makes_are_of_none() {
        assert_eq!(CellNumber::new(1024), None);
        for (id, cell) in [
            ("01890a5d-ac96-7000-8000-000000000000", Some(0)),
            ("01890a5d-ac96-73ff-8000-000000000000", Some(1023)),
            ("01890a5d-ac96-8011-8000-000000000000", Some(17)),
            ("01890a5d-ac96-7400-8000-000000000000", None),
            ("01890a5d-ac96-4011-8000-000000000000", None),
            ("00000000-0000-0000-0000-000000000000", None),
        ] {
            assert_eq!(CellNumber::of(id.parse().unwrap()).map(CellNumber::number), cell, "{id}");
        }
    }
}
