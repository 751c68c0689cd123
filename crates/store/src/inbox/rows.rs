//! Open gates as the database has them, and as they are shown.
//! Must never show an approval that counts no more: others would wait for one less than are wanted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    RunId, TemplateId, UserId,
    api::InboxItem,
    id::StepKey,
    run::{Voters, state::Review},
};

use crate::{Result, decode::word};

#[derive(sqlx::FromRow)]
pub(super) struct ItemRow {
    run_id: Uuid,
    step: String,
    title: String,
    template_id: Uuid,
    template_name: String,
    about: Option<String>,
    user_id: Uuid,
    owner: String,
    generation: i32,
    number: i32,
    is_form: bool,
    round: i32,
    max_rounds: i32,
    opened_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    on_timeout: String,
    quorum: i32,
    allow_self: bool,
    roles: Vec<String>,
    users: Vec<String>,
    votes: Vec<Uuid>,
    voted_at: Vec<Option<DateTime<Utc>>>,
    voted_for: Vec<Option<Uuid>>,
    acts_for: Option<String>,
    n_asked: Option<i64>,
}

impl ItemRow {
    /// Those who approved, and those in whose place they did, whether that still counts or not.
    pub(super) fn voted(&self) -> impl Iterator<Item = UserId> {
        self.votes.iter().chain(self.voted_for.iter().flatten()).copied().map(UserId)
    }

    pub(super) fn item(self, voters: &Voters, emails: &BTreeMap<UserId, String>) -> Result<InboxItem> {
        let on_timeout = word(&self.on_timeout, "reviews", "on_timeout", &self.run_id)?;
        let groups = self.roles.iter().filter_map(|kind| kind.strip_prefix("group:")).map(str::to_owned).collect();
        let voted_at = self.votes.iter().zip(&self.voted_at).filter_map(|(by, at)| Some((UserId(*by), (*at)?)));
        let voted_for = self.votes.iter().zip(&self.voted_for);
        let voted_for = voted_for.filter_map(|(by, of)| Some((UserId(*by), UserId((*of)?))));
        let review = Review {
            number: self.number,
            opened_at: self.opened_at,
            due_at: self.due_at,
            on_timeout,
            quorum: u32::try_from(self.quorum).unwrap_or(1),
            allow_self: self.allow_self,
            voted_at: voted_at.collect(),
            voted_for: voted_for.collect(),
            votes: self.votes.iter().copied().map(UserId).collect(),
            roles: self.roles.into_iter().filter(|kind| !kind.starts_with("group:")).collect(),
            groups,
            users: self.users,
        };
        let standing = review.standing_votes(voters, UserId(self.user_id));
        Ok(InboxItem {
            run_id: RunId(self.run_id),
            step: StepKey::new(self.step),
            title: self.title,
            template_id: TemplateId(self.template_id),
            template_name: self.template_name,
            about: self.about,
            owner: self.owner,
            generation: self.generation,
            number: self.number,
            is_form: self.is_form,
            round: self.round,
            max_rounds: self.max_rounds,
            opened_at: self.opened_at,
            due_at: self.due_at,
            on_timeout,
            quorum: self.quorum,
            votes: standing.iter().filter_map(|by| emails.get(by).cloned()).collect(),
            n_asked: self.n_asked,
            groups: review.groups,
            group_names: BTreeMap::new(),
            acts_for: self.acts_for,
        })
    }
}
