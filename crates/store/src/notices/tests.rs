//! Notices in the database.
