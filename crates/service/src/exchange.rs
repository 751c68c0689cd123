//! Workflows as files: one file with all that a workflow needs, out of this Weft and into it. For admins.
//!
//! What a file says, and how it is compared, is `workflow::exchange`; here it is read within bounds, brought together with what is stored,
//! and stored whole or not at all. An import must never grant anything, and never change what nobody was told of.

mod compare;
mod gather;
mod parse;
mod turns;

use std::time::{Duration, Instant};

use store::exchange::{Imported, Seen};
use tokio::time::timeout;
use workflow::{
    Problem, ProblemCode, TemplateId,
    agent::AgentConfig,
    exchange::{self, Action, Bundle, Fault, Gathered, GivenUp, Note, Plan, Report, Untold},
    limits,
    words::count,
};

use self::turns::Turn;
use crate::{
    Error, OpContext, Result,
    agents::{self, subworkflow},
    people, text,
};

/// A file, with the name that it may have on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    pub slug: String,
    pub text: String,
}

/// How a file is to be imported.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Import {
    /// Only say what it would do.
    pub dry_run: bool,
    /// Of the list that was read before: if it would be another one now, nothing is done.
    pub digest: Option<String>,
}

/// How long reading and comparing may take, and then storing, or gathering: far more than the largest file needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The draft of a workflow with its agents, and the workflows that these run. `which`: its id or its slug.
pub async fn export(ctx: &OpContext, which: &str) -> Result<Exported> {
    ctx.admin()?;
    let turn = turns::take().await?;
    let Ok(made) = timeout(PATIENCE, exported(ctx, which, turn)).await else {
        let detail = "Gathering what it needs took longer than 20 seconds, so it was given up. Try again in a moment.";
        return Err(Error::Busy(detail.into()));
    };
    let (id, made) = made?;
    ctx.store().note_export(id, made.text.len(), ctx.author()).await?;
    Ok(made)
}

/// The workflow that somebody names at a terminal: by its id, which may be nobody's, or by its slug.
pub async fn named(ctx: &OpContext, which: &str) -> Result<TemplateId> {
    ctx.manager_of_people()?;
    match which.parse::<TemplateId>() {
        Ok(id) => Ok(id),
        Err(_) if exchange::slug::is_slug(which) => {
            let found = ctx.store().slugs(&[], &[which.to_owned()]).await?;
            Ok(found.first().ok_or(Error::NotFound)?.0)
        }
        Err(_) => Err(Error::NotFound),
    }
}

async fn exported(ctx: &OpContext, which: &str, turn: Turn) -> Result<(TemplateId, Exported)> {
    let id = named(ctx, which).await?;
    let gathered = gather::gather(ctx, id).await?;
    let (_, made) = turn.work(move || written(gathered)).await?;
    Ok((id, made?))
}

/// What was gathered, as the text of a file.
fn written(gathered: Gathered) -> Result<Exported> {
    let slug = gathered.main.0.clone();
    let text = match exchange::assemble(gathered) {
        // Only texts are its keys.
        Ok(bundle) => bundle.to_text().map_err(|fault| Error::Unstorable(fault.to_string()))?,
        Err(Untold::Cycle) => {
            let detail =
                "The workflow leads back to itself through the workflows that its agents run. Solve that first.";
            return Err(Error::Conflict(detail.into()));
        }
        Err(Untold::NoSlug(_)) => {
            return Err(gather::untitled("A workflow that one of its agents runs has no name yet."));
        }
        Err(Untold::Nothing) => return Err(Error::NotFound),
        Err(Untold::TooManySteps(n)) => {
            let (n, most) = (count(n, "step"), count(limits::MAX_STEPS, "step"));
            let detail = format!(
                "With the workflows that its agents run it has {n}; a file that is imported has at most {most}. Split the workflow."
            );
            return Err(Error::too_large("file", detail));
        }
    };
    if text.len() > limits::MAX_FILE_BYTES {
        return Err(Error::too_large("file", "With all that it needs it is larger than 6 MiB. Split the workflow."));
    }
    Ok(Exported { slug, text })
}

/// Says what a file would do, or does it.
pub async fn import(ctx: &OpContext, file: String, wanted: &Import) -> Result<Report> {
    let by = ctx.admin()?.id;
    if file.len() > limits::MAX_FILE_BYTES {
        return Err(Error::too_large("file", "It is larger than 6 MiB. Split it."));
    }
    // Until the end: what is stored is as much work as what is read.
    let turn = turns::take().await?;
    let Ok(planned) = timeout(PATIENCE, planned(ctx, file, turn)).await else {
        return Err(given_up());
    };
    let Planned { plan, of, seen, turn } = planned?;
    let Plan { mut report, actions, .. } = plan;
    if wanted.dry_run {
        return Ok(report);
    }
    if !report.problems.is_empty() {
        return Err(refused(report.problems));
    }
    match &wanted.digest {
        Some(digest) if *digest != report.digest => {
            let detail = "What the file would do is not what was listed any more: something was changed here meanwhile. Look at the \
                          list again; nothing was imported.";
            return Err(Error::Conflict(detail.into()));
        }
        None if !report.conflicts.is_empty() => {
            let detail =
                "The import would cover what is here. Look at the list of a dry run, and give its `digest` to go on.";
            return Err(Error::Conflict(detail.into()));
        }
        _ => {}
    }
    if !actions.is_empty() {
        match ctx.store().import(&actions, &seen, of, by, ctx.author(), PATIENCE).await? {
            Imported::Imported => {}
            Imported::Stale => {
                let detail =
                    "Somebody changed one of these at the same moment. Nothing was imported; look at the list again.";
                return Err(Error::Conflict(detail.into()));
            }
            Imported::TookTooLong => {
                let detail = "Storing it took longer than 20 seconds, so it was given up and nothing was changed. Try \
                              again in a moment.";
                return Err(Error::Busy(detail.into()));
            }
        }
    }
    drop(turn);
    report.applied = true;
    report.template_id = Some(of);
    Ok(report)
}

fn given_up() -> Error {
    let detail = "Reading it took longer than 20 seconds, so it was given up and nothing was changed. Split it.";
    Error::invalid("file", detail)
}

/// What a file comes to here.
struct Planned {
    plan: Plan,
    /// The workflow that it is about.
    of: TemplateId,
    seen: Seen,
    turn: Turn,
}

async fn planned(ctx: &OpContext, file: String, turn: Turn) -> Result<Planned> {
    let (turn, bundle) = turn.work(move || bundle(&file)).await?;
    let bundle = bundle?;
    let (here, seen) = compare::here(ctx, &bundle).await?;
    let main = &bundle.main;
    let of = here.workflows.get(main).map(|known| known.id).or_else(|| here.ids.get(main).copied());
    let of = of.ok_or(Error::NotFound)?;
    let began = Instant::now();
    let planning = turn.work(move || {
        exchange::plan(&bundle, &here, &|| began.elapsed() >= PATIENCE).map(|mut plan| {
            judge(&mut plan);
            plan
        })
    });
    let (turn, plan) = planning.await?;
    let mut plan = plan.map_err(|GivenUp| given_up())?;
    ask_for(ctx, &mut plan).await?;
    Ok(Planned { plan, of, seen, turn })
}

/// What publishing by itself would refuse: gates at which nobody can answer.
async fn ask_for(ctx: &OpContext, plan: &mut Plan) -> Result<()> {
    for action in &plan.actions {
        let Action::Workflow(saved) = action else { continue };
        if saved.publish.is_none() {
            continue;
        }
        let problems = people::problems(ctx, &saved.definition).await?;
        plan.report.problems.extend(problems.into_iter().filter(Problem::is_error).map(|problem| {
            let step = problem.step.map(|key| format!("steps.{key}"));
            let parts = [Some(format!("{}.definition", saved.place)), step, problem.field];
            Note { place: parts.into_iter().flatten().collect::<Vec<_>>().join("."), message: problem.message }
        }));
    }
    Ok(())
}

/// What the text of a file says.
fn bundle(file: &str) -> Result<Bundle> {
    let document = parse::parse(file)?;
    let mut bundle = exchange::read(&document).map_err(|faults| {
        refused(faults.into_iter().map(|Fault { place, message }| Note { place, message }).collect())
    })?;
    // As accounts have theirs.
    for workflow in bundle.workflows.values_mut().flatten() {
        for email in workflow.definition.steps.values_mut().flat_map(|step| &mut step.review.assignees.users) {
            *email = text::email_form(email);
        }
    }
    Ok(bundle)
}

/// What saving each agent by itself would refuse.
fn judge(plan: &mut Plan) {
    let Plan { report, actions, agents, published } = plan;
    for action in actions.iter() {
        let (spec, place) = match action {
            Action::Agent { spec, place, .. } => (spec, place),
            Action::Workflow(saved) => {
                // The reader has looked at every text. What it overlooked would break every list that shows the workflow.
                let judged = text::no_nul_inside("definition", &saved.definition.to_value());
                if let Err(Error::Invalid { field, detail }) = judged {
                    report.problems.push(Note { place: format!("{}.{field}", saved.place), message: detail });
                }
                continue;
            }
        };
        if report.problems.iter().any(|told| told.place.starts_with(place.as_str())) {
            continue;
        }
        let judged = agents::check(spec).and_then(|()| match &spec.config {
            AgentConfig::Workflow(config) => match published.get(&(config.template_id, config.version)) {
                Some(definition) => subworkflow::check_ports(spec, config, definition, agents),
                None => Ok(()),
            },
            _ => Ok(()),
        });
        if let Err(Error::Invalid { field, detail } | Error::TooLarge { field, detail }) = judged {
            report.problems.push(Note { place: format!("{place}.{field}"), message: detail });
        }
    }
}

/// Each with its place in the file.
fn refused(notes: Vec<Note>) -> Error {
    let problem = |Note { place, message }: Note| {
        let place = if place.is_empty() { "file".to_owned() } else { place };
        Problem::error(None, Some(place), ProblemCode::InvalidValue, message)
    };
    Error::InvalidFields { problems: notes.into_iter().map(problem).collect() }
}
