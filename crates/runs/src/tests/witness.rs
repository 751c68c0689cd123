//! Whoever is told of what was written is told of all of it once, and of an end when it comes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use workflow::run::Command;

use super::{begin, id, person, process, simulated, supply};
use crate::{Options, Witness, Written, memory::Memory};

/// The event that each commit ended with, the steps that it ended, and whether it ended the run.
type Told = (i64, Vec<String>, bool);

#[derive(Default)]
struct Notes {
    told: Mutex<Vec<Told>>,
    n_answers: Mutex<usize>,
    follows_steps: bool,
}

impl Witness for Notes {
    fn answered(&self, _took: Duration) {
        *self.n_answers.lock().unwrap() += 1;
    }

    fn follows_steps(&self) -> bool {
        self.follows_steps
    }

    fn written(&self, written: &Written<'_>) {
        let last = written.commit.events().last().unwrap().seq;
        assert_eq!((last, written.run), (written.state.seq, id(1)), "it is told with the run as it is then");
        let ended = written.ended.iter().map(ToString::to_string).collect();
        self.told.lock().unwrap().push((last, ended, written.has_ended));
    }
}

/// A run of which a step is given by a person, and that is then cancelled.
async fn played(notes: &Arc<Notes>) -> Vec<Told> {
    let memory = Memory::new(3);
    let runs = process(&memory, 3, Options::default());
    runs.set_witness(Arc::<Notes>::clone(notes));
    runs.execute(begin(1)).await.unwrap();
    runs.execute(supply(id(1), 7, "text/plain")).await.unwrap();
    runs.execute(person(id(1), Command::Cancel)).await.unwrap();
    // What is refused, and what changes nothing, is written nowhere.
    assert!(runs.execute(supply(id(1), 8, "text/plain")).await.is_err());
    notes.told.lock().unwrap().clone()
}

#[test]
fn each_commit_is_told_once_with_the_steps_that_it_ended() {
    simulated(async {
        let notes = Arc::new(Notes { follows_steps: true, ..Notes::default() });
        let told = played(&notes).await;
        let ends: Vec<(Vec<&str>, bool)> =
            told.iter().map(|(_, ended, is_over)| (ended.iter().map(String::as_str).collect(), *is_over)).collect();
        assert_eq!(ends, [(vec![], false), (vec!["a"], false), (vec!["b"], true)]);
        assert!(told.windows(2).all(|two| two[0].0 < two[1].0), "{told:?}");
        assert_eq!(*notes.n_answers.lock().unwrap(), 3);
    });
}

#[test]
fn who_follows_no_steps_is_told_of_none_and_of_the_end_all_the_same() {
    simulated(async {
        let notes = Arc::new(Notes::default());
        let told = played(&notes).await;
        assert!(told.iter().all(|(_, ended, _)| ended.is_empty()), "{told:?}");
        assert_eq!(told.iter().filter(|(.., is_over)| *is_over).count(), 1);
    });
}
