//! Sharing a run read-only with people and groups. It is the owner's and admins' to do, whatever becomes of the run.
//! Must never tell apart who has no account and who cannot sign in, nor groups that there are not and those that somebody is not in.

use store::{
    Window,
    runs::shares::{NewRunShare, RunToShare, ShareRun, SharedWith},
};
use workflow::{
    RunId,
    access::{Actor, Scope},
    api::{NewShare, RunShare, RunShares, ShareGroup},
    id::{GroupId, ShareId},
    limits::{MAX_PEOPLE_GROUPS, MAX_RUN_SHARES},
    run::Snapshot,
};

use super::visible;
use crate::{Error, OpContext, Result, id, text};

/// With whom it is shared, and with which groups whoever asks can share it.
pub async fn shares(ctx: &OpContext, id: RunId) -> Result<RunShares> {
    let viewer = ctx.user()?;
    theirs(ctx, viewer, id).await?;
    Ok(RunShares { shares: ctx.store().run_shares(id).await?, groups: groups(ctx, viewer).await? })
}

/// Lets one person or one group look at the run. Twice is once.
pub async fn share(ctx: &OpContext, id: RunId, wanted: &NewShare) -> Result<RunShare> {
    let viewer = ctx.user_for(Scope::Run)?;
    let run = theirs(ctx, viewer, id).await?;
    if run.is_test {
        let detail = "A try is its maker's alone. Start the workflow, and share that run.";
        return Err(Error::Conflict(detail.to_owned()));
    }
    if run.is_part {
        let detail = "It is part of a larger run. Share that one: whoever sees it sees this too.";
        return Err(Error::Conflict(detail.to_owned()));
    }
    let with = match (text::given(wanted.email.as_deref()), &wanted.group_id) {
        (Some(email), None) => person(ctx, &run, email).await?,
        (None, Some(group)) if may_name(viewer, group) => SharedWith::Group(group.clone()),
        (None, Some(_)) => return Err(unknown_group()),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::invalid("email", "Name one person by their email, or one group."));
        }
    };
    let new = NewRunShare { id: ShareId(id::new_id()), run: id, with, by: viewer.id, most: MAX_RUN_SHARES };
    match ctx.store().share_run(&new, ctx.author()).await? {
        ShareRun::Shared(made) => {
            let all = ctx.store().run_shares(id).await?;
            // Somebody may have ended it already.
            all.into_iter().find(|share| share.id == made).ok_or(Error::NotFound)
        }
        ShareRun::TooMany => Err(Error::Conflict(format!(
            "It is shared with {MAX_RUN_SHARES} people and groups, as many as there may be. End one first, or share it with a group."
        ))),
        ShareRun::NoGroup => Err(unknown_group()),
    }
}

pub async fn end_share(ctx: &OpContext, id: RunId, share: ShareId) -> Result<()> {
    let viewer = ctx.user_for(Scope::Run)?;
    theirs(ctx, viewer, id).await?;
    if ctx.store().end_share(id, share, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Who shared it with whoever looks; nobody did where it is theirs to steer. The run has been looked at by whoever asks.
pub async fn shared_by(ctx: &OpContext, run: &Snapshot) -> Result<Option<String>> {
    let viewer = ctx.user()?;
    match &run.data.started {
        Some(started) if !viewer.may_run(started.user_id) => Ok(ctx.store().shared_by(started.id, viewer.id).await?),
        _ => Ok(None),
    }
}

/// Passes if the run is the viewer's to share.
async fn theirs(ctx: &OpContext, viewer: &Actor, id: RunId) -> Result<RunToShare> {
    visible(ctx, id).await?;
    let run = ctx.store().run_to_share(id).await?.ok_or(Error::NotFound)?;
    if viewer.may_run(run.owner) { Ok(run) } else { Err(Error::Forbidden) }
}

async fn person(ctx: &OpContext, run: &RunToShare, email: &str) -> Result<SharedWith> {
    let Ok(email) = text::email(email) else {
        return Err(Error::invalid("email", "This is no email. Write a whole one, such as ben@example.org."));
    };
    let user = ctx.store().user_by_email(&email).await?.filter(|user| !user.is_disabled);
    let user = user.ok_or_else(|| {
        Error::invalid("email", "Nobody who can sign in has this email. Check it, or name somebody else.")
    })?;
    if user.id == run.owner {
        return Err(Error::invalid("email", "The run is theirs already. Name somebody else."));
    }
    Ok(SharedWith::Person(user.id))
}

/// A group that somebody is not in is as missing as one that nobody made; admins know all.
fn may_name(viewer: &Actor, group: &GroupId) -> bool {
    group.is_well_formed() && (viewer.is_admin() || viewer.groups.contains(group))
}

fn unknown_group() -> Error {
    Error::invalid("group_id", "There is no such group that you are in. Choose one of yours.")
}

/// Those that a run can be shared with: for admins all, for others their own.
async fn groups(ctx: &OpContext, viewer: &Actor) -> Result<Vec<ShareGroup>> {
    if viewer.is_admin() {
        let all = ctx.store().groups(Window { after: None, limit: MAX_PEOPLE_GROUPS }).await?;
        return Ok(all.items.into_iter().map(|group| ShareGroup { id: group.id, name: group.name }).collect());
    }
    let ids: Vec<String> = viewer.groups.iter().map(ToString::to_string).collect();
    // Who is in them is nobody's business here.
    let known = ctx.store().groups_that_can(&ids, 0).await?;
    let mut known: Vec<ShareGroup> =
        known.into_iter().map(|(id, name, _)| ShareGroup { id: GroupId::new(id), name }).collect();
    known.sort_by_cached_key(|group| (group.name.to_lowercase(), group.id.clone()));
    Ok(known)
}
