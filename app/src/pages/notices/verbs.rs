//! What can be done with an address: shared by the list, which does it, and its rows, which ask for it.
//! Must hold no view.

use leptos::prelude::*;
use workflow::{
    api::{NoticeAddressView, NoticeTest},
    id::NoticeAddressId,
};

use super::LogOf;
use crate::{error::AppError, pages::deleting::Deleting};

/// What the rows need of the list: the address that each dialog is about, and what is done without one.
#[derive(Clone, Copy)]
pub(super) struct Verbs {
    pub(super) changing: RwSignal<Option<NoticeAddressView>>,
    pub(super) renewing: RwSignal<Option<NoticeAddressView>>,
    pub(super) deleting: Deleting<NoticeAddressId>,
    pub(super) test: Action<NoticeAddressView, Result<(String, NoticeTest), AppError>>,
    pub(super) switch: Action<(NoticeAddressId, bool), Result<NoticeAddressView, AppError>>,
    pub(super) log_of: LogOf,
}
