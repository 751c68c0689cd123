//! The pages, one file or folder each. A page calls server functions and components; it must hold no rule of the domain.

mod account;
mod agents;
mod audit;
mod batches;
mod charts;
mod compare;
mod dashboard;
mod day_fields;
mod deleting;
mod design;
mod editor;
pub mod fetched;
mod groups;
mod import;
mod inbox;
mod input_form;
mod login;
mod new_secret;
mod not_found;
mod notices;
mod published;
mod review;
mod run;
mod run_labels;
mod runs;
mod secrets;
mod slug;
mod start;
mod token_row;
mod types;
mod users;
mod whole;
mod workers;
mod workflows;

pub use design::DesignPage;
pub use not_found::{NotFound, NotFoundPage};
