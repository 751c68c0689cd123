//! Checks of what a whole run may take: steps at once, budget, time.

use crate::{
    definition::Limits,
    limits,
    problem::{Problem, ProblemCode},
};

pub(super) fn check(of_run: &Limits, problems: &mut Vec<Problem>) {
    let mut invalid = |field: &str, message: &str| {
        problems.push(Problem::error(None, Some(field.to_owned()), ProblemCode::InvalidValue, message));
    };
    if of_run.max_parallel.is_some_and(|n| !(1..=limits::MAX_PARALLEL).contains(&n)) {
        invalid("limits.max_parallel", "Allow from 1 to 10,000 steps at once, or leave the limit out");
    }
    if of_run.timeout_s.is_some_and(|seconds| !(1..=limits::MAX_RUN_TIMEOUT_S).contains(&seconds)) {
        invalid("limits.timeout_s", "Use a time limit from 1 second to 30 days, or leave it out");
    }
    if let Some(budget) = &of_run.budget {
        if budget.tokens.is_none() && budget.cost_micros.is_none() {
            invalid("limits.budget", "Give the budget in tokens or in money, or leave it out");
        }
        if budget.tokens.is_some_and(|tokens| tokens < 1) {
            invalid("limits.budget.tokens", "Allow at least 1 token, or leave the budget out");
        }
        if budget.cost_micros.is_some_and(|cost| cost < 1) {
            invalid("limits.budget.cost_micros", "Allow at least 1 millionth of the currency, or leave the budget out");
        }
    }
}
