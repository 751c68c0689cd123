//! Checks of a step's gate: who decides, how many, how often and until when.

use std::collections::BTreeSet;

use super::Told;
use crate::{
    access::Role,
    definition::{OnError, OnReviewTimeout, Review, ReviewMode, Step},
    id::GroupId,
    limits::{MAX_QUORUM, MAX_REVIEW_TIMEOUT_S, MAX_ROUNDS},
    people::is_email,
    problem::ProblemCode,
};

pub(super) fn check(step: &Step, is_human: bool, told: &mut Told<'_>) {
    let review = &step.review;
    // A form always waits for its answer, whatever the mode.
    if review.mode == ReviewMode::WhenManual && !is_human {
        if !review.assignees.is_empty() {
            told.invalid(
                "review.assignees",
                "A gate that only stops while auto-run is off has no assignees: set `mode` to `always`",
            );
        }
        if review.quorum > 1 {
            told.invalid(
                "review.quorum",
                "A gate that only stops while auto-run is off has a quorum of 1: set `mode` to `always`",
            );
        }
    }
    if !(1..=MAX_QUORUM).contains(&review.quorum) {
        told.invalid("review.quorum", format!("Use a quorum from 1 to {MAX_QUORUM}"));
    }
    if review.max_rounds > MAX_ROUNDS {
        told.invalid("review.max_rounds", format!("Allow at most {MAX_ROUNDS} rejections"));
    }
    if review.timeout_s.is_some_and(|seconds| !(1..=MAX_REVIEW_TIMEOUT_S).contains(&seconds)) {
        told.invalid("review.timeout_s", "Let the review wait from 1 second to 365 days, or leave the time-out out");
    }
    if review.on_timeout == OnReviewTimeout::Approve {
        if is_human && step.default_output.is_none() {
            told.error(
                "default_output",
                ProblemCode::MissingOutput,
                "Approving by itself needs an answer: give `default_output`, or let the time-out fail the step",
            );
        }
        if review.timeout_s.is_none() {
            told.warning("review.on_timeout", ProblemCode::NoEffect, "Without `timeout_s` there is no time-out");
        }
    }
    binding(step, is_human, told);
    assignees(review, told);
}

/// A gate that binds is not gone around by waiting, nor by failing.
fn binding(step: &Step, is_human: bool, told: &mut Told<'_>) {
    if !step.review.binds(is_human) {
        return;
    }
    if step.review.on_timeout == OnReviewTimeout::Approve {
        told.invalid(
            "review.on_timeout",
            "A gate with assignees, a quorum above 1 or without the owner's own approval is never approved by time: let the time-out fail the step",
        );
    }
    if step.on_error == OnError::Default {
        told.invalid(
            "on_error",
            "A default output would pass a gate that has assignees, a quorum above 1 or does not take the owner's own approval: let the step fail, or go on without its outputs",
        );
    }
}

fn assignees(review: &Review, told: &mut Told<'_>) {
    let mut seen = BTreeSet::new();
    for (n, role) in review.assignees.roles.iter().enumerate() {
        let field = format!("review.assignees.roles.{n}");
        if role.parse::<Role>().is_err() {
            told.invalid(field, format!("`{role}` is no role: use `admin` or `user`"));
        } else if !seen.insert(role.to_ascii_lowercase()) {
            told.error(field, ProblemCode::Duplicate, format!("The role `{role}` is named twice"));
        }
    }
    let mut groups = BTreeSet::new();
    for (n, group) in review.assignees.groups.iter().enumerate() {
        let field = format!("review.assignees.groups.{n}");
        if !GroupId::from(group.as_str()).is_well_formed() {
            told.invalid(field, format!("`{group}` is no id of a group: use one like `legal-team`"));
        } else if !groups.insert(group) {
            told.error(field, ProblemCode::Duplicate, format!("The group `{group}` is named twice"));
        }
    }
    for (n, email) in review.assignees.users.iter().enumerate() {
        let field = format!("review.assignees.users.{n}");
        if !is_email(email) {
            told.invalid(field, format!("`{email}` is no email address: write one like name@example.com"));
        } else if !seen.insert(email.to_ascii_lowercase()) {
            told.error(field, ProblemCode::Duplicate, format!("`{email}` is named twice"));
        }
    }
    let n_users = review.assignees.users.len();
    let asks_by_name = review.assignees.roles.is_empty() && review.assignees.groups.is_empty();
    if asks_by_name && n_users > 0 && review.quorum as usize > n_users {
        told.warning(
            "review.quorum",
            ProblemCode::InvalidValue,
            format!(
                "{} approvals are wanted, but only {n_users} of the assignees are named: the rest must come from admins",
                review.quorum
            ),
        );
    }
}
