//! The query of a route as structs: of its own parameters, of which page of a list is wanted, or of both.
//! Must never pass over a parameter that none of them has: somebody would take a list for filtered that is not.

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use service::Wanted;
use workflow::api::Page;

use super::{
    problem::Problem,
    query::{Query, unless_empty},
};

/// What is read from a query.
pub(super) trait OfQuery: Sized {
    /// The parameters that it has.
    fn names() -> Vec<&'static str>;
    fn read(query: &Query) -> Result<Self, Problem>;

    /// Of a query that has nothing else.
    fn all(query: &Query) -> Result<Self, Problem> {
        query.only(&Self::names())?;
        Self::read(query)
    }
}

/// Parameters that are the fields of a struct.
pub(super) struct Params<T>(pub(super) T);

/// What is looked for in a list.
#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Search {
    /// Words, each of which stands somewhere in what is looked through, in any case and with or without accents.
    search: Option<String>,
}

/// Which page of a list is wanted, and the query to link the next one with.
pub(super) struct Pages {
    pub(super) wanted: Wanted,
    query: Query,
}

/// Both of one query.
pub(super) struct Both<A, B>(pub(super) A, pub(super) B);

impl Search {
    /// None where nothing was typed.
    pub(super) fn words(self) -> Option<String> {
        unless_empty(self.search)
    }
}

impl<T: DeserializeOwned> OfQuery for Params<T> {
    fn names() -> Vec<&'static str> {
        Query::names::<T>().to_vec()
    }

    fn read(query: &Query) -> Result<Self, Problem> {
        query.fields().map(Self)
    }
}

impl OfQuery for Pages {
    fn names() -> Vec<&'static str> {
        Query::names::<Wanted>().to_vec()
    }

    fn read(query: &Query) -> Result<Self, Problem> {
        let Wanted { after, limit } = query.fields()?;
        Ok(Self { wanted: Wanted { after: unless_empty(after), limit }, query: query.clone() })
    }
}

impl<A: OfQuery, B: OfQuery> OfQuery for Both<A, B> {
    fn names() -> Vec<&'static str> {
        [A::names(), B::names()].concat()
    }

    fn read(query: &Query) -> Result<Self, Problem> {
        Ok(Self(A::read(query)?, B::read(query)?))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::all(&Query::from_request_parts(parts, state).await?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pages {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::all(&Query::from_request_parts(parts, state).await?)
    }
}

impl<A: OfQuery + Send, B: OfQuery + Send, S: Send + Sync> FromRequestParts<S> for Both<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::all(&Query::from_request_parts(parts, state).await?)
    }
}

impl Pages {
    /// The items, with a `Link` to the next page where there is more: the same list, further on.
    pub(super) fn answer<T: Serialize>(&self, page: Page<T>) -> Response {
        self.query.answer(page)
    }

    /// The same where the place is called otherwise.
    pub(super) fn answer_from<T: Serialize>(&self, place: &str, page: Page<T>) -> Response {
        self.query.answer_from(place, page)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Side {
        In,
        Out,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Filter {
        with: uuid::Uuid,
        version: Option<i32>,
        #[serde(default)]
        waiting: bool,
        side: Option<Side>,
        download: Option<String>,
    }

    async fn read<T: FromRequestParts<(), Rejection = Problem>>(query: &str) -> Result<T, (String, String)> {
        let request = Request::get(format!("/api/x?{query}")).body(()).unwrap();
        T::from_request_parts(&mut request.into_parts().0, &()).await.map_err(|problem| {
            let error = problem.into_api();
            (error.field.unwrap_or_default(), error.detail)
        })
    }

    const ID: &str = "with=01900000-0000-7000-8000-000000000000";

    #[tokio::test]
    async fn a_mistake_in_any_query_is_told_by_its_name_and_what_it_takes() {
        for (query, field, takes) in [
            ("version=two", "version", "a number, such as 50"),
            ("version=", "version", "a number, such as 50"),
            ("waiting=yes", "waiting", "true or false"),
            ("side=up", "side", "one of in, out"),
            ("with=x", "with", "UUID"),
            ("versoin=2", "versoin", "with, version, waiting, side, download"),
            ("waiting=true&waiting=true", "waiting", "twice"),
        ] {
            let query = if query.starts_with("with") { query.to_owned() } else { format!("{ID}&{query}") };
            let Err((named, words)) = read::<Params<Filter>>(&query).await else { panic!("{query} was taken") };
            assert_eq!(named, field, "{query}: {words}");
            assert!(words.contains(field) && words.contains(takes), "{query}: {words}");
        }
        let Err((named, words)) = read::<Params<Filter>>("version=2").await else { panic!("it has no `with`") };
        assert_eq!((named.as_str(), words.as_str()), ("with", "`with` is missing. Add it to the address."));
        let all = format!("{ID}&version=2&waiting=true&side=out&download");
        let Ok(Params(filter)) = read::<Params<Filter>>(&all).await else { panic!("{all} was refused") };
        assert_eq!((filter.version, filter.waiting, filter.side), (Some(2), true, Some(Side::Out)));
        assert_eq!(filter.download.as_deref(), Some(""));
    }

    #[tokio::test]
    async fn pages_take_their_own_parameters_and_those_beside_them_and_link_all_on() {
        let Err((named, words)) = read::<Pages>("limit=x").await else { panic!("no number was taken") };
        assert_eq!(named, "limit", "{words}");
        let Err((named, _)) = read::<Pages>(ID).await else { panic!("a parameter of others was taken") };
        assert_eq!(named, "with");
        let query = format!("{ID}&limit=2&after=old");
        let Ok(Both(Params(filter), pages)) = read::<Both<Params<Filter>, Pages>>(&query).await else {
            panic!("{query} was refused")
        };
        assert_eq!((filter.version, pages.wanted.limit, pages.wanted.after.as_deref()), (None, Some(2), Some("old")));
        let link = pages.answer(Page { items: vec![1, 2], next: Some("new".into()) }).headers()["link"].clone();
        assert_eq!(link.to_str().unwrap(), format!("</api/x?after=new&{ID}&limit=2>; rel=\"next\""));
        let Err((named, _)) = read::<Both<Params<Filter>, Pages>>(&format!("{ID}&limti=2")).await else {
            panic!("an unknown one was taken")
        };
        assert_eq!(named, "limti");
    }
}
