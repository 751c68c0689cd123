//! Numbers that a seed gives, the same ones each time: which faults come, where and in what order, and what people do.
//! Must never be asked by two who take turns as they like: each has dice of its own.

/// `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Dice(u64);

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Dice {
    /// The n-th of those that belong to a seed.
    pub(crate) fn new(seed: u64, n: u64) -> Self {
        let mut dice = Self(seed);
        let beginning = dice.draw() ^ n.wrapping_mul(STEP);
        Self(beginning)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Both ends are among them.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.draw() % (most.saturating_sub(least) + 1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.between(1, n) == 1
    }

    /// The place of one of so many.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        let most = u64::try_from(n).unwrap_or(u64::MAX).saturating_sub(1);
        usize::try_from(self.between(0, most)).unwrap_or_default()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_each_time_and_others_to_each_who_asks() {
        let first = |seed, n| {
            let mut dice = Dice::new(seed, n);
            (0..8).map(|_| dice.between(0, 999)).collect::<Vec<u64>>()
        };
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }

    #[test]
    fn numbers_stay_where_they_are_wanted_and_nothing_is_lost_by_shuffling() {
        let mut dice = Dice::new(1, 0);
        assert!((0..200).all(|_| (3..=5).contains(&dice.between(3, 5))));
        assert_eq!((dice.between(4, 4), dice.index(1), dice.index(0)), (4, 0, 0));
        let mut items: Vec<u32> = (0..20).collect();
        dice.shuffle(&mut items);
        let mut sorted = items.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..20) && items[0..3] != [0, 1, 2]);
    }
}
