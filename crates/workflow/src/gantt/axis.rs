//! The axis of the chart: round times with enough room between them. How they are written is the page's matter.

use super::Window;

/// What lies between two marks, in milliseconds.
const STEPS: [i64; 25] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    900_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000,
];
const DAY: i64 = 86_400_000;

/// Round times in what is in sight, so many at most and one, and how long the steps between them are. `offset` is how far the clock on the
/// wall is ahead, so that hours are whole there.
pub fn ticks(window: Window, most: i64, offset: i64) -> (i64, Vec<i64>) {
    let least = rounded_up(window.ms(), most.max(1));
    let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| rounded_up(least, DAY) * DAY);
    let first = (window.from + offset).div_euclid(step) * step - offset;
    let all = (0..).map(|n| first + n * step);
    (step, all.skip_while(|at| *at < window.from).take_while(|at| *at <= window.to).collect())
}

fn rounded_up(n: i64, parts: i64) -> i64 {
    (n + parts - 1).div_euclid(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_round_and_have_room() {
        let of = |from, to| ticks(Window::new(from, to), 10, 0);
        assert_eq!(of(50, 1_050), (100, (1..=10).map(|n| n * 100).collect()));
        assert_eq!(of(0, 3_600_000).0, 600_000);
        assert_eq!(of(0, 30 * DAY), (3 * DAY, (0..=10).map(|n| n * 3 * DAY).collect()));
    }

    #[test]
    fn hours_are_whole_on_the_wall() {
        let half_an_hour = 1_800_000;
        let (step, marks) = ticks(Window::new(0, 36_000_000), 10, half_an_hour);
        assert_eq!((step, marks[0]), (3_600_000, half_an_hour));
    }

    proptest! {
        #[test]
        fn there_are_never_many_and_never_too_near(from in 0_i64..2_000_000_000_000, ms in 20_i64..40_000_000_000) {
            let window = Window::new(from, from + ms);
            let (step, marks) = ticks(window, 10, 0);
            prop_assert!(marks.len() <= 11, "{}", marks.len());
            prop_assert!(marks.iter().all(|at| at % step == 0 && (window.from..=window.to).contains(at)));
        }
    }
}
