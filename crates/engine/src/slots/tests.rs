//! Places under every way in which they are asked for and given back.

use uuid::Uuid;

use super::*;

const ADA: UserId = UserId(Uuid::from_u128(1));
const BEN: UserId = UserId(Uuid::from_u128(2));
const WORKER: WorkerId = WorkerId(Uuid::from_u128(3));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
}

fn waits(user: UserId, since: i64) -> Ready {
    let (run, step, kind) = (RunId(Uuid::from_u128(4)), "a".into(), "template".to_owned());
    Ready { run, step, kind, user, not_before: at(since) }
}

fn open(n: usize) -> Arc<Slots> {
    let slots = Arc::new(Slots::new(n, Kinds::default(), AgentNames::default()));
    slots.begin(WORKER);
    slots
}

#[test]
fn with_places_to_spare_a_commit_gets_what_it_wants() {
    let slots = open(4);
    assert_eq!(slots.take(ADA, at(9), 3), Some((WORKER, 3)), "nobody looked at the queue, and nobody has to");
    slots.give_back(3);
    assert_eq!(slots.promise(9).n, 4);
    slots.close();
    assert_eq!((slots.take(ADA, at(9), 1), slots.promise(9).n), (None, 0));
}

#[test]
fn the_last_place_is_handed_on_only_while_nobody_else_has_waited_longer() {
    let slots = open(1);
    assert_eq!(slots.take(ADA, at(9), 1), None, "who knows who waits");
    for (left, expected) in [
        (vec![], Some((WORKER, 1))),
        (vec![waits(ADA, 1)], Some((WORKER, 1))),
        (vec![waits(BEN, 10)], Some((WORKER, 1))),
        (vec![waits(BEN, 8)], None),
    ] {
        slots.learn(left.clone().into());
        let taken = slots.take(ADA, at(9), 1);
        assert_eq!(taken, expected, "{left:?}");
        if taken.is_some() {
            slots.give_back(1);
        }
    }
    assert_eq!(slots.take_left(1).map(|left| left.len()), Some(1), "and that one is taken without another look");
}

#[test]
fn of_many_places_as_many_are_left_as_others_have_waited_longer_for() {
    let slots = open(8);
    slots.learn(vec![waits(ADA, 1), waits(BEN, 8), waits(BEN, 8), waits(BEN, 10)].into());
    assert_eq!(slots.take(ADA, at(9), 9), Some((WORKER, 6)), "two of another owner have waited longer");
    assert_eq!(slots.take(ADA, at(9), 1), None);
    assert_eq!(slots.take(BEN, at(9), 9), Some((WORKER, 1)), "one of the other, for whom the first has waited longer");
}

#[test]
fn places_that_come_one_at_a_time_go_round_the_owners_and_not_to_who_queued_most_before() {
    let slots = open(1);
    let queue = || [vec![waits(ADA, 1); 3], vec![waits(BEN, 5); 3]].concat();
    let mut served = Vec::new();
    for _ in 0..4 {
        let next = slots.in_turn(queue()).pop_front().unwrap();
        served.push(next.user);
        slots.serve(&[next]);
    }
    assert_eq!(served, [ADA, BEN, ADA, BEN]);
    // What is handed on within a run is a place like any other.
    slots.learn(VecDeque::new());
    assert!(slots.take(ADA, at(9), 1).is_some());
    let order: Vec<UserId> = slots.in_turn(queue()).iter().map(|ready| ready.user).collect();
    assert_eq!(order, [BEN, ADA, BEN, ADA, BEN, ADA]);
}

#[test]
fn an_attempt_that_ends_leaves_its_place_to_what_comes_after_it_and_not_to_claims() {
    let slots = open(1);
    slots.learn(VecDeque::new());
    slots.lock().n_running = 1;
    let mut place = Place { slots: Arc::clone(&slots), term: slots.lock().term, is_ending: false };
    assert_eq!(slots.take(ADA, at(9), 1), None);
    place.ends();
    assert_eq!(slots.promise(1).n, 0);
    assert_eq!(slots.take(ADA, at(9), 1), Some((WORKER, 1)));
    drop(place);
    assert_eq!(slots.promise(1).n, 0, "it was handed on");
    slots.give_back(1);
    assert_eq!(slots.promise(1).n, 1);
}

#[test]
fn a_process_that_is_told_some_kinds_takes_no_others() {
    let any = AgentId::new("any");
    let all = Slots::new(1, Kinds::default(), AgentNames::default());
    assert!(Kinds::known().all(|kind| all.takes(kind, &any)) && !all.takes("worker:a:0", &any) && !all.is_choosy());
    let some = Slots::new(1, Kinds::only(["llm"]), AgentNames::default());
    assert!(some.takes("llm", &any) && some.takes("", &any) && !some.takes("human", &any) && some.is_choosy());
}

#[test]
fn a_process_that_is_told_some_agents_takes_those_of_its_kinds_and_no_others() {
    let (say, other) = (AgentId::new("say"), AgentId::new("other"));
    let some = Slots::new(1, Kinds::only(["llm"]), AgentNames::only(["say"]));
    assert!(some.takes("llm", &say) && !some.takes("llm", &other) && !some.takes("http", &say));
    assert!(some.takes("", &other), "what has no agent only has to fail");
    let all = Slots::new(1, Kinds::default(), AgentNames::only(["say"]));
    assert!(all.takes("http", &say) && !all.takes("http", &other) && all.is_choosy());
}

#[test]
fn places_of_an_earlier_worker_are_not_given_back_to_a_later_one() {
    let slots = open(2);
    slots.lock().n_running = 1;
    let place = Place { slots: Arc::clone(&slots), term: slots.lock().term, is_ending: false };
    assert_eq!(slots.take(ADA, at(9), 1), None, "the queue was not looked at");
    slots.begin(WORKER);
    drop(place);
    assert_eq!(slots.promise(9).n, 2);
    assert!(slots.is_quiet());
}
