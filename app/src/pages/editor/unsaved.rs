//! What is not on the server: what an earlier visit left in this browser is taken up, and merged with what others saved since.
//! Only a person's word may drop it.

use std::sync::Arc;

use canvas::Document;
use leptos::prelude::*;

use super::{
    draft::Draft,
    keep::{self, Kept},
    saving::{Core, SaveState, Theirs, lock},
};
use crate::reactive::effect;

/// How to go on with what was kept, beside what the page came with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The server has it.
    Forget,
    /// It goes on from what the page came with.
    GoOn,
    /// The page came with less than what it began from, so it goes on from that.
    GoBeyond,
    /// It began from another draft, so what this page came with is somebody else's.
    Merge,
}

fn way(kept: &Kept, core: &Core) -> Way {
    if kept.base_revision > core.base {
        Way::GoBeyond
    } else if kept.is_taken || core.saved.is_same_as(&kept.content) {
        Way::Forget
    // A save that was on its way has arrived: its answer was lost, and nobody else was here.
    } else if kept.base_revision == core.base || kept.sent.contains(&core.saved.fingerprint()) {
        Way::GoOn
    } else {
        Way::Merge
    }
}

/// The edits begin from now on where they did when they were kept. Answers with what somebody else saved meanwhile, by its revision.
fn begin_as_kept(core: &mut Core, way: Way, kept: &mut Kept) -> Option<(i64, Document)> {
    core.sent = std::mem::take(&mut kept.sent);
    if way != Way::Merge {
        // It was sent when the page was left, and may arrive only now.
        core.sent.push(kept.content.fingerprint());
    }
    if matches!(way, Way::Forget | Way::GoOn) {
        return None;
    }
    let revision = std::mem::replace(&mut core.base, kept.base_revision);
    let base = if kept.is_taken { Some(kept.content.clone()) } else { kept.base.take() };
    core.is_base_lost = base.is_none();
    let content = Document::clone(&core.saved);
    if let Some(base) = base {
        core.saved = Arc::new(base);
    }
    (way == Way::Merge).then_some((revision, content))
}

/// Whether what was kept means something else than what the page came with, which tells how that stands to what people start.
fn means_other(core: &Core, kept: &Kept) -> bool {
    core.saved.definition.semantic_hash() != kept.content.definition.semantic_hash()
}

impl Draft {
    /// Takes up what an earlier visit could not save, once the page is the browser's.
    pub(super) fn take_up_unsaved(self) {
        effect(move || {
            self.restore();
            self.take_up_past();
        });
    }

    fn restore(self) {
        let saving = self.saving;
        let Some(mut kept) = keep::read(self.kept_in) else { return };
        let Some(core) = saving.core.try_get_value() else { return };
        let way = way(&kept, &lock(&core));
        if way == Way::Forget {
            keep::forget(self.kept_in);
            return;
        }
        saving.is_kept.set(true);
        saving.n_edits.set(kept.n_edits);
        saving.is_dirty.set_value(true);
        let means_other = kept.is_taken && means_other(&lock(&core), &kept);
        let theirs = begin_as_kept(&mut lock(&core), way, &mut kept);
        self.show(kept.content);
        if kept.is_taken {
            if means_other {
                self.live.update(|live| live.has_unpublished_changes = true);
            }
            return self.settled();
        }
        if let Some((revision, content)) = theirs {
            saving.theirs.set(Some(Theirs { revision, content, live: self.live.get_untracked() }));
            saving.set(SaveState::Merging);
            self.take_in();
        } else {
            // Where nobody knows what there was before, there is nothing to go back to.
            let is_droppable = !lock(&core).is_base_lost;
            saving.restored.set(is_droppable.then_some(kept.n_edits));
            self.save_soon();
        }
    }

    /// What is here went into a copy; this page is left without it.
    pub(super) fn let_go(self) {
        self.saving.stop_timer();
        self.saving.is_dirty.set_value(false);
        keep::forget(self.kept_in);
    }

    /// Goes back to what the server has.
    pub(super) fn discard_restored(self) {
        let Some(core) = self.saving.core.try_get_value() else { return };
        let saved = Document::clone(&lock(&core).saved);
        self.saving.stop_timer();
        self.show(saved);
        self.settled();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Document {
        Document { name: name.into(), ..Document::default() }
    }

    #[test]
    fn what_was_kept_while_a_save_was_on_its_way_is_never_merged_with_itself() {
        let mut before = Core::new(1, named("first"));
        before.in_flight = Some(named("second").fingerprint());
        let kept = before.kept(1, named("third"));
        assert_eq!(way(&kept, &Core::new(1, named("first"))), Way::GoOn, "the save never arrived");
        assert_eq!(way(&kept, &Core::new(2, named("second"))), Way::GoOn, "it arrived");
        assert_eq!(way(&kept, &Core::new(2, named("theirs"))), Way::Merge);
        assert_eq!(way(&kept, &Core::new(3, named("third"))), Way::Forget);
    }

    #[test]
    fn what_began_from_a_newer_draft_than_the_page_came_with_goes_on_from_that_one() {
        let kept = Core::new(3, named("third")).kept(1, named("first"));
        assert_eq!(way(&kept, &Core::new(1, named("first"))), Way::GoBeyond, "also where it went back to what was");
        assert_eq!(way(&kept, &Core::new(2, named("second"))), Way::GoBeyond);
        assert_eq!(way(&kept, &Core::new(3, named("third"))), Way::GoOn);
    }

    #[test]
    fn a_page_that_was_asked_for_before_the_last_save_came_goes_on_from_what_was_saved() {
        let mut taken = Core::new(3, named("third")).taken();
        let mut before = Core::new(2, named("second"));
        assert_eq!(way(&taken, &before), Way::GoBeyond);
        assert_eq!(begin_as_kept(&mut before, Way::GoBeyond, &mut taken), None);
        assert_eq!((before.base, &*before.saved, before.is_base_lost), (3, &named("third"), false));
        let taken = Core::new(3, named("third")).taken();
        assert_eq!(way(&taken, &Core::new(3, named("third"))), Way::Forget);
        assert_eq!(way(&taken, &Core::new(5, named("theirs"))), Way::Forget, "nothing of it is to be merged");
    }

    #[test]
    fn what_was_saved_is_to_be_published_where_it_means_something_else() {
        let mut content = named("first");
        let core = Core::new(1, content.clone());
        content.description = "another".into();
        assert!(!means_other(&core, &Core::new(2, content.clone()).taken()));
        content.definition.steps.insert("a".into(), workflow::Step::new("x".into()));
        assert!(means_other(&core, &Core::new(2, content).taken()));
    }

    #[test]
    fn without_what_the_edits_began_from_nothing_is_made_up_in_its_place() {
        let kept = Kept { base: None, ..Core::new(1, named("first")).kept(1, named("mine")) };
        let mut core = Core::new(2, named("theirs"));
        assert_eq!(way(&kept, &core), Way::Merge);
        let theirs = begin_as_kept(&mut core, Way::Merge, &mut kept.clone());
        assert_eq!(theirs, Some((2, named("theirs"))));
        assert_eq!(core.kept(1, named("mine")), kept, "kept again, it is no more than it was");
        // With the draft that the page came with it goes on, as nobody was here.
        let mut core = Core::new(1, named("first"));
        assert_eq!(begin_as_kept(&mut core, Way::GoOn, &mut kept.clone()), None);
        assert!(!core.is_base_lost);
    }

    #[test]
    fn what_was_sent_on_leaving_the_page_is_known_again_when_it_arrives_late() {
        let mut kept = Core::new(1, named("first")).kept(1, named("second"));
        let mut core = Core::new(1, named("first"));
        assert_eq!(way(&kept, &core), Way::GoOn);
        begin_as_kept(&mut core, Way::GoOn, &mut kept);
        assert!(core.is_ours(&named("second")));
    }
}
