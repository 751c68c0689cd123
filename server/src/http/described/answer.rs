//! What a handler gives back, by its type. Where that is only a response, the table of routes says what is in it.

use axum::{Json, response::Response};
use http::StatusCode;
use utoipa::ToSchema;
use workflow::RunView;

use super::told::Told;
use crate::http::{
    after::{After, Brief},
    problem::Problem,
};

/// Of what a handler returns.
pub(in crate::http) trait Gives {
    fn tell(told: &mut Told);
}

/// Every refusal is the one problem, which every route may answer.
impl<T: Gives> Gives for Result<T, Problem> {
    fn tell(told: &mut Told) {
        T::tell(told);
    }
}

impl Gives for Response {
    fn tell(_told: &mut Told) {}
}

impl Gives for StatusCode {
    fn tell(told: &mut Told) {
        told.give_nothing(204);
    }
}

impl<T: ToSchema> Gives for Json<T> {
    fn tell(told: &mut Told) {
        told.give::<T>(200);
    }
}

impl Gives for After {
    fn tell(told: &mut Told) {
        let shapes = vec![told.shape::<RunView>(), told.shape::<Brief>()];
        told.give_any(200, shapes);
    }
}

/// Made, unless the table of routes says otherwise.
impl<T: Gives> Gives for (StatusCode, T) {
    fn tell(told: &mut Told) {
        T::tell(told);
        told.with_status(201);
    }
}
