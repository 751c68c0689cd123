//! The run read again, where something was missed or not all of it came with the page. Must never lose an event that came
//! meanwhile.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use workflow::{RunView, api::ErrorCode, run::glance::with_all_steps, view::Applied};

use super::{
    super::{
        absences,
        anew::Anew,
        verbs::is_shown_to,
        whole::{self, Whole},
    },
    LiveRun,
    folding::Folded,
    names::Names,
    pace::CATCH_UP_WITHIN,
};

/// After a refetch that failed.
const REFETCH_AFTER: Duration = Duration::from_secs(3);

impl LiveRun {
    /// Reads the whole run again: something was missed.
    pub(in crate::pages) fn refetch(self) {
        if self.is_refetching.try_get_untracked() != Some(false) {
            return;
        }
        self.is_refetching.set(true);
        let asked = self.meanwhile.try_with_value(|meanwhile| meanwhile.anew).unwrap_or_default();
        spawn_local(async move {
            let graph = self.has_graph.try_get_untracked() == Some(false);
            let is_behind = match whole::read(self.id, graph.then_some(move |all| self.draw(all))).await {
                Ok(run) => self.load(run, asked),
                Err(error) => {
                    self.session.note(&error);
                    if (self.is_theirs || self.looks_on.try_get_untracked() == Some(true))
                        && error.code() == ErrorCode::NotFound
                    {
                        self.is_gone.try_set(true);
                    }
                    if error.may_try_again() {
                        // What was missed is still missing.
                        set_timeout(move || self.refetch(), REFETCH_AFTER);
                    }
                    false
                }
            };
            self.is_refetching.try_set(false);
            if is_behind {
                self.refetch();
            }
        });
    }

    /// All steps are there to be drawn, while what they did and made is still being read.
    fn draw(self, all: RunView) {
        if self.is_part() == Some(true) {
            self.run.try_update(|run| *run = with_all_steps(run, all));
            self.touched.tell_all();
            self.show_graph();
        }
    }

    /// In a frame of its own: the list of steps is there before.
    fn show_graph(self) {
        if self.has_graph.try_get_untracked() == Some(false) {
            request_animation_frame(move || {
                self.has_graph.try_set(true);
            });
        }
    }

    /// The run as it was read again, asked for at `asked`; the feed may have brought more since. Whether it has to be read once more at
    /// once.
    fn load(self, whole: Whole, asked: Anew) -> bool {
        let Whole { run: loaded, state, view } = whole;
        self.session.take_groups(loaded.groups, loaded.acts_for);
        self.names.try_set_value(Names { groups: loaded.group_names, agents: loaded.agent_names });
        self.published.try_set(loaded.published_version);
        self.labels.try_set(loaded.labels);
        self.beside.try_update(|beside| beside.absent = absences::by_step(&loaded.absent));
        let was_part = self.is_part() == Some(true);
        let is_taken = self.folded.try_update_value(|folded| {
            let is_taken = was_part || asked.takes(state.seq, folded.state.seq);
            if is_taken {
                *folded = Folded { state, people: loaded.people };
            }
            is_taken
        });
        if is_taken == Some(true) {
            self.run.try_set(view);
            self.touched.tell_all();
        }
        if was_part {
            self.find_what_asks();
        }
        self.show_graph();
        if self.meanwhile.try_update_value(|meanwhile| meanwhile.anew.has_read(asked)) == Some(true) {
            return true;
        }
        let held = self.meanwhile.try_update_value(|meanwhile| std::mem::take(&mut meanwhile.held)).unwrap_or_default();
        let mut has_gap = false;
        for (event, people) in &held {
            has_gap |= self.fold(event, people) == Some(Applied::Gap);
        }
        if has_gap {
            // What lies before is missing still. It may never come by reading: then the feed says so.
            set_timeout(move || self.refetch(), CATCH_UP_WITHIN);
        }
        false
    }

    /// A gate that asks this person may have been among what was left out: then they see the run by it, and not as a group does.
    fn find_what_asks(self) {
        let me = self.session.user_untracked();
        let is_asked = self.run.try_with_untracked(|run| is_shown_to(run, me.as_ref())) == Some(true);
        if is_asked && self.shared_by.try_get_value().flatten().is_none() {
            self.looks_on.try_set(false);
        }
    }
}
