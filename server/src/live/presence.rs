//! Who is where: the people whose sockets this process holds, and those of whom other processes tell. In memory alone.
//! Pure but for its lock: time is an argument, and what is to be told elsewhere is an answer. It must never ask nor decide who may be
//! somewhere (`attend.rs` does), and never hold a place for longer than somebody is there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use store::notify::{Attendance, Attendant};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;
use workflow::{
    StepKey, UserId,
    access::Actor,
    api::{Company, MAX_SELECTED, Place, Visitor},
};

/// How often a process says who is where by it, whether or not that changed.
pub(super) const SAY_EVERY: Duration = Duration::from_millis(2_500);
/// What a process said is forgotten after so long: it may have ended without a word.
const BELIEVED: Duration = Duration::from_secs(7);
/// People of one place that one process tells of.
const MAX_TOLD: usize = 16;
/// People that a page is told of.
const MAX_SHOWN: usize = 12;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Presence(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    process: Uuid,
    places: HashMap<Place, Spot>,
    /// Sockets are numbered as they come.
    last_tab: u64,
}

#[derive(Debug)]
struct Spot {
    tabs: BTreeMap<u64, Tab>,
    /// What other processes said last, and until when it is believed.
    elsewhere: BTreeMap<Uuid, (Attendance, Instant)>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Tab {
    user: UserId,
    name: String,
    selected: Vec<StepKey>,
}

/// One socket that is at a place. Must be given back by `leave`, which says what is to be told elsewhere.
#[derive(Debug)]
pub(super) struct Visit {
    at: Place,
    tab: u64,
    user: UserId,
    changed: watch::Receiver<()>,
}

impl Visit {
    pub(super) fn at(&self) -> Place {
        self.at
    }

    /// Until somebody comes, goes or selects something else there.
    pub(super) async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            // The place stays for as long as this visit lasts.
            std::future::pending::<()>().await;
        }
    }
}

impl Presence {
    /// `process`: drawn for this one.
    pub(super) fn new(process: Uuid) -> Self {
        Self(Arc::new(Mutex::new(Inner { process, places: HashMap::new(), last_tab: 0 })))
    }

    /// Somebody comes, and what is to be told elsewhere of it. The visit is told at once who is there.
    pub(super) fn enter(&self, at: Place, who: &Actor, selected: Vec<StepKey>) -> (Visit, Attendance) {
        let mut inner = self.lock();
        inner.last_tab += 1;
        let tab = inner.last_tab;
        let is_first = !inner.places.contains_key(&at);
        let spot = inner.places.entry(at).or_insert_with(Spot::new);
        spot.tabs.insert(tab, Tab { user: who.id, name: who.email.clone(), selected });
        let changed = spot.changed.subscribe();
        spot.changed.send_replace(());
        // Who is there by others is not known yet.
        let told = Attendance { asks: is_first, ..inner.attendance(at) };
        (Visit { at, tab, user: who.id, changed }, told)
    }

    /// What is selected is another now; none where it is the same.
    pub(super) fn select(&self, visit: &Visit, selected: Vec<StepKey>) -> Option<Attendance> {
        let mut inner = self.lock();
        let spot = inner.places.get_mut(&visit.at)?;
        let tab = spot.tabs.get_mut(&visit.tab).filter(|tab| tab.selected != selected)?;
        tab.selected = selected;
        spot.changed.send_replace(());
        Some(inner.attendance(visit.at))
    }

    /// Somebody goes.
    pub(super) fn leave(&self, visit: &Visit) -> Attendance {
        let mut inner = self.lock();
        if let Some(spot) = inner.places.get_mut(&visit.at) {
            spot.tabs.remove(&visit.tab);
            if spot.tabs.is_empty() {
                inner.places.remove(&visit.at);
            } else {
                spot.changed.send_replace(());
            }
        }
        inner.attendance(visit.at)
    }

    /// What another process says, and the answer where it asks for one.
    pub(super) fn hear(&self, said: Attendance, now: Instant) -> Option<Attendance> {
        let mut inner = self.lock();
        if said.process == inner.process {
            return None;
        }
        let (at, asks) = (said.at, said.asks);
        // Of a place where nobody is by this process, nothing is to be known.
        let spot = inner.places.get_mut(&at)?;
        let is_same = match spot.elsewhere.get(&said.process) {
            Some((known, _)) => known.people == said.people && known.and_more == said.and_more,
            None => said.people.is_empty(),
        };
        if said.people.is_empty() {
            spot.elsewhere.remove(&said.process);
        } else {
            spot.elsewhere.insert(said.process, (said, now + BELIEVED));
        }
        if !is_same {
            spot.changed.send_replace(());
        }
        asks.then(|| inner.attendance(at))
    }

    /// All that is to be said again, and what was not said again by others is forgotten. `asks` where words of others may have been lost.
    pub(super) fn say_again(&self, asks: bool, now: Instant) -> Vec<Attendance> {
        let mut inner = self.lock();
        for spot in inner.places.values_mut() {
            let n_known = spot.elsewhere.len();
            spot.elsewhere.retain(|_, (_, until)| *until > now);
            if spot.elsewhere.len() != n_known {
                spot.changed.send_replace(());
            }
        }
        inner.places.keys().map(|at| Attendance { asks, ..inner.attendance(*at) }).collect()
    }

    /// Who is there beside the visit.
    pub(super) fn company(&self, visit: &Visit) -> Company {
        let inner = self.lock();
        let mut company = Company { at: visit.at, others: Vec::new(), and_more: false, own_tabs: 0 };
        let Some(spot) = inner.places.get(&visit.at) else { return company };
        let mut people = BTreeMap::<UserId, Attendant>::new();
        let here = spot.people().into_values();
        let there = spot.elsewhere.values().flat_map(|(said, _)| said.people.iter().cloned());
        for person in here.chain(there) {
            match people.get_mut(&person.user) {
                Some(known) => {
                    known.tabs = known.tabs.saturating_add(person.tabs);
                    merge(&mut known.selected, &person.selected);
                }
                None => _ = people.insert(person.user, person),
            }
        }
        company.own_tabs = people.remove(&visit.user).map_or(0, |own| own.tabs.saturating_sub(1));
        company.and_more = people.len() > MAX_SHOWN || spot.elsewhere.values().any(|(said, _)| said.and_more);
        company.others =
            people.into_values().map(|person| Visitor { name: person.name, selected: person.selected }).collect();
        company.others.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        company.others.truncate(MAX_SHOWN);
        company
    }

    /// The map stays whole whatever panics beside it: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Everybody who is there by this process, in the order in which they came.
    fn attendance(&self, at: Place) -> Attendance {
        let spot = self.places.get(&at);
        let mut people: Vec<Attendant> = Vec::new();
        let mut and_more = false;
        for tab in spot.into_iter().flat_map(|spot| spot.tabs.values()) {
            if let Some(known) = people.iter_mut().find(|known| known.user == tab.user) {
                tab.add_to(known);
            } else if people.len() < MAX_TOLD {
                people.push(tab.attendant());
            } else {
                and_more = true;
            }
        }
        Attendance { process: self.process, at, people, and_more, asks: false }
    }
}

impl Spot {
    fn new() -> Self {
        Self { tabs: BTreeMap::new(), elsewhere: BTreeMap::new(), changed: watch::Sender::new(()) }
    }

    /// Everybody who is there by this process.
    fn people(&self) -> BTreeMap<UserId, Attendant> {
        let mut people = BTreeMap::<UserId, Attendant>::new();
        for tab in self.tabs.values() {
            people.entry(tab.user).and_modify(|known| tab.add_to(known)).or_insert_with(|| tab.attendant());
        }
        people
    }
}

impl Tab {
    fn attendant(&self) -> Attendant {
        Attendant { user: self.user, name: self.name.clone(), tabs: 1, selected: self.selected.clone() }
    }

    fn add_to(&self, known: &mut Attendant) {
        known.tabs = known.tabs.saturating_add(1);
        merge(&mut known.selected, &self.selected);
    }
}

/// What somebody has selected in several tabs.
fn merge(known: &mut Vec<StepKey>, more: &[StepKey]) {
    for key in more {
        if known.len() < MAX_SELECTED && !known.contains(key) {
            known.push(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use workflow::{RunId, access::Role};

    use super::*;

    const AT: Place = Place::Run(RunId(Uuid::nil()));

    fn process(n: u128) -> Presence {
        Presence::new(Uuid::from_u128(n))
    }

    fn person(n: u128) -> Actor {
        Actor {
            id: UserId(Uuid::from_u128(n)),
            email: format!("p{n:03}@example.org"),
            role: Role::User,
            groups: std::collections::BTreeSet::default(),
            acts_for: Vec::new(),
        }
    }

    fn enter(presence: &Presence, n: u128, selected: &[&str]) -> (Visit, Attendance) {
        presence.enter(AT, &person(n), selected.iter().map(|key| StepKey::new(*key)).collect())
    }

    /// Names, with what is selected.
    fn others(presence: &Presence, visit: &Visit) -> Vec<String> {
        let told = |visitor: Visitor| {
            let keys: Vec<&str> = visitor.selected.iter().map(StepKey::as_str).collect();
            format!("{} {}", visitor.name.split('@').next().unwrap(), keys.join(","))
        };
        presence.company(visit).others.into_iter().map(told).collect()
    }

    #[tokio::test]
    async fn each_hears_of_the_others_and_of_their_own_other_tabs_apart() {
        let (presence, soon) = (process(1), Duration::from_millis(20));
        let (mut anna, _) = enter(&presence, 1, &["a"]);
        anna.changed().await;
        assert_eq!(presence.company(&anna), Company { at: AT, others: vec![], and_more: false, own_tabs: 0 });
        assert!(tokio::time::timeout(soon, anna.changed()).await.is_err(), "nothing has changed");
        let (ben, _) = enter(&presence, 2, &["b"]);
        let (again, _) = enter(&presence, 1, &["c"]);
        anna.changed().await;
        assert_eq!(others(&presence, &anna), ["p002 b"]);
        assert_eq!(presence.company(&anna).own_tabs, 1);
        assert_eq!(others(&presence, &ben), ["p001 a,c"], "two tabs are one person");
        assert!(presence.select(&again, vec!["c".into()]).is_none(), "the same");
        assert!(presence.select(&again, vec!["d".into()]).is_some());
        assert_eq!(others(&presence, &ben), ["p001 a,d"]);
        presence.leave(&again);
        assert!(presence.leave(&ben).people.len() == 1);
        anna.changed().await;
        assert_eq!((others(&presence, &anna), presence.company(&anna).own_tabs), (vec![], 0));
        assert!(presence.leave(&anna).people.is_empty());
        assert!(presence.lock().places.is_empty(), "nothing is kept of a place where nobody is");
    }

    #[test]
    fn processes_tell_each_other_and_one_that_comes_late_asks() {
        let (one, two, now) = (process(1), process(2), Instant::now());
        let (anna, told) = enter(&one, 1, &["a"]);
        assert!(told.asks);
        assert_eq!(two.hear(told.clone(), now), None, "nobody is there by it");
        assert_eq!(one.hear(told, now), None, "its own words");
        let (ben, told) = enter(&two, 2, &[]);
        let answer = one.hear(told, now).expect("it asked");
        assert!(!answer.asks, "or they would ask each other for ever");
        assert_eq!(two.hear(answer, now), None);
        assert_eq!((others(&one, &anna), others(&two, &ben)), (vec!["p002 ".to_owned()], vec!["p001 a".to_owned()]));
        // Another tab of hers, by the other process.
        let (again, told) = enter(&two, 1, &[]);
        assert!(!told.asks, "it knows already");
        one.hear(told, now);
        assert_eq!((presence_of(&one, &anna), presence_of(&two, &again)), ((1, 1), (1, 1)));
        two.leave(&again);
        one.hear(two.leave(&ben), now);
        assert_eq!(presence_of(&one, &anna), (0, 0));
    }

    /// How many others there are, and how many tabs of one's own.
    fn presence_of(presence: &Presence, visit: &Visit) -> (usize, u32) {
        let company = presence.company(visit);
        (company.others.len(), company.own_tabs)
    }

    #[test]
    fn a_process_that_ended_without_a_word_is_forgotten_within_ten_seconds() {
        let (one, two, begun) = (process(1), process(2), Instant::now());
        let (anna, _) = enter(&one, 1, &[]);
        let (_ben, told) = enter(&two, 2, &[]);
        one.hear(told, begun);
        for n in 1..=100 {
            let now = begun + SAY_EVERY * n;
            let said = two.say_again(false, now);
            assert_eq!(said.len(), 1);
            for said in said {
                assert_eq!(one.hear(said, now), None);
            }
            one.say_again(false, now);
            assert_eq!(others(&one, &anna), ["p002 "], "what is said again is believed for longer");
        }
        let last = begun + SAY_EVERY * 100;
        let known: Vec<usize> = (1..=4)
            .map(|n| {
                one.say_again(false, last + SAY_EVERY * n);
                others(&one, &anna).len()
            })
            .collect();
        assert_eq!(known, [1, 1, 0, 0], "a moment without a word is no end, ten seconds are");
        assert!(one.say_again(true, last).iter().all(|said| said.asks));
    }

    #[test]
    fn a_crowd_is_told_of_within_bounds() {
        let (one, two, now) = (process(1), process(2), Instant::now());
        let crowd: Vec<_> = (0..500).map(|n| enter(&one, n, &["a"])).collect();
        let (_, told) = crowd.last().unwrap();
        assert!(told.people.len() == MAX_TOLD && told.and_more);
        let company = one.company(&crowd[0].0);
        assert!(company.others.len() == MAX_SHOWN && company.and_more);
        let (visit, _) = enter(&two, 900, &[]);
        two.hear(told.clone(), now);
        let company = two.company(&visit);
        assert!(company.others.len() == MAX_SHOWN && company.and_more);
        let many: Vec<StepKey> = (0..100).map(|n| StepKey::new(format!("s{n}"))).collect();
        let (_tab, told) = two.enter(AT, &person(900), many);
        let own = told.people.iter().find(|known| known.user == person(900).id).unwrap();
        assert_eq!(own.selected.len(), MAX_SELECTED);
    }
}
