//! What every verb begins and ends with: who may, under which key, what it takes up, and what it came to or why it was refused.
//! Must never let a verb reach a run before it is known whose it is; and whoever asked the same before is answered alike, for nothing.

mod anew;
mod taking;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ::runs::{Ask, By, Content};
use serde::Serialize;
use workflow::{
    AgentCatalog, ArtifactId, RunId, StepKey, TemplateId, UserId,
    access::Actor,
    run::{Command, Context, Refused, RunEvent, State, Voters, decide, event::Request, state::Step},
    verbs::{RunVerb, Verb},
};

use self::anew::Stage;
use super::{
    Done,
    about::About,
    access,
    idempotency::{self, Earlier},
    looking, refusals,
};
use crate::{Error, OpContext, Result, versions};

/// How often it is looked again who voted, when others vote under somebody's hands.
const MAX_LOOKS: usize = 3;

/// A verb that is theirs to ask for.
pub(crate) struct Call<'a> {
    pub(crate) ctx: &'a OpContext,
    pub(crate) run: RunId,
    pub(crate) actor: &'a Actor,
    pub(crate) request: Option<Request>,
    about: About,
    seen: Seen,
}

/// What was seen of the run when the asker was let in.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    /// Its last event then.
    seq: i64,
    /// They are let in only at the step's gate, which may have closed by the time the verb is decided.
    only_at_gate: bool,
    earlier: Earlier,
    /// A run of their own that is over: going on, it takes a place again.
    is_over: bool,
    version: (TemplateId, i32),
    /// Those who voted at the step's open gate.
    voters: BTreeSet<UserId>,
    stage: Stage,
}

/// What a command brings, besides itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brings {
    /// The agents that it is judged by. Only skipping and moving are.
    pub(crate) agents: Arc<AgentCatalog>,
    /// Content that goes with the commit.
    pub(crate) contents: Vec<Content>,
    /// What is stored for the person, and was not counted before.
    pub(crate) n_bytes: usize,
}

/// What a verb came to, or why its run refused it and in which words.
#[derive(Debug)]
pub(crate) enum Decided {
    Done(Done),
    Refused(Refused, Error),
}

impl Brings {
    pub(crate) fn bytes(n_bytes: usize) -> Self {
        Self { n_bytes, ..Self::default() }
    }
}

/// The call of a verb on a run, with what else of the run it wants to know.
pub(crate) async fn on_run<'a, B: Serialize, T: Send + 'static>(
    ctx: &'a OpContext,
    run: RunId,
    verb: RunVerb,
    body: &B,
    once: Option<String>,
    facts: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<(Call<'a>, T)> {
    let request = idempotency::of(once, verb.as_str(), &path(run, &[]), body)?;
    begin(ctx, run, About::Run(verb), request, facts).await
}

/// The call of a verb on a step, which may be somebody's who is asked at its gate.
pub(crate) async fn on_step<'a, B: Serialize, T: Send + 'static>(
    ctx: &'a OpContext,
    run: RunId,
    key: &StepKey,
    verb: Verb,
    body: &B,
    once: Option<String>,
    facts: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<(Call<'a>, T)> {
    let request = idempotency::of(once, verb.as_str(), &path(run, &[key.as_str()]), body)?;
    let call = begin(ctx, run, About::Step(verb, key.clone()), request, facts).await?;
    // A key with a character that cannot be stored names no step.
    if key.is_addressable() { Ok(call) } else { Err(Error::NotFound) }
}

/// The call of a verb on something that a step made.
pub(crate) async fn on_artifact<'a, B: Serialize>(
    ctx: &'a OpContext,
    run: RunId,
    id: ArtifactId,
    body: &B,
    once: Option<String>,
) -> Result<Call<'a>> {
    let request = idempotency::of(once, Verb::Rollback.as_str(), &path(run, &[&id.to_string()]), body)?;
    Ok(begin(ctx, run, About::Artifact(id), request, |_| ()).await?.0)
}

fn path(run: RunId, of: &[&str]) -> Vec<String> {
    [run.to_string()].into_iter().chain(of.iter().map(|part| (*part).to_owned())).collect()
}

async fn begin<T: Send + 'static>(
    ctx: &OpContext,
    run: RunId,
    about: About,
    request: Option<Request>,
    facts: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<(Call<'_>, T)> {
    let actor = ctx.user_for(about.scope())?;
    let look = {
        let (actor, about, request) = (actor.clone(), about.clone(), request.clone());
        move |state: Option<&State>| -> Result<_> {
            let state = state.ok_or(Error::NotFound)?;
            Ok((Seen::of(state, &actor, &about, request.as_ref())?, facts(state)))
        }
    };
    let found = match ctx.runs().read_to_ask(run, look).await {
        Ok(found) => found,
        Err(error) => return Err(looking::failed(ctx, run, error).await),
    };
    match found {
        Ok((seen, facts)) => Ok((Call { ctx, run, actor, request, about, seen }, facts)),
        Err(Error::NotFound) => Err(not_theirs(ctx, run, &about).await),
        Err(error) => Err(error),
    }
}

/// What somebody is told whom the run itself does not know: whoever may look at it learns that this is not theirs. Nobody else waits for
/// that question.
async fn not_theirs(ctx: &OpContext, run: RunId, about: &About) -> Error {
    match access::may_look(ctx, run).await {
        Ok(true) => {}
        Ok(false) => return Error::NotFound,
        Err(error) => return error,
    }
    let Some(key) = about.decides_at().cloned() else { return Error::Forbidden };
    let words = looking::look(ctx, run, move |state, _| refusals::not_asked(state, Verb::Continue, &key)).await;
    words.unwrap_or_else(|error| error)
}

impl Seen {
    /// Who may is looked at first.
    fn of(state: &State, actor: &Actor, about: &About, request: Option<&Request>) -> Result<Self> {
        let access = access::of(state, actor);
        let earlier = idempotency::earlier(state, actor.id, request);
        let only_at_gate = match about.decides_at() {
            Some(key) => access::decide(state, access.as_ref(), key, earlier == Earlier::Same)?,
            None => access::steer(access.as_ref()).map(|()| false)?,
        };
        let step = match about {
            About::Step(_, key) => state.step(key),
            About::Run(_) | About::Artifact(_) => None,
        };
        Ok(Self {
            seq: state.seq,
            only_at_gate,
            earlier,
            // An admin who lets somebody else's run go on takes nobody's place but its owner's.
            is_over: state.run.status.is_terminal() && state.birth.user_id == actor.id && state.birth.parent.is_none(),
            version: versions::key_of(state),
            voters: voters(step),
            stage: Stage::of(state, step),
        })
    }
}

impl Call<'_> {
    /// The agents that the run is pinned to.
    pub(crate) async fn agents(&self) -> Result<Arc<AgentCatalog>> {
        versions::agents_of(self.ctx, self.run, self.seen.version).await
    }

    /// Looks at the run again, as it is known here.
    pub(crate) async fn read<T: Send + 'static>(&self, at: impl FnOnce(&State) -> T + Send + 'static) -> Result<T> {
        looking::read(self.ctx, self.run, self.seen.seq, at).await
    }

    /// Whether the key was used before.
    pub(crate) fn earlier(&self) -> Earlier {
        self.seen.earlier
    }

    /// Does it, or says why not.
    pub(crate) async fn execute(self, command: Command, brings: Brings) -> Result<Done> {
        match self.decided(command, brings).await? {
            Decided::Done(done) => Ok(done),
            Decided::Refused(_, words) => Err(words),
        }
    }

    /// The same for who has to tell one refusal from another. What goes wrong on the way is logged with the run and the verb.
    #[tracing::instrument(name = "verb", skip_all, fields(run.id = %self.run, about = ?self.about))]
    pub(crate) async fn decided(self, command: Command, brings: Brings) -> Result<Decided> {
        self.refuse_others(&command).await?;
        let Brings { agents, contents, n_bytes } = brings;
        let mut people = self.seen.voters.clone();
        let mut ask = Ask { agents, contents, ..Ask::itself(self.run, command) };
        for _ in 0..MAX_LOOKS {
            (ask.by, ask.voters) = self.as_they_stand(&mut people).await?;
            let taken = self.take_up(&ask, n_bytes).await?;
            let error = match self.ctx.runs().execute(ask.clone()).await {
                Ok(answer) => return Ok(Decided::Done(answer.into())),
                Err(error) => error,
            };
            taken.give_back(self.ctx).await;
            match error {
                // Somebody voted in between: whether that counts is looked up before anything is decided on it.
                ::runs::Error::Refused { seq, refused: Refused::UnknownVoter } => people = self.voters_at(seq).await?,
                ::runs::Error::Refused { seq, refused } => {
                    let words = self.refused(seq, refused.clone()).await;
                    return Ok(Decided::Refused(refused, words));
                }
                error => return Err(looking::failed(self.ctx, self.run, error).await),
            }
        }
        Err(Error::Conflict(refusals::moving()))
    }

    /// Whoever asks and those who voted, as they stand now. Whoever decides at a gate may have left what is asked since they came in.
    async fn as_they_stand(&self, people: &mut BTreeSet<UserId>) -> Result<(By, Arc<Voters>)> {
        let decides = self.about.decides_at().is_some();
        if decides {
            people.insert(self.actor.id);
        }
        let voters = self.ctx.store().voters(people).await?;
        let actor = if decides { voters.now(self.actor.id).ok_or(Error::Unauthenticated)? } else { self.actor };
        let actor = actor.clone();
        let by = By::Person { actor, was_asked: self.seen.only_at_gate, request: self.request.clone() };
        Ok((by, Arc::new(voters)))
    }

    /// Those who voted at the step's open gate by this event.
    async fn voters_at(&self, seq: i64) -> Result<BTreeSet<UserId>> {
        let about = self.about.clone();
        let voters = move |state: &State| match &about {
            About::Step(_, key) => voters(state.step(key)),
            About::Run(_) | About::Artifact(_) => BTreeSet::new(),
        };
        looking::read(self.ctx, self.run, seq, voters).await
    }

    /// The words for a refusal, of the run as it was refused on or has become since.
    async fn refused(&self, seq: i64, refused: Refused) -> Error {
        let (about, only_at_gate) = (self.about.clone(), self.seen.only_at_gate);
        let words = move |state: &State| refusals::words(state, &about, only_at_gate, refused);
        looking::read(self.ctx, self.run, seq, words).await.unwrap_or_else(|error| error)
    }

    /// Why a dry run is refused on this state.
    pub(crate) fn refused_on(&self, state: &State, refused: Refused) -> Error {
        refusals::words(state, &self.about, self.seen.only_at_gate, refused)
    }

    /// What it would come to now. None: that was not found out.
    async fn would(&self, ask: &Ask) -> Result<Option<Result<Vec<RunEvent>, Refused>>> {
        let ask = ask.clone();
        self.read(move |state| {
            let By::Person { actor, was_asked, .. } = &ask.by else { return None };
            let (was_asked, request) = (*was_asked, None);
            let ctx = Context { was_asked, request, ..context(state, actor, &ask.voters, &ask.agents) };
            // A mistake in deciding must not end whoever decides for everybody: asked in earnest, it is found and named there.
            catch_unwind(AssertUnwindSafe(|| decide(state, &ask.command, &ctx))).ok()
        })
        .await
    }
}

/// Those who voted at a step's open gate, and those in whose place they did.
fn voters(step: Option<&Step>) -> BTreeSet<UserId> {
    step.and_then(Step::review).map(|review| review.voters().collect()).unwrap_or_default()
}

/// Deciding without committing: what time it is, and which ids it would make, changes nothing about whether.
pub(crate) fn context<'a>(
    state: &State,
    actor: &'a Actor,
    voters: &'a Voters,
    agents: &'a AgentCatalog,
) -> Context<'a> {
    Context { now: state.at, random: 0, actor: Some(actor), was_asked: false, request: None, voters, agents }
}
