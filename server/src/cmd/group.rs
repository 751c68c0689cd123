//! `weft group`: groups of people, for whoever runs the server.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use service::{OpContext, audience, exchange, groups};
use workflow::{
    api::{Audience, AudienceGroup, ChangeAudience, GroupView, MemberView, NewGroup},
    id::GroupId,
    limits::MAX_NAME_CHARS,
};

use super::{
    operator::{Operator, lines, told},
    remote::line,
    user,
};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Create a group
    Create(Named),
    /// Give a group another name; its id stays
    Rename(Named),
    /// Delete a group that no workflow asks or is for
    Delete(OfGroup),
    /// List all groups
    List,
    /// List who is in a group
    Members(OfGroup),
    /// Put somebody into a group
    Add(Member),
    /// Take somebody out of a group: their votes at open gates that ask it count no more
    Remove(Member),
    /// Show or say for which groups a workflow is; what is said takes the place of what was
    Audience(OfWorkflow),
}

#[derive(Args, Debug)]
pub(super) struct OfGroup {
    /// The id of the group, such as legal-team
    group: String,
}

#[derive(Args, Debug)]
pub(super) struct Named {
    #[command(flatten)]
    of: OfGroup,
    /// What people read
    #[arg(long)]
    name: String,
}

#[derive(Args, Debug)]
pub(super) struct Member {
    #[command(flatten)]
    of: OfGroup,
    #[arg(long)]
    email: String,
}

#[derive(Args, Debug)]
pub(super) struct OfWorkflow {
    /// Its slug, as files call it, or its id
    workflow: String,
    /// A group that may start it; while none may, everybody may (may be given several times)
    #[arg(long, value_name = "GROUP")]
    start: Vec<String>,
    /// A group that sees all its runs (may be given several times)
    #[arg(long, value_name = "GROUP")]
    see: Vec<String>,
    /// It is for everybody, and no group sees its runs
    #[arg(long, conflicts_with_all = ["start", "see"])]
    everybody: bool,
}

impl OfWorkflow {
    /// None: it is only looked at.
    fn change(&self) -> Option<ChangeAudience> {
        let of = |id: &String| AudienceGroup {
            group_id: GroupId::new(id.clone()),
            may_start: self.start.contains(id),
            may_see: self.see.contains(id),
        };
        let named: BTreeSet<&String> = self.start.iter().chain(&self.see).collect();
        let groups: Vec<AudienceGroup> = named.into_iter().map(of).collect();
        (self.everybody || !groups.is_empty()).then_some(ChangeAudience { groups, expect: None })
    }
}

pub(super) async fn run(command: Group, config: &config::Database) -> Result<ExitCode> {
    let operator = Operator::begin_at_home(config).await?;
    let done = perform(&operator, command).await;
    operator.end().await?;
    println!("{}", done?);
    Ok(ExitCode::SUCCESS)
}

async fn perform(operator: &Operator, command: Group) -> Result<String> {
    let ctx = operator.context().await?;
    match command {
        Group::Create(Named { of, name }) => {
            let group = NewGroup { id: GroupId::new(of.group), name };
            Ok(format!("Created the group {}", groups::create(&ctx, &group).await.map_err(told)?.id))
        }
        Group::Rename(Named { of, name }) => {
            let id = find(&ctx, of).await?;
            let group = groups::rename(&ctx, &id, &name).await.map_err(told)?;
            Ok(format!("{id} is now called {}", line(&group.name, MAX_NAME_CHARS)))
        }
        Group::Delete(of) => {
            let id = find(&ctx, of).await?;
            groups::delete(&ctx, &id).await.map_err(told)?;
            Ok(format!("Deleted the group {id}"))
        }
        Group::List => list(&ctx).await,
        Group::Members(of) => members(&ctx, &find(&ctx, of).await?).await,
        Group::Add(Member { of, email }) => {
            let id = find(&ctx, of).await?;
            let member = groups::add_member(&ctx, &id, &email).await.map_err(told)?;
            Ok(format!("{} is in the group {id}", member.email))
        }
        Group::Remove(Member { of, email }) => {
            let id = find(&ctx, of).await?;
            let user = user::find(&ctx, &email).await?;
            match groups::remove_member(&ctx, &id, user.id).await {
                Ok(()) => Ok(format!("{} is not in the group {id} any more", user.email)),
                Err(service::Error::NotFound) => {
                    bail!("{} is not in the group {id}\n`weft group members {id}` shows who is", user.email)
                }
                Err(error) => Err(told(error)),
            }
        }
        Group::Audience(wanted) => match audience_of(&ctx, &wanted).await {
            Ok(audience) => Ok(audience_words(&audience)),
            Err(service::Error::NotFound) => {
                bail!(
                    "there is no workflow {}\nName it by its slug or its id, which the address of its page ends with",
                    line(&wanted.workflow, MAX_NAME_CHARS)
                )
            }
            Err(error) => Err(told(error)),
        },
    }
}

async fn audience_of(ctx: &OpContext, wanted: &OfWorkflow) -> service::Result<Audience> {
    let id = exchange::named(ctx, &wanted.workflow).await?;
    match wanted.change() {
        Some(change) => audience::set(ctx, id, &change).await,
        None => audience::get(ctx, id).await,
    }
}

fn audience_words(audience: &Audience) -> String {
    let groups = &audience.groups;
    let everybody = (!groups.iter().any(|group| group.may_start)).then(|| "Everybody may start it".to_owned());
    let of = |group: &AudienceGroup| {
        let may = match (group.may_start, group.may_see) {
            (true, true) => "starts it and sees all its runs",
            (true, false) => "starts it",
            (false, _) => "sees all its runs",
        };
        format!("{}  {may}", group.group_id)
    };
    everybody.into_iter().chain(groups.iter().map(of)).collect::<Vec<_>>().join("\n")
}

async fn find(ctx: &OpContext, of: OfGroup) -> Result<GroupId> {
    let id = GroupId::new(of.group);
    match groups::get(ctx, &id).await {
        Ok(group) => Ok(group.id),
        Err(service::Error::NotFound) => {
            bail!("there is no group {}\n`weft group list` shows all", line(id.as_str(), MAX_NAME_CHARS))
        }
        Err(error) => Err(told(error)),
    }
}

async fn list(ctx: &OpContext) -> Result<String> {
    let of = |group: &GroupView| {
        let name = line(&group.name, MAX_NAME_CHARS);
        format!("{}  {} of {} can sign in  {name}", group.id, group.n_active, group.n_members)
    };
    lines(async |wanted| groups::list(ctx, wanted).await, of).await
}

async fn members(ctx: &OpContext, group: &GroupId) -> Result<String> {
    let of = |member: &MemberView| {
        let disabled = if member.is_disabled { "  disabled" } else { "" };
        format!("{}{disabled}", member.email)
    };
    lines(async |wanted| groups::members(ctx, group, wanted).await, of).await
}
