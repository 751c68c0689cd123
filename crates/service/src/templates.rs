//! Workflow templates: published versions for everybody, drafts and publishing for admins.
//! Must never overwrite a newer draft, and never publish what the validator refuses.

mod copies;
pub(crate) mod nesting;
mod recent;

use std::collections::BTreeMap;

use serde_json::Value;
use store::{
    audience::SetAudience,
    templates::{Deleted, Draft, NewTemplate, NewVersion, Publish, SaveDraft},
};
use workflow::{
    AgentCatalog, AgentId, Definition, Document, Plan, Problem, Step, StepKey, TemplateId,
    api::{
        CreateTemplate, DraftNotes, Page, Published, PublishedTemplate, PublishedVersion, TemplateSummary,
        TemplateView, UpdateTemplate,
    },
    exchange::{Workflow, slug::UNTITLED},
    limits,
};

pub use recent::recent;

use crate::{Error, OpContext, Result, Wanted, audience, id, people, text, validation};

/// How often publishing looks again when the draft is saved under its hands.
const MAX_LOOKS: usize = 3;

/// By name; those whose name has every word that is looked for, where something is.
pub async fn gallery(ctx: &OpContext, search: Option<&str>, wanted: &Wanted) -> Result<Page<PublishedTemplate>> {
    let by = audience::starter(ctx.user()?);
    let search = text::searched(search)?;
    Ok(ctx.store().gallery(by, search.as_deref(), wanted.window()).await?)
}

/// What is made of what a template of the gallery runs, such as its drawing; none where that version is not there any more.
pub async fn made_of<T: Send + 'static>(
    ctx: &OpContext,
    listed: &PublishedTemplate,
    make: impl FnOnce(&Definition) -> T + Send + 'static,
) -> Result<Option<T>> {
    ctx.user()?;
    let content = ctx.store().version_content(listed.id, listed.version).await?;
    let Some(Workflow { definition, .. }) = content else { return Ok(None) };
    // Beside the async threads: of thousands of steps it takes a while.
    Ok(Some(tokio::task::spawn_blocking(move || make(&definition)).await?))
}

pub async fn get_published(ctx: &OpContext, id: TemplateId) -> Result<PublishedTemplate> {
    let by = audience::starter(ctx.user()?);
    let published = ctx.store().published(id, by).await?.ok_or(Error::NotFound)?;
    // A token of an admin that may only read is told what everybody is.
    let draft = if ctx.admin().is_ok() { Some(notes(ctx, id, published.version).await?) } else { None };
    let estimate = ctx.store().run_estimate(id).await?;
    Ok(PublishedTemplate { draft, estimate, ..published })
}

/// How the draft stands to a published version, and whom that asks in vain.
async fn notes(ctx: &OpContext, id: TemplateId, version: i32) -> Result<DraftNotes> {
    let has_unpublished_changes = get(ctx, id).await?.has_unpublished_changes;
    let problems = match ctx.store().version(id, version).await? {
        Some((version, _)) => people::problems(ctx, &version.definition).await?,
        None => Vec::new(),
    };
    Ok(DraftNotes { has_unpublished_changes, problems })
}

/// The last changed first; looked for as in the gallery.
pub async fn list(ctx: &OpContext, search: Option<&str>, wanted: &Wanted) -> Result<Page<TemplateSummary>> {
    ctx.admin()?;
    let search = text::searched(search)?;
    Ok(ctx.store().template_summaries(search.as_deref(), wanted.window()).await?)
}

pub async fn get(ctx: &OpContext, id: TemplateId) -> Result<TemplateView> {
    ctx.admin()?;
    let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    view(ctx, draft).await
}

/// The draft to be worked on: with all latest versions of agents, and those that it pins. It is read once for both.
pub async fn open(ctx: &OpContext, id: TemplateId) -> Result<(TemplateView, AgentCatalog)> {
    ctx.admin()?;
    let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    judged(ctx, draft).await
}

pub async fn create(ctx: &OpContext, template: CreateTemplate) -> Result<TemplateView> {
    let by = ctx.admin()?.id;
    let name = text::name("name", &template.name, limits::MAX_NAME_CHARS)?;
    let description = text::prose("description", &template.description, limits::MAX_DESCRIPTION_CHARS)?;
    let definition = read(&template.definition)?;
    let id = TemplateId(id::new_id());
    let new = NewTemplate { id, name: &name, description: &description, definition: &definition, by };
    ctx.store().create_template(new, ctx.author()).await?;
    get(ctx, id).await
}

/// A draft to begin with: an empty one that the person never touched, or a new one. Nobody gets a list full of them.
pub async fn begin(ctx: &OpContext) -> Result<TemplateView> {
    let by = ctx.admin()?.id;
    if let Some(id) = ctx.store().untouched_template(by, UNTITLED).await? {
        return get(ctx, id).await;
    }
    let definition = Definition::default();
    let id = TemplateId(id::new_id());
    let new = NewTemplate { id, name: UNTITLED, description: "", definition: &definition, by };
    ctx.store().create_template(new, ctx.author()).await?;
    get(ctx, id).await
}

/// Makes a draft that says what the draft of this one says, under a name of its own.
pub async fn duplicate(ctx: &OpContext, id: TemplateId) -> Result<TemplateView> {
    let by = ctx.admin()?.id;
    let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    let names = copies::names(&draft.name);
    let taken = ctx.store().template_names(&names).await?;
    let name = names.iter().find(|name| !taken.contains(name)).unwrap_or(&draft.name);
    let copy = TemplateId(id::new_id());
    let new = NewTemplate { id: copy, name, description: &draft.description, definition: &draft.definition, by };
    ctx.store().create_template(new, ctx.author()).await?;
    // What was not for everybody is not by being copied.
    if let Some(groups) = ctx.store().audience(id).await?.filter(|groups| !groups.is_empty()) {
        let set = ctx.store().set_audience(copy, &groups, None, ctx.author()).await?;
        if set != SetAudience::Set {
            // One of its groups went meanwhile. A copy that is for everybody is not what was asked for.
            ctx.store().delete_template(copy, None, ctx.author()).await?;
            let detail = "Whom this workflow is for changed just now, so nothing was copied. Try again.";
            return Err(Error::Conflict(detail.to_owned()));
        }
    }
    get(ctx, copy).await
}

/// Deletes a workflow that was never published; at a revision, if one is named.
pub async fn delete(ctx: &OpContext, id: TemplateId, base_revision: Option<i64>) -> Result<()> {
    ctx.admin()?;
    match ctx.store().delete_template(id, base_revision, ctx.author()).await? {
        Deleted::Deleted => Ok(()),
        Deleted::NotFound => Err(Error::NotFound),
        Deleted::Used => Err(Error::Conflict("It was published, and runs may refer to it. Archive it instead.".into())),
        Deleted::Stale { current } => Err(Error::Stale { current }),
    }
}

/// Saves the draft, problems and all; a stale base revision is a conflict and changes nothing.
pub async fn save_draft(ctx: &OpContext, id: TemplateId, update: UpdateTemplate) -> Result<TemplateView> {
    ctx.admin()?;
    let Some(base) = update.base_revision else {
        let detail = "Name the revision that this change began from: the `draft_revision` you were given.";
        return Err(Error::invalid("base_revision", detail));
    };
    let name = update.name.map(|name| text::name("name", &name, limits::MAX_NAME_CHARS)).transpose()?;
    let description = update.description;
    let description =
        description.map(|text| text::prose("description", &text, limits::MAX_DESCRIPTION_CHARS)).transpose()?;
    let definition = update.definition.as_ref().map(read).transpose()?;
    let saved = ctx
        .store()
        .save_draft(id, base, name.as_deref(), description.as_deref(), definition.as_ref(), ctx.author())
        .await?;
    match saved {
        SaveDraft::Saved => get(ctx, id).await,
        SaveDraft::NotFound => Err(Error::NotFound),
        SaveDraft::Stale { current } => Err(Error::Stale { current }),
    }
}

/// Sets a template aside: it starts no more runs, and no workflow can be published that runs it. Or takes it back.
pub async fn archive(ctx: &OpContext, id: TemplateId, is_archived: bool) -> Result<TemplateView> {
    ctx.admin()?;
    if !ctx.store().archive_template(id, is_archived, ctx.author()).await? {
        return Err(Error::NotFound);
    }
    get(ctx, id).await
}

/// The published versions, newest first: what a run can be moved to, and what an agent can run.
pub async fn versions(ctx: &OpContext, id: TemplateId, wanted: &Wanted) -> Result<Page<PublishedVersion>> {
    let user = ctx.user()?;
    // Hidden templates, which tests run, are no drafts of anybody.
    ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
    let mut versions = ctx.store().template_versions(id, wanted.window()).await?;
    // A token of an admin that may only read is told what everybody is.
    if ctx.admin().is_ok() {
        return Ok(versions);
    }
    let is_none = versions.items.is_empty() && wanted.after.is_none();
    if is_none || !(user.may_administer() || ctx.store().may_start(id, user.id).await?) {
        return Err(Error::NotFound);
    }
    // What admins say to each other, and who they are.
    for version in &mut versions.items {
        (version.published_by, version.note) = (None, None);
    }
    Ok(versions)
}

/// One published version as it is, archived or not. A hidden one is no version of anybody's workflow.
pub async fn version(ctx: &OpContext, id: TemplateId, version: i32) -> Result<Document> {
    ctx.admin()?;
    let said = ctx.store().version_content(id, version).await?.ok_or(Error::NotFound)?;
    Ok(Document { name: said.name, description: said.description, definition: said.definition })
}

/// Makes the draft the live version, every agent pinned. A draft that means what is live changes nothing.
pub async fn publish(ctx: &OpContext, id: TemplateId) -> Result<Published> {
    publish_at(ctx, id, None, "").await
}

/// The same at a revision, if one is named: what somebody else saved since does not go live. With what its author says about it.
pub async fn publish_at(ctx: &OpContext, id: TemplateId, base_revision: Option<i64>, note: &str) -> Result<Published> {
    publish_as_shown(ctx, id, base_revision, note, &BTreeMap::new()).await
}

/// The same, with what the latest version of an agent was where its author looked: a newer one does not go live unseen.
pub async fn publish_as_shown(
    ctx: &OpContext,
    id: TemplateId,
    base_revision: Option<i64>,
    note: &str,
    latest: &BTreeMap<AgentId, i32>,
) -> Result<Published> {
    let by = ctx.admin()?.id;
    let note = text::prose("note", note, limits::MAX_VERSION_NOTE_CHARS)?;
    for _ in 0..MAX_LOOKS {
        let draft = ctx.store().draft(id).await?.ok_or(Error::NotFound)?;
        if base_revision.is_some_and(|base| base != draft.revision) {
            return Err(Error::Stale { current: draft.revision });
        }
        let catalog = validation::catalog_for(ctx, &draft.definition).await?;
        let (definition, plan, catalog, mut problems) = validation::validate(draft.definition, catalog).await?;
        problems.extend(nesting::problems(ctx, id, &definition, &catalog).await?);
        problems.extend(people::problems(ctx, &definition).await?);
        if problems.iter().any(Problem::is_error) {
            problems.sort_by_key(|problem| problem.severity);
            return Err(Error::InvalidDefinition { problems });
        }
        as_shown(&definition, &plan, latest)?;
        let definition = pin(definition, &plan);
        let new = NewVersion { id, revision: draft.revision, definition: &definition, note: &note, by };
        match ctx.store().publish(new, ctx.author()).await? {
            Publish::Published { version } | Publish::Unchanged { version } => return Ok(Published { version }),
            Publish::NotFound => return Err(Error::NotFound),
            Publish::Stale => {}
        }
    }
    Err(Error::Conflict("The draft is being saved right now. Publish again in a moment.".into()))
}

fn as_shown(definition: &Definition, plan: &Plan, latest: &BTreeMap<AgentId, i32>) -> Result<()> {
    for (key, step) in definition.steps.iter().filter(|(_, step)| step.agent_version.is_none()) {
        let now = plan.steps.get(key).and_then(|planned| planned.agent_version);
        if let (Some(now), Some(shown)) = (now, latest.get(&step.agent_id))
            && now != *shown
        {
            return Err(Error::Conflict(format!(
                "The latest version of the agent `{}` is {now} now, and not {shown} any more. Look at what changes, and publish again.",
                step.agent_id
            )));
        }
    }
    Ok(())
}

/// Reads a document that is to be stored.
fn read(document: &Value) -> Result<Definition> {
    // Before walking into it, because the walk is only as deep as this allows.
    if limits::depth(document) > limits::MAX_DEPTH {
        return Err(workflow::definition::Unstorable::TooDeep.into());
    }
    // serde would read a list as the fields in order.
    if !document.is_object() {
        return Err(Error::invalid("definition", "The definition is no object. Send one like {\"steps\": {}}."));
    }
    text::no_nul_inside("definition", document)?;
    let mut definition = Definition::from_value(document)?;
    // As accounts have theirs, so that whoever is asked is found however their email was typed.
    for email in definition.steps.values_mut().flat_map(|step| &mut step.review.assignees.users) {
        *email = text::email_form(email);
    }
    Ok(definition)
}

async fn view(ctx: &OpContext, draft: Draft) -> Result<TemplateView> {
    Ok(judged(ctx, draft).await?.0)
}

/// The draft with what is wrong with it, and the agents with which that was found.
async fn judged(ctx: &OpContext, draft: Draft) -> Result<(TemplateView, AgentCatalog)> {
    let catalog = validation::catalog_for(ctx, &draft.definition).await?;
    let (definition, plan, catalog, mut problems) = validation::validate(draft.definition, catalog).await?;
    problems.extend(nesting::problems(ctx, draft.id, &definition, &catalog).await?);
    problems.extend(people::problems(ctx, &definition).await?);
    problems.sort_by_key(|problem| problem.severity);
    let has_unpublished_changes = draft.published.as_ref().is_none_or(|live| {
        live.name != draft.name
            || live.description != draft.description
            || live.semantic_hash != pin(definition.clone(), &plan).semantic_hash()
    });
    let view = TemplateView {
        id: draft.id,
        name: draft.name,
        description: draft.description,
        definition,
        draft_revision: draft.revision,
        published_version: draft.published.map(|live| live.version),
        has_unpublished_changes,
        created_by: draft.created_by,
        updated_at: draft.updated_at,
        archived_at: draft.archived_at,
        problems,
    };
    Ok((view, catalog))
}

/// The definition with every agent version that the plan chose.
pub(crate) fn pin(mut definition: Definition, plan: &Plan) -> Definition {
    let chosen = |key: &StepKey, step: &Step| {
        plan.steps.get(key).and_then(|planned| planned.agent_version).or(step.agent_version)
    };
    definition.steps.change_where(
        |key, step| chosen(key, step) != step.agent_version,
        |key, step| step.agent_version = chosen(key, step),
    );
    definition
}
