//! Whether seeded mistakes are found: worlds are tried one after the other, since what a seed draws changes with every rule.

use std::fmt;

use super::Report;

/// Those that none of so many worlds shows. What each of the others took is printed.
pub fn missed<B: Copy + fmt::Debug>(
    mistakes: impl IntoIterator<Item = B>,
    n_worlds: u64,
    simulated: impl Fn(u64, B) -> Report,
) -> Vec<B> {
    let is_missed = |mistake: &B| {
        let mut steps = 0;
        let found = (1..=n_worlds).find_map(|seed| {
            let report = simulated(seed, *mistake);
            steps += report.steps;
            report.violations.into_iter().next()
        });
        println!("{mistake:?}: {steps} steps, {found:?}");
        found.is_none()
    };
    mistakes.into_iter().filter(is_missed).collect()
}
