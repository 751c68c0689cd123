//! What is read and written where somebody decides at a gate: shared by the page of a run and by the inbox.
//! Must know neither of them: what a part needs is given to it.

pub(in crate::pages) mod answer;
pub(in crate::pages) mod artifact;
pub(in crate::pages) mod ask;
pub(in crate::pages) mod brought;
pub(in crate::pages) mod difference;
pub(in crate::pages) mod drafts;
pub(in crate::pages) mod edit_form;
pub(in crate::pages) mod failures;
pub(in crate::pages) mod in_place;
pub(in crate::pages) mod onlookers;
pub(in crate::pages) mod output_form;
pub(in crate::pages) mod press;
pub(in crate::pages) mod reasons;
pub(in crate::pages) mod restored;
pub(in crate::pages) mod rounds;
pub(in crate::pages) mod subject;
