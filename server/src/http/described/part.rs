//! What a handler takes from a request, as far as callers have to know it.

use axum::{
    Extension,
    extract::{Request, State},
};
use http::HeaderMap;
use utoipa::ToSchema;

use super::told::Told;
use crate::{
    http::{
        extract::{Body, Ids, Once, Text},
        params::{Both, Pages, Params},
        query::Query,
    },
    live::Upgrade,
};

/// Of an argument of a handler.
pub(in crate::http) trait Part {
    /// Most say nothing: they are about who asks, or the table of routes says what they read.
    fn tell(_told: &mut Told) {}
}

impl<T> Part for Extension<T> {}
impl<T> Part for Option<Extension<T>> {}
impl<T> Part for State<T> {}
/// Their names are in the path.
impl<T> Part for Ids<T> {}
impl Part for HeaderMap {}
impl Part for Query {}
impl Part for Request {}
impl Part for Upgrade {}

impl Part for Pages {
    fn tell(told: &mut Told) {
        told.ask_for_pages();
    }
}

impl<A: Part, B: Part> Part for Both<A, B> {
    fn tell(told: &mut Told) {
        A::tell(told);
        B::tell(told);
    }
}

impl<T: ToSchema> Part for Params<T> {
    fn tell(told: &mut Told) {
        told.ask_fields::<T>();
    }
}

impl Part for Once {
    fn tell(told: &mut Told) {
        let key = "1 to 200 visible ASCII characters: the same request under it has one effect and is answered alike.";
        told.header("Idempotency-Key", key, false);
        told.header("Prefer", "`return=minimal` for `{id, seq}` in place of the run.", false);
    }
}

impl<T: ToSchema> Part for Body<T> {
    fn tell(told: &mut Told) {
        told.read::<T>();
        told.may_be_empty = true;
    }
}

impl Part for Text {
    fn tell(told: &mut Told) {
        told.read_as(&["text/plain"]);
    }
}
