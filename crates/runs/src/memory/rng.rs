//! Random numbers from a seed (splitmix64): the same ones everywhere and in every release.

use workflow::run::testing::Dice;

#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn next_u128(&mut self) -> u128 {
        u128::from(self.draw()) << 64 | u128::from(self.draw())
    }

    /// Below `most`, and mostly far below it.
    pub fn short(&mut self, most: u64) -> u64 {
        let bound = 1 + self.draw() % most.max(1);
        self.draw() % bound
    }

    /// One in so many; never for 0.
    pub fn happens(&mut self, one_in: usize) -> bool {
        one_in != 0 && self.roll(one_in) == 0
    }
}

impl Dice for Rng {
    fn roll(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.draw() % sides).unwrap_or(0)
    }
}
