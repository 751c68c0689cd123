//! Who is named in a run and in an event of it: ids, for which whoever shows them asks for the emails.
//! Must name everybody whom a view of either shows.

use std::collections::BTreeSet;

use super::{
    RunEvent, State,
    event::Effects,
    state::{ClosedReview, Outputs, Rejection, Review, Step, Version},
};
use crate::id::UserId;

impl State {
    /// Everybody whom the view of the run shows.
    pub fn people(&self) -> BTreeSet<UserId> {
        let mut people = BTreeSet::from([self.birth.user_id]);
        people.extend(self.steps().flat_map(of_step));
        people.extend(self.versions.values().flat_map(Outputs::all).flatten().flat_map(of_version));
        people.extend(self.rejections.values().flatten().map(of_rejection));
        people
    }
}

impl RunEvent {
    /// Everybody whom the event names.
    pub fn people(&self) -> BTreeSet<UserId> {
        let Effects { started, steps, artifacts, reviews, rejections, acted_for, .. } = &self.data;
        let mut people: BTreeSet<UserId> = self.actor.into_iter().collect();
        people.extend(*acted_for);
        people.extend(started.iter().map(|started| started.user_id));
        people.extend(steps.iter().flat_map(of_step));
        people.extend(artifacts.iter().flat_map(of_version));
        people.extend(reviews.iter().flat_map(of_closed));
        people.extend(rejections.iter().map(of_rejection));
        people
    }
}

fn of_step(step: &Step) -> impl Iterator<Item = UserId> + '_ {
    step.review().into_iter().flat_map(Review::voters)
}

fn of_closed(closed: &ClosedReview) -> impl Iterator<Item = UserId> + '_ {
    closed.votes.iter().chain(closed.voted_for.values()).copied().chain(closed.by).chain(closed.acted_for)
}

fn of_version(version: &Version) -> impl Iterator<Item = UserId> + '_ {
    version.made_by.into_iter().chain(version.approved_by.iter().copied())
}

fn of_rejection(rejection: &Rejection) -> UserId {
    rejection.by
}
