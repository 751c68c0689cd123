//! For whom a workflow is, and the gates that nobody can decide any more: for admins.
//! Must never leave a workflow to everybody because a name in the list was wrong: what is wrong changes nothing.

use std::collections::BTreeSet;

use store::audience::SetAudience;
use workflow::{
    RunId, TemplateId, UserId,
    access::Actor,
    api::{Audience, AudienceGroup, ChangeAudience, StuckGate},
    limits::MAX_ASSIGNEES,
};

use crate::{Error, OpContext, Result};

/// Told at once; who decides these sees the next ones.
const MOST_STUCK: i64 = 100;

pub async fn get(ctx: &OpContext, id: TemplateId) -> Result<Audience> {
    ctx.manager_of_people()?;
    Ok(Audience { groups: ctx.store().audience(id).await?.ok_or(Error::NotFound)? })
}

/// Says anew for whom a workflow is. Runs that are there go on.
pub async fn set(ctx: &OpContext, id: TemplateId, change: &ChangeAudience) -> Result<Audience> {
    ctx.manager_of_people()?;
    let ChangeAudience { groups, expect } = change;
    check(groups)?;
    match ctx.store().set_audience(id, groups, expect.as_deref(), ctx.author()).await? {
        SetAudience::Set => get(ctx, id).await,
        SetAudience::NotFound => Err(Error::NotFound),
        SetAudience::Changed => Err(Error::Conflict(
            "Somebody changed whom this workflow is for since you looked, so nothing was saved. Look at it again first."
                .to_owned(),
        )),
        SetAudience::UnknownGroups(unknown) => {
            let n = groups.iter().position(|group| unknown.contains(&group.group_id)).unwrap_or_default();
            let detail = format!("There is no group `{}`. Create it first.", groups[n].group_id);
            Err(Error::invalid(format!("groups.{n}.group_id"), detail))
        }
    }
}

fn check(groups: &[AudienceGroup]) -> Result<()> {
    if groups.len() > MAX_ASSIGNEES {
        return Err(Error::invalid("groups", format!("A workflow is for at most {MAX_ASSIGNEES} groups.")));
    }
    let mut seen = BTreeSet::new();
    for (n, group) in groups.iter().enumerate() {
        let field = format!("groups.{n}");
        if !group.group_id.is_well_formed() {
            return Err(Error::invalid(
                format!("{field}.group_id"),
                "This is no id of a group. Use one like `legal-team`.",
            ));
        }
        if !seen.insert(&group.group_id) {
            return Err(Error::invalid(field, format!("The group `{}` is named twice.", group.group_id)));
        }
        if !group.may_start && !group.may_see {
            let detail = "It may neither start it nor see its runs. Give it one of the two, or leave it out.";
            return Err(Error::invalid(field, detail));
        }
    }
    Ok(())
}

/// Open gates at which too few can decide, because somebody left or was disabled since.
pub async fn stuck(ctx: &OpContext) -> Result<Vec<StuckGate>> {
    ctx.admin()?;
    Ok(ctx.store().stuck_gates(MOST_STUCK).await?)
}

/// Whom a list of workflows to start is for; admins are told all.
pub(crate) fn starter(actor: &Actor) -> Option<UserId> {
    (!actor.may_administer()).then_some(actor.id)
}

/// Passes if somebody may begin new work in a run of theirs: by the audience of what was started, whichever sub-workflow of it this is.
pub(crate) async fn refuse_going_on(ctx: &OpContext, actor: &Actor, run: RunId) -> Result<()> {
    if actor.may_administer() || ctx.store().may_go_on(run, actor.id).await? {
        return Ok(());
    }
    let detail = "The workflow is for others now: what is under way here may end, but you begin no more work in it. Ask an \
                  admin.";
    Err(Error::NotYours(detail.to_owned()))
}
