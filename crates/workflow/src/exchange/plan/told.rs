//! What a plan tells people: so many of each sort, and then how many more there are.
//! Must never hold more than anybody reads: what a file makes it say is for the file to choose.

use std::collections::BTreeSet;

use super::{Grant, GrantKind, Note};

/// More would not be read by anybody.
const MOST: usize = 500;

/// Notes of one sort.
#[derive(Default)]
pub(super) struct Notes {
    list: Vec<Note>,
    n_more: usize,
}

impl Notes {
    pub(super) fn push(&mut self, note: Note) {
        if self.list.len() < MOST {
            self.list.push(note);
        } else {
            self.n_more += 1;
        }
    }

    /// The same only if it is not said yet, of whatever place.
    pub(super) fn push_once(&mut self, note: Note) {
        if !self.list.iter().any(|told| told.message == note.message) {
            self.push(note);
        }
    }

    pub(super) fn into_list(self) -> Vec<Note> {
        let Self { mut list, n_more } = self;
        if n_more > 0 {
            list.push(Note { place: String::new(), message: more(n_more) });
        }
        list
    }
}

/// What is to be granted, each once.
#[derive(Default)]
pub(super) struct Grants {
    list: Vec<Grant>,
    known: BTreeSet<(GrantKind, String, String)>,
    n_more: usize,
}

impl Grants {
    pub(super) fn push(&mut self, grant: Grant) {
        if self.list.len() >= MOST {
            self.n_more += 1;
        } else if self.known.insert((grant.kind, grant.place.clone(), grant.name.clone())) {
            self.list.push(grant);
        }
    }

    pub(super) fn into_list(self) -> Vec<Grant> {
        let Self { mut list, n_more, .. } = self;
        if let Some(kind) = list.last().map(|grant| grant.kind).filter(|_| n_more > 0) {
            list.push(Grant { kind, place: String::new(), name: String::new(), message: more(n_more) });
        }
        list
    }
}

fn more(n: usize) -> String {
    format!("and {n} more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_told_and_then_their_number() {
        let mut notes = Notes::default();
        let mut grants = Grants::default();
        for n in 0..MOST + 3 {
            notes.push(Note { place: n.to_string(), message: "x".into() });
            let grant = Grant { kind: GrantKind::Person, place: n.to_string(), name: "a".into(), message: "x".into() };
            grants.push(grant.clone());
            if n == 0 {
                grants.push(grant);
            }
        }
        let (notes, grants) = (notes.into_list(), grants.into_list());
        assert_eq!((notes.len(), notes[MOST].message.as_str()), (MOST + 1, "and 3 more"));
        assert_eq!((grants.len(), grants[MOST].message.as_str()), (MOST + 1, "and 3 more"));
    }
}
