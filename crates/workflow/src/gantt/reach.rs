//! From bar to bar by the keys: to the one before and after in a row, and to the one that is nearest in time in the row above or below.

/// A row, and one of its spans; none where the row has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub row: usize,
    pub nth: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Before,
    After,
    Above,
    Below,
    First,
    Last,
}

/// Where that leads among so many rows. `times`: when the spans of a row began, in their order.
pub fn lead(from: Place, way: Way, n_rows: usize, times: impl Fn(usize) -> Vec<i64>) -> Place {
    let Some(last_row) = n_rows.checked_sub(1) else { return Place::default() };
    let row = from.row.min(last_row);
    let here = times(row);
    let nth = from.nth.filter(|nth| *nth < here.len());
    let other = |row: usize| {
        let at = nth.and_then(|nth| here.get(nth).copied());
        let there = times(row);
        let nearest = (0..there.len()).min_by_key(|nth| at.map_or(0, |at| (there[*nth] - at).abs()));
        Place { row, nth: nearest }
    };
    match way {
        Way::Before => {
            Place { row, nth: nth.map_or_else(|| here.len().checked_sub(1), |nth| Some(nth.saturating_sub(1))) }
        }
        Way::After => {
            let next = nth.map_or(0, |nth| nth + 1);
            Place { row, nth: here.len().checked_sub(1).map(|last| next.min(last)) }
        }
        Way::Above => other(row.saturating_sub(1)),
        Way::Below => other((row + 1).min(last_row)),
        Way::First => other(0),
        Way::Last => other(last_row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(row: usize, nth: Option<usize>, way: Way) -> (usize, Option<usize>) {
        let rows = [vec![0, 100, 200], vec![], vec![90, 250]];
        let place = lead(Place { row, nth }, way, rows.len(), |row| rows[row].clone());
        (place.row, place.nth)
    }

    #[test]
    fn keys_lead_from_bar_to_bar_and_stop_at_the_ends() {
        assert_eq!(go(0, None, Way::After), (0, Some(0)));
        assert_eq!(go(0, Some(2), Way::After), (0, Some(2)));
        assert_eq!(go(0, Some(0), Way::Before), (0, Some(0)));
        assert_eq!(go(0, None, Way::Before), (0, Some(2)));
        assert_eq!(go(2, Some(1), Way::Above), (1, None));
        assert_eq!(go(1, None, Way::Below), (2, Some(0)));
        assert_eq!(go(0, Some(2), Way::Last), (2, Some(1)));
        assert_eq!(go(2, Some(0), Way::First), (0, Some(1)));
        assert_eq!(go(9, Some(9), Way::Below), (2, Some(0)));
        assert_eq!(lead(Place::default(), Way::Below, 0, |_| vec![]), Place::default());
    }
}
