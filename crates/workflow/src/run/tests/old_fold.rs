//! Today's wire form and today's reducer, held against the new ones: each new event, told in the old words, leads today's `RunView` to
//! where the view of the state is. So the events can take the old ones' place.

use std::collections::BTreeMap;

use crate::{
    RunView,
    access::Role,
    event::{Effects, EventActor, EventKind, Moved, NewItems, RunChange, RunEvent, StepChange},
    id::UserId,
    run::{self, State, testing::person},
    view::{Applied, ArtifactMeta, AttemptView, StepView},
};

pub(super) fn emails() -> BTreeMap<UserId, String> {
    (3..10).map(|n| person(n, Role::User)).map(|actor| (actor.id, actor.email)).collect()
}

/// The view after the events, by today's reducer; `state` is what they led to.
pub(super) fn follow(old: Option<RunView>, events: &[run::RunEvent], before: &State) -> RunView {
    let mut state = before.clone();
    let mut view = old;
    for event in events {
        state.apply(event);
        let now = state.view(&emails());
        match &mut view {
            // What a run begins with is not told by today's first event: it is read.
            None => view = Some(now),
            Some(view) => assert_eq!(view.apply(&told(event, view, &now)), Applied::Changed),
        }
    }
    view.unwrap()
}

fn told(event: &run::RunEvent, old: &RunView, now: &RunView) -> RunEvent {
    let data = &event.data;
    let views: Vec<&StepView> = data.steps.iter().filter_map(|step| now.step(&step.key)).collect();
    let new: Vec<&&StepView> = views.iter().filter(|step| old.step(&step.key).is_none()).collect();
    let items: Vec<&StepView> = new.iter().filter(|step| step.item_of.is_some()).map(|step| **step).collect();
    let items = items.first().map(|first| NewItems {
        of: first.item_of.clone().unwrap(),
        items: items.iter().map(|step| (step.item_index.unwrap(), step.key.split().1.unwrap().to_owned())).collect(),
    });
    let indices = views.iter().filter_map(|step| Some((step.key.clone(), step.item_index?))).collect();
    // A step that comes back is told with all that it had.
    let mut attempts: Vec<AttemptView> = data.attempts.iter().map(run::state::Attempt::view).collect();
    let mut artifacts: Vec<ArtifactMeta> = Vec::new();
    for step in &new {
        attempts.extend(step.attempts.clone());
        artifacts.extend(now.artifacts.iter().filter(|known| known.producing_step_id == step.key).cloned());
    }
    let email = |id: UserId| emails()[&id].clone();
    artifacts.extend(data.artifacts.iter().map(|version| version.view(version.made_by.map(email))));
    let change = |step: &&StepView| StepChange {
        key: step.key.clone(),
        status: step.status,
        reason: step.reason,
        generation: step.generation,
        not_before: step.not_before,
        child_run: step.child_run,
        review: step.review.clone(),
        feedback: step.feedback.clone(),
    };
    RunEvent {
        seq: event.seq,
        at: event.at,
        kind: EventKind::StepDecided,
        actor: event.actor.map(|id| EventActor { id, email: email(id) }),
        data: Effects {
            step: data.step.clone(),
            run: data.run.as_ref().map(|run| RunChange {
                status: run.status,
                status_reason: run.status_reason,
                auto_run: run.auto_run,
                finished_at: run.finished_at,
                rested_ms: run.rested_ms,
                deadline_at: run.deadline_at,
                budget: run.budget,
            }),
            steps: views.iter().map(change).collect(),
            attempts,
            artifacts,
            overrides: data.overrides.clone(),
            items,
            indices,
            removed: data.removed.clone(),
            moved: data.moved.as_ref().map(|moved| {
                Box::new(Moved {
                    template_version: moved.template_version,
                    template_name: moved.template_name.clone(),
                    run_definition: moved.run_definition.clone(),
                    steps: now
                        .steps
                        .iter()
                        .filter(|step| step.item_of.is_none())
                        .map(|step| StepView { attempts: Vec::new(), ..step.clone() })
                        .collect(),
                })
            }),
        },
    }
}
