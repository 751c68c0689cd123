//! Who plays in tests and simulated worlds, and the dice. Must draw no number by itself.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    access::{Actor, Role},
    id::UserId,
};

/// Where random numbers come from.
pub trait Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: usize) -> usize;

    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == n - 1
    }
}

pub fn person(n: u128, role: Role) -> Actor {
    Actor {
        id: UserId(Uuid::from_u128(n)),
        email: format!("p{n}@example.com"),
        role,
        groups: BTreeSet::new(),
        acts_for: Vec::new(),
    }
}

pub fn owner() -> Actor {
    person(3, Role::User)
}

pub fn admin() -> Actor {
    person(4, Role::Admin)
}
