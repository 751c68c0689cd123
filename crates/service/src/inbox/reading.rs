//! One open gate as somebody reads it before they decide: what it is about, what was there before, where it came from, and what of the
//! verbs is theirs. Must never say that by rules of its own: each verb is decided as it would be in earnest, and not committed.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use workflow::{
    AgentCatalog, RunId, StepKey, UserId,
    access::Actor,
    api::{GateReading, GateSource, GateVerbs, InboxItem},
    run::{
        Command, Gate, Refused, State, Voters,
        command::Edit,
        decide,
        state::{Step, Version},
    },
    verbs::Verb,
};

use super::name_groups;
use crate::{
    Error, OpContext, Result,
    runs::{
        self,
        about::About,
        access::Access,
        asking::context,
        looking,
        refusals::{moving, not_asked, words},
    },
};

/// How often it is looked again who voted, when others vote meanwhile.
const MAX_LOOKS: usize = 3;

/// The open gate of a step, for whoever may see the run.
pub async fn reading(ctx: &OpContext, run: RunId, key: &StepKey) -> Result<GateReading> {
    let actor = ctx.user()?;
    let mut people = BTreeSet::from([actor.id]);
    for _ in 0..MAX_LOOKS {
        let voters = ctx.store().voters(&people).await?;
        let look = Look { key: key.clone(), actor: actor.clone(), people: people.clone(), voters };
        match looking::look(ctx, run, move |state, access| look.at(state, &access)).await? {
            Looked::Closed => return Err(Error::NotFound),
            Looked::Voted(others) => people.extend(others),
            Looked::Open(seen) => return shown(ctx, *seen).await,
        }
    }
    Err(Error::Conflict(moving()))
}

/// What is looked for, and who is known of those who voted and in whose place they did.
struct Look {
    key: StepKey,
    actor: Actor,
    people: BTreeSet<UserId>,
    voters: Voters,
}

enum Looked {
    /// No gate is open there.
    Closed,
    /// These voted, or others did in their place, and they are to be looked up.
    Voted(BTreeSet<UserId>),
    Open(Box<Seen>),
}

/// A gate as it was between two decisions about its run.
struct Seen {
    gate: Gate,
    about: Option<String>,
    /// Why continuing, editing and rejecting would be refused.
    refusals: [Option<Error>; 3],
}

impl Look {
    fn at(&self, state: &State, access: &Access) -> Looked {
        let Some(review) = state.step(&self.key).and_then(Step::review) else { return Looked::Closed };
        let voters: BTreeSet<UserId> = review.voters().collect();
        if !voters.is_subset(&self.people) {
            return Looked::Voted(voters);
        }
        let Some(gate) = Gate::of(state, &self.key, &self.voters) else { return Looked::Closed };
        let about = ::runs::rows::about(&state.birth.inputs, &state.design.definition);
        let refusals = self.asked().map(|(verb, command)| self.refusal(state, access, verb, &command));
        Looked::Open(Box::new(Seen { gate, about, refusals }))
    }

    /// What somebody may do at a gate, with as little in it as there can be.
    fn asked(&self) -> [(Verb, Command); 3] {
        let step = || self.key.clone();
        let (digest, expect_generation) = (None, None);
        let edit =
            Edit { step: step(), outputs: Vec::new(), and_continue: false, digest: digest.clone(), expect_generation };
        [
            (Verb::Continue, Command::Continue { step: step(), digest: digest.clone(), expect_generation }),
            (Verb::Edit, Command::Edit(Box::new(edit))),
            (Verb::Reject, Command::Reject { step: step(), feedback: String::new(), digest, expect_generation }),
        ]
    }

    /// Why one of them would be refused now.
    fn refusal(&self, state: &State, access: &Access, verb: Verb, command: &Command) -> Option<Error> {
        let is_theirs = match access {
            Access::Full => true,
            Access::Gates(open) => open.contains(&self.key),
            Access::Look => false,
        };
        if !is_theirs {
            return Some(not_asked(state, verb, &self.key));
        }
        let agents = AgentCatalog::default();
        let ctx = context(state, &self.actor, &self.voters, &agents);
        // A mistake in deciding must not end whoever decides for everybody: asked in earnest, it is found and named there.
        let decided = catch_unwind(AssertUnwindSafe(|| decide(state, command, &ctx)));
        let refused = decided.unwrap_or(Err(Refused::Outdated)).err()?;
        Some(words(state, &About::Step(verb, self.key.clone()), false, refused))
    }
}

/// With the emails of everybody whom it names.
async fn shown(ctx: &OpContext, Seen { gate, about, refusals }: Seen) -> Result<GateReading> {
    let emails = looking::emails_of(ctx, gate.people()).await?;
    let review = &gate.review;
    let n_asked = if review.asks_nobody() {
        None
    } else {
        let without = (!review.allow_self).then_some(gate.owner);
        Some(ctx.store().n_asked(&review.kinds_asked(), &review.users, without).await?)
    };
    let acts_for = ctx.store().in_whose_place(gate.run_id, &gate.step, ctx.user()?).await?;
    let about = runs::called(ctx, gate.run_id).await?.or(about);
    let mut item = InboxItem { acts_for, ..gate.item(&emails, about, n_asked) };
    name_groups(ctx, std::slice::from_mut(&mut item)).await?;
    let Gate { outputs, previous, inputs, digest, feedback, asked, .. } = gate;
    let meta = |version: &Version| version.view(&emails);
    Ok(GateReading {
        item,
        outputs: outputs.iter().map(meta).collect(),
        previous: previous.iter().map(meta).collect(),
        sources: inputs
            .into_iter()
            .map(|input| GateSource { artifact: meta(&input.version), port: input.port, title: input.title })
            .collect(),
        content_hash: digest,
        feedback: feedback.map(|wanted| wanted.view(&emails)),
        asked,
        may: verbs(&refusals),
    })
}

/// What is theirs, and the first word about what is not.
fn verbs(refusals: &[Option<Error>; 3]) -> GateVerbs {
    let [approve, edit, reject] = refusals.each_ref().map(Option::is_none);
    let why_not = refusals.iter().flatten().next().map(|refusal| refusal.to_api().detail);
    GateVerbs { approve, edit, reject, why_not }
}
