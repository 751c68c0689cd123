//! The workloads that are compared. The keys are those of Weft's own figures and an interface: one must never change its meaning.

use crate::{
    definitions::Shape,
    figures::{CHAIN_HOP, FAN100, FIRST, WAIT1000},
    stats::per_second,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Comparison {
    /// 100 steps one after another.
    Chain,
    /// 1 -> 100 -> 1.
    Fan,
    /// 200 runs of ten steps at once.
    Runs,
    /// 1,000 steps at once that each wait a second.
    Waits,
}

impl Comparison {
    pub(crate) const ALL: [Self; 4] = [Self::Chain, Self::Fan, Self::Runs, Self::Waits];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Chain => CHAIN_HOP,
            Self::Fan => FAN100,
            Self::Runs => FIRST,
            Self::Waits => WAIT1000,
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Chain => Shape::Chain,
            Self::Fan => Shape::Fan,
            Self::Runs => Shape::Dag,
            Self::Waits => Shape::Waits,
        }
    }

    pub(crate) fn n_runs(self) -> u32 {
        if self == Self::Runs { 200 } else { 1 }
    }

    /// The figure of a repeat that took so long.
    pub(crate) fn figure(self, seconds: f64) -> f64 {
        let n_steps = self.n_runs() * self.shape().n_steps();
        match self {
            Self::Chain => seconds * 1000.0 / f64::from(n_steps),
            Self::Fan => seconds * 1000.0,
            Self::Runs => per_second(n_steps, seconds),
            Self::Waits => seconds,
        }
    }

    pub(crate) fn is_better(self, figure: f64, than: f64) -> bool {
        if self.more_is_better() { figure > than } else { figure < than }
    }

    pub(crate) fn more_is_better(self) -> bool {
        self == Self::Runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_what_its_key_says() {
        let figures = Comparison::ALL.map(|comparison| comparison.figure(2.0).to_string());
        assert_eq!(figures, ["20", "2000", "1000", "2"]);
        assert!(Comparison::Chain.is_better(1.0, 2.0) && Comparison::Runs.is_better(2.0, 1.0));
    }
}
