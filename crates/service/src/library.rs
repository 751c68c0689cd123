//! The content that Weft is shipped with: put into the library once, never over what somebody made.
//! Goes the way of every other file of a workflow: imported whole or not at all, validated and audited, and then published.

use workflow::exchange::{Act, Report, Thing};

use crate::{
    Error, OpContext, Result,
    exchange::{self, Import},
    templates,
};

/// Of a draft that nobody saved since it was made.
const FIRST_REVISION: i64 = 1;

/// Workflows as files, each with all that it needs. What another file of it has too has to say the same there.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub files: Vec<&'static str>,
}

/// What was new.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Installed {
    pub n_agents: usize,
    pub n_templates: usize,
    pub left_out: Vec<LeftOut>,
}

/// A workflow that was not made or published: it would have changed what is here, or somebody was at work at the same moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// What the workflow is called.
    pub name: String,
    pub why: String,
}

/// Adds and publishes the workflows whose slug is not taken, with the agents and workflows that they need. One that is here stays as it
/// is, whatever became of it; one that could only come by changing what is here is left out.
pub async fn install(ctx: &OpContext, library: &Library) -> Result<Installed> {
    ctx.admin()?;
    let mut installed = Installed::default();
    for file in &library.files {
        let dry_run = Import { dry_run: true, digest: None };
        let listed = Box::pin(exchange::import(ctx, (*file).to_owned(), &dry_run)).await?;
        let added = if is_here(&listed) {
            Box::pin(publish_begun(ctx, &listed)).await
        } else if let Some(why) = in_the_way(&listed) {
            installed.left_out.push(LeftOut { name: listed.name, why });
            continue;
        } else {
            Box::pin(add(ctx, file, &listed)).await
        };
        match added {
            Ok(Added { n_agents, n_templates }) => {
                installed.n_agents += n_agents;
                installed.n_templates += n_templates;
            }
            Err(error) => installed.left_out.push(LeftOut { name: listed.name, why: done_meanwhile(error)? }),
        }
    }
    Ok(installed)
}

/// What one file brought.
#[derive(Default)]
struct Added {
    n_agents: usize,
    n_templates: usize,
}

async fn add(ctx: &OpContext, file: &str, listed: &Report) -> Result<Added> {
    // Only what was listed: somebody may be at work at the same moment.
    let import = Import { dry_run: false, digest: Some(listed.digest.clone()) };
    let made = Box::pin(exchange::import(ctx, file.to_owned(), &import)).await?;
    if let Some(id) = made.template_id {
        templates::publish_at(ctx, id, Some(FIRST_REVISION), "").await?;
    }
    let created = |thing: Thing| {
        made.changes.iter().filter(move |change| change.thing == thing && change.act == Act::Create).count()
    };
    Ok(Added { n_agents: created(Thing::Agent), n_templates: created(Thing::Workflow) })
}

/// Publishes what was imported when the process ended before it was published: a draft that says all that the file says, and that
/// nobody has touched since it was made.
async fn publish_begun(ctx: &OpContext, listed: &Report) -> Result<Added> {
    let is_as_shipped = listed.problems.is_empty() && listed.changes.iter().all(|change| change.act == Act::Nothing);
    let Some(id) = listed.template_id.filter(|_| is_as_shipped) else { return Ok(Added::default()) };
    let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    if draft.published.is_some() || draft.archived_at.is_some() || draft.revision != FIRST_REVISION {
        return Ok(Added::default());
    }
    templates::publish_at(ctx, id, Some(FIRST_REVISION), "").await?;
    Ok(Added { n_agents: 0, n_templates: 1 })
}

/// What somebody did at the same moment, so that this file was not added. Every other error ends the whole.
fn done_meanwhile(error: Error) -> Result<String> {
    match error {
        Error::Conflict(detail) => Ok(detail),
        Error::Stale { .. } => Ok("Somebody saved its draft at the same moment".into()),
        Error::NotFound => Ok("Somebody deleted its draft at the same moment".into()),
        error => Err(error),
    }
}

/// Whether a workflow of that slug is here, changed, set aside or not.
fn is_here(listed: &Report) -> bool {
    let mut changes = listed.changes.iter();
    !changes.any(|change| change.thing == Thing::Workflow && change.id == listed.main && change.act == Act::Create)
}

/// What keeps a file from being added to what is here.
fn in_the_way(listed: &Report) -> Option<String> {
    if let Some(problem) = listed.problems.first() {
        return Some(problem.message.clone());
    }
    let changed = listed.changes.iter().find(|change| !matches!(change.act, Act::Nothing | Act::Create));
    let changed = changed.map(|change| {
        let thing = change.thing.words().to_lowercase();
        format!("The {thing} `{}` is here already and says something else", change.id)
    });
    changed.or_else(|| listed.conflicts.first().map(|conflict| conflict.message.clone()))
}

#[cfg(test)]
mod tests {
    use workflow::exchange::{Change, Note};

    use super::*;

    fn listed(acts: &[(Thing, &str, Act)]) -> Report {
        let change = |(thing, id, act): &(Thing, &str, Act)| Change {
            thing: *thing,
            id: (*id).to_owned(),
            name: String::new(),
            act: *act,
            version: None,
            fields: Vec::new(),
        };
        Report {
            main: "brief".into(),
            name: "Brief".into(),
            changes: acts.iter().map(change).collect(),
            conflicts: Vec::new(),
            grants: Vec::new(),
            calls: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            digest: String::new(),
            applied: false,
            template_id: None,
        }
    }

    #[test]
    fn only_what_changes_nothing_is_added() {
        let new = (Thing::Workflow, "brief", Act::Create);
        let fine = listed(&[(Thing::Agent, "writer", Act::Nothing), (Thing::Agent, "reader", Act::Create), new]);
        assert_eq!((is_here(&fine), in_the_way(&fine)), (false, None));
        for act in [Act::Nothing, Act::SaveDraft, Act::NewVersion] {
            assert!(is_here(&listed(&[(Thing::Workflow, "brief", act)])), "{act:?}");
        }
        assert!(is_here(&listed(&[(Thing::Agent, "brief", Act::Create)])), "that is an agent");
        for (thing, act) in
            [(Thing::Agent, Act::NewVersion), (Thing::Workflow, Act::NewVersion), (Thing::Workflow, Act::SaveDraft)]
        {
            let why = in_the_way(&listed(&[(thing, "other", act), new])).unwrap();
            assert!(why.contains("`other`"), "{why}");
        }
        let note = Note { place: String::new(), message: "no".into() };
        assert_eq!(in_the_way(&Report { conflicts: vec![note.clone()], ..listed(&[new]) }).as_deref(), Some("no"));
        assert_eq!(in_the_way(&Report { problems: vec![note], ..listed(&[new]) }).as_deref(), Some("no"));
    }

    #[test]
    fn what_somebody_did_meanwhile_leaves_one_file_out_and_nothing_else_does() {
        assert_eq!(done_meanwhile(Error::Conflict("taken".into())).ok().as_deref(), Some("taken"));
        for error in [Error::Stale { current: 2 }, Error::NotFound] {
            assert!(done_meanwhile(error).is_ok_and(|why| why.contains("at the same moment")));
        }
        for error in [Error::Forbidden, Error::Busy(String::new()), Error::Unstorable(String::new())] {
            assert!(done_meanwhile(error).is_err());
        }
    }
}
