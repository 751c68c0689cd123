//! Who asks for what, and whether the old engine's doors let them: what `service` does today before it calls the store.

use store::{access::Access, verbs::Call};
use workflow::{
    StepKey, StepStatus,
    access::Actor,
    run::{Command, event::Request},
    verbs::Verb,
};

use crate::{
    known,
    outcome::Outcome,
    verbs::Old,
    world::{Check, World, people, shown},
};

/// How something is asked for.
#[derive(Clone)]
pub(crate) struct Asked {
    pub by: Actor,
    pub request: Option<Request>,
    /// They were let in while the gate was open, and it may have closed since.
    pub is_late: bool,
}

impl World {
    /// The owner of the run most of the time.
    pub(crate) fn somebody(&mut self, t: usize) -> Asked {
        let owner = people().into_iter().find(|actor| actor.id == self.twins[t].owner).unwrap();
        let [_, admin, asked, stranger, _] = people();
        let by = match self.dice.roll(16) {
            0..=8 => owner,
            9..=11 => admin,
            12..=14 => asked,
            _ => stranger,
        };
        let request = self.dice.one_in(8).then(|| Request {
            key: format!("key {}", self.dice.roll(6)),
            hash: format!("hash {}", self.dice.roll(2)),
        });
        Asked { by, request, is_late: false }
    }

    /// Whether the old engine's doors let them. True: only at the gate.
    async fn access(&self, t: usize, asked: &Asked, of: Option<(Verb, &StepKey)>) -> Check<Result<bool, Outcome>> {
        let run = self.twins[t].run;
        let decides = of.filter(|(verb, _)| verb.is_decision()).map(|(_, key)| key);
        let access = self.store.run_access(run, &asked.by).await.map_err(shown)?;
        let refused = match (&access, decides) {
            (Some(Access::Full), _) => return Ok(Ok(false)),
            (_, Some(_)) if asked.is_late => return Ok(Ok(true)),
            (Some(Access::Gates(open)), Some(key)) if open.contains(key) => return Ok(Ok(true)),
            (Some(Access::Gates(_)), _) => Outcome::Forbidden,
            (None, _) => Outcome::NotFound,
        };
        Ok(match &asked.request {
            Some(request) if decides.is_some() && self.was_answered(t, asked, request).await? => Ok(true),
            _ => Err(refused),
        })
    }

    async fn was_answered(&self, t: usize, asked: &Asked, request: &Request) -> Check<bool> {
        let run = self.twins[t].run;
        self.store.was_answered(run, &asked.by, &request.key, &request.hash).await.map_err(shown)
    }

    /// Asks both engines for the same.
    pub(crate) async fn ask(
        &mut self,
        t: usize,
        name: &'static str,
        asked: &Asked,
        of: Option<(Verb, &StepKey)>,
        old: Old,
        new: &Command,
    ) -> Check {
        let by = asked.by.email.split('@').next().unwrap_or_default().to_owned();
        let mut shown_command = format!("{new:?}");
        shown_command.truncate(260);
        self.note(name, &format!("by {by} of run {t}{}: {shown_command}", if asked.is_late { ", late" } else { "" }));
        let mut was_asked = asked.is_late;
        if let (Some(request), Some((verb, _))) = (&asked.request, of) {
            was_asked |= verb.is_decision() && self.was_answered(t, asked, request).await?;
        }
        let decided = self.decide(t, Some(&asked.by), was_asked, asked.request.as_ref(), new);
        if let Some(name) = known::is_only_new(&decided, &self.twins[t], &asked.by, new, self.now)? {
            self.tally.met(name);
            return Ok(());
        }
        let outcome = match self.access(t, asked, of).await? {
            Err(refused) => refused,
            Ok(only_at_gate) => {
                let run = self.twins[t].run;
                let idempotency = asked.request.clone().map(|request| (request.key, request.hash));
                let call = Call { idempotency, only_at_gate, ..Call::new(run, &asked.by) };
                self.do_old(t, &call, old).await?
            }
        };
        let wanted = Outcome::of(&decided, &self.twins[t].state);
        if outcome != wanted {
            match known::is_said_otherwise(&outcome, &wanted) {
                Some(name) => self.tally.met(name),
                None => return Err(format!("{outcome:?} to the old engine, {wanted:?} to the new one ({decided:?})")),
            }
        }
        self.tally.outcome(&outcome);
        if let (Ok(events), Command::Reject { step, .. }) = (&decided, new) {
            let is_last = events.iter().flat_map(|event| &event.data.rejections).any(|rejection| rejection.is_last);
            if is_last {
                let twin = &mut self.twins[t];
                let now = twin.state.step(step).map_or(1, |step| step.generation);
                let empty = twin.old_generation(step, now) + 1;
                twin.empty_generations.entry(step.clone()).or_default().push(empty);
                self.tally.met("words of a last rejection");
            }
        }
        if let Ok(events) = decided {
            self.apply(t, events);
        }
        self.settle().await
    }

    /// A waiting step most of the time, where there is one.
    pub(crate) fn some_step(&mut self, t: usize) -> Option<StepKey> {
        let twin = &self.twins[t];
        let waiting = twin.keys_where(|step| step.status.word() == StepStatus::AwaitingReview);
        let all = twin.keys();
        if !waiting.is_empty() && self.dice.one_in(2) {
            return self.dice.pick(&waiting);
        }
        if self.dice.one_in(60) {
            return Some("nowhere".into());
        }
        self.dice.pick(&all)
    }
}
