//! What a browser keeps of a run: a state that came over the wire, and a view that is refreshed after each event. Both always show what
//! the state of the log shows, and neither ever holds what only the engine needs.

use std::collections::BTreeMap;

use crate::{
    RunView,
    access::Role,
    api::EventView,
    id::{StepKey, UserId},
    run::{
        RunEvent, Snapshot, State,
        pieces::Drawing,
        state::Emails,
        testing::{person, worker},
    },
    view::Applied,
};

/// Of everybody in these tests.
fn emails() -> BTreeMap<UserId, String> {
    (3..10).map(|n| person(n, Role::User)).map(|actor| (actor.id, actor.email)).collect()
}

pub(super) struct Page {
    state: State,
    view: RunView,
    /// Of those who were named to it.
    emails: Emails,
}

impl Page {
    /// Loaded when the run was so.
    pub(super) fn load(now: &State) -> Self {
        let snapshot = sent(&now.snapshot());
        let people = now.people();
        let emails: Emails = emails().into_iter().filter(|(id, _)| people.contains(id)).collect();
        let state = State::of(snapshot.clone());
        let view = state.view(&emails);
        in_pieces(snapshot, &state, &emails);
        let page = Self { state, view, emails };
        page.check(now);
        page
    }

    /// `now`: after the event.
    pub(super) fn follow(&mut self, event: &RunEvent, now: &State) {
        let people = event.people();
        let event = sent(&event.for_wire());
        self.emails.extend(emails().into_iter().filter(|(id, _)| people.contains(id)));
        let told = serde_json::to_string(&EventView::of(&event, &self.emails)).unwrap();
        assert!(!told.contains(r#""worker""#) && !told.contains(r#""request""#), "{told}");
        assert_eq!(self.state.apply(&event), Applied::Changed);
        let before = self.view.clone();
        self.view.refresh(&self.state, &event, &self.emails);
        if event.data.started.is_none() && event.data.moved.is_none() {
            let touched = event.data.touched();
            let mut keys = before.steps.iter().chain(&self.view.steps).map(|step| &step.key);
            let is_told = |key: &StepKey| touched.contains(key) || before.step(key) == self.view.step(key);
            assert!(keys.all(is_told), "who follows a step hears of each of its changes");
        }
        self.check(now);
        assert_eq!(self.state.apply(&event), Applied::AlreadyKnown);
    }

    fn check(&self, now: &State) {
        assert_eq!(self.view, now.view(&emails()), "the page shows what is");
        assert!(
            self.state == State::of(now.snapshot()),
            "a page that was there shows the same as one that is loaded now"
        );
    }
}

/// However small they are, the pieces of a snapshot come to what it comes to.
fn in_pieces(snapshot: Snapshot, whole: &State, emails: &Emails) {
    let pieces = snapshot.into_pieces(2);
    let mut drawing = Drawing::of(sent(&pieces.head));
    for piece in &pieces.drawn {
        assert!(piece.steps.len() + piece.plans.len() <= 2);
        drawing.add(sent(piece));
    }
    let mut assembly = drawing.begin();
    for piece in &pieces.told {
        assert!(piece.steps.len() + piece.attempts.len() + piece.artifacts.len() <= 2);
        assembly.add(sent(piece));
    }
    let state = assembly.finish();
    assert!(state == *whole, "no piece is lost");
    let mut view = state.view_begun(emails);
    while state.view_more(&mut view, 2, emails) {}
    assert_eq!(view, whole.view(emails));
}

/// Over the wire.
fn sent<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(what: &T) -> T {
    let wire = serde_json::to_string(what).unwrap();
    for n in 0..2 {
        assert!(!wire.contains(&worker(n).to_string()), "{wire}");
    }
    assert!(!wire.contains(r#""tells""#) && !wire.contains(r#""request""#), "{wire}");
    let read: T = serde_json::from_str(&wire).unwrap_or_else(|error| panic!("{error}: {wire}"));
    assert_eq!(&read, what, "the wire form is exact");
    read
}

#[test]
fn a_snapshot_is_of_one_moment_and_folds_on() {
    let mut world = super::world::World::steps(
        &serde_json::json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]}}),
    );
    let before = world.state.snapshot();
    world.run(&["a"]);
    let after: Snapshot = world.state.snapshot();
    assert!(before.seq < after.seq);
    let mut state = State::of(before.clone());
    assert!(state.snapshot() == before, "nothing is lost on the way");
    for event in world.events.iter().filter(|event| event.seq > before.seq) {
        assert_eq!(state.apply(&event.for_wire()), Applied::Changed);
    }
    assert!(state.snapshot() == after);
    let last = world.events.last().unwrap();
    let ahead = RunEvent { seq: last.seq + 2, ..last.clone() };
    assert_eq!(state.apply(&ahead), Applied::Gap);
}
