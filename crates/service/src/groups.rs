//! Groups of people, for admins and for the operator's command line: whom gates ask and workflows are for.
//! Must never let another group be asked in the place of one that is gone.

use store::groups::{Changed, CreateGroup, DeleteGroup};
use workflow::{
    UserId,
    api::{GroupView, MemberView, NewGroup, Page},
    id::GroupId,
    limits::{MAX_NAME_CHARS, MAX_PEOPLE_GROUPS},
};

use crate::{Error, OpContext, Result, Wanted, text};

pub async fn list(ctx: &OpContext, wanted: &Wanted) -> Result<Page<GroupView>> {
    ctx.manager_of_people()?;
    Ok(ctx.store().groups(wanted.window()).await?)
}

pub async fn get(ctx: &OpContext, id: &GroupId) -> Result<GroupView> {
    ctx.manager_of_people()?;
    let id = known(id)?;
    ctx.store().group(id).await?.ok_or(Error::NotFound)
}

pub async fn create(ctx: &OpContext, group: &NewGroup) -> Result<GroupView> {
    ctx.manager_of_people()?;
    if !group.id.is_well_formed() {
        let detail = "Use at most 64 small letters, digits, hyphens and underscores, and begin with a letter, such as `legal-team`.";
        return Err(Error::invalid("id", detail));
    }
    let name = text::name("name", &group.name, MAX_NAME_CHARS)?;
    match ctx.store().create_group(&group.id, &name, MAX_PEOPLE_GROUPS, ctx.author()).await? {
        CreateGroup::Created => get(ctx, &group.id).await,
        CreateGroup::IdTaken => Err(Error::invalid("id", "There is a group with this id already. Choose another one.")),
        CreateGroup::IdGone => Err(Error::invalid(
            "id",
            "A group that was deleted had this id, and runs or older versions may ask it still. Choose another one.",
        )),
        CreateGroup::TooMany => Err(Error::Conflict(format!(
            "There are {MAX_PEOPLE_GROUPS} groups, as many as there may be. Delete one first."
        ))),
    }
}

pub async fn rename(ctx: &OpContext, id: &GroupId, name: &str) -> Result<GroupView> {
    ctx.manager_of_people()?;
    let id = known(id)?;
    let name = text::name("name", name, MAX_NAME_CHARS)?;
    if ctx.store().rename_group(id, &name, ctx.author()).await? { get(ctx, id).await } else { Err(Error::NotFound) }
}

pub async fn delete(ctx: &OpContext, id: &GroupId) -> Result<()> {
    ctx.manager_of_people()?;
    match ctx.store().delete_group(known(id)?, ctx.author()).await? {
        DeleteGroup::Deleted => Ok(()),
        DeleteGroup::NotFound => Err(Error::NotFound),
        DeleteGroup::Used(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
            Err(Error::Conflict(format!(
                "Workflows ask this group or are for it: {}. Take it out there first, then delete it.",
                names.join(", ")
            )))
        }
    }
}

/// Those who are in the group now, by email.
pub async fn members(ctx: &OpContext, id: &GroupId, wanted: &Wanted) -> Result<Page<MemberView>> {
    get(ctx, id).await?;
    Ok(ctx.store().group_members(id, wanted.window()).await?)
}

/// The person with this email is in the group from now on: gates that ask it ask them, those that are open too.
pub async fn add_member(ctx: &OpContext, id: &GroupId, email: &str) -> Result<MemberView> {
    get(ctx, id).await?;
    let user = ctx.store().user_by_email(&text::email(email)?).await?.ok_or_else(|| {
        Error::invalid("email", "Nobody has an account with this email. Check it, or create the account first.")
    })?;
    match ctx.store().add_member(id, user.id, ctx.author()).await? {
        Changed::Changed | Changed::Unchanged => {
            Ok(MemberView { id: user.id, email: user.email, is_disabled: user.is_disabled })
        }
        Changed::NotFound => Err(Error::NotFound),
    }
}

/// The person is in the group no more, and what they approved for it at open gates counts no more.
pub async fn remove_member(ctx: &OpContext, id: &GroupId, user: UserId) -> Result<()> {
    ctx.manager_of_people()?;
    match ctx.store().remove_member(known(id)?, user, ctx.author()).await? {
        Changed::Changed => Ok(()),
        Changed::Unchanged | Changed::NotFound => Err(Error::NotFound),
    }
}

/// What is no id of a group is as missing as a group that nobody made.
fn known(id: &GroupId) -> Result<&GroupId> {
    if id.is_well_formed() { Ok(id) } else { Err(Error::NotFound) }
}
