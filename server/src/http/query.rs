//! A query string whose every parameter is known: one that is not, is there twice, or has a value of another kind is refused by its name,
//! so that nobody takes a list for filtered that is not. Must never leave a filter out of the address of the next page.

mod fields;

use std::fmt::Write as _;

use axum::{
    Json,
    extract::{FromRequestParts, Query as Pairs},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header, request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use workflow::api::Page;

use self::fields::Mistake;
use super::{extract::encoded, problem::Problem};

/// Where a page begins.
const AFTER: &str = "after";

#[derive(Clone)]
pub(super) struct Query {
    given: Vec<(String, String)>,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Pairs::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Pairs(given)) => Ok(Self { given, path: parts.uri.path().to_owned() }),
            Err(rejection) => Err(Problem::malformed(format!("{}. Correct the address.", rejection.body_text()))),
        }
    }
}

impl Query {
    /// Passes if it has these parameters alone, each once at most.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for (n, (name, _)) in self.given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let detail = format!("There is no parameter `{name}` here. There are: {}.", known.join(", "));
                return Err(Problem::malformed(detail).with_field(name));
            }
            if self.given[..n].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::malformed(format!("`{name}` is there twice. Give it once.")).with_field(name));
            }
        }
        Ok(())
    }

    /// The parameters that a struct has.
    pub(super) fn names<T: DeserializeOwned>() -> &'static [&'static str] {
        fields::names::<T>()
    }

    /// A struct of those that it has; what else there may be is told by `only` before.
    pub(super) fn fields<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let names = fields::names::<T>();
        let given = self.given.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        fields::read(given.filter(|(name, _)| names.contains(name))).map_err(|(name, mistake)| match mistake {
            Mistake::Takes(kind) => wrong(&name, &kind),
            Mistake::Missing => {
                Problem::malformed(format!("`{name}` is missing. Add it to the address.")).with_field(name)
            }
            Mistake::Said(words) => {
                Problem::malformed(format!("`{name}` is wrong: {words}. Correct the address.")).with_field(name)
            }
        })
    }

    /// An empty one is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let told = self.given.iter().find_map(|(given, text)| (given == name).then_some(text.as_str()));
        told.filter(|text| !text.is_empty())
    }

    /// The items, with a `Link` to the next page where there is more (RFC 8288): the same list, further on.
    pub(super) fn answer<T: Serialize>(&self, page: Page<T>) -> Response {
        self.answer_from(AFTER, page)
    }

    /// The same where the place is called otherwise.
    pub(super) fn answer_from<T: Serialize>(&self, place: &str, page: Page<T>) -> Response {
        let mut response = Json(page.items).into_response();
        let Some(next) = page.next else { return response };
        let mut link = format!("<{}?{place}={}", self.path, encoded(&next));
        for (name, text) in self.given.iter().filter(|(name, _)| name != place) {
            // Writing to a text cannot fail.
            let _infallible = write!(link, "&{}={}", encoded(name), encoded(text));
        }
        link.push_str(">; rel=\"next\"");
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// What is looked for in a list is nothing where nothing was typed.
pub(super) fn unless_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn wrong(name: &str, kind: &str) -> Problem {
    Problem::malformed(format!("`{name}` is wrong: it takes {kind}. Correct the address.")).with_field(name)
}

#[cfg(test)]
mod tests {
    use service::Wanted;
    use workflow::api::{HistoryQuery, InboxQuery, InboxSort};

    use super::*;
    use crate::http::params::{Both, OfQuery, Pages, Params};

    fn query(given: &[(&str, &str)]) -> Query {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Query { given, path: "/api/inbox".into() }
    }

    fn read(given: &[(&str, &str)]) -> Result<(InboxQuery, Wanted), Problem> {
        Both::<Params<InboxQuery>, Pages>::all(&query(given)).map(|Both(Params(choice), pages)| (choice, pages.wanted))
    }

    fn field<T>(refused: Result<T, Problem>) -> Option<String> {
        refused.err().and_then(|problem| problem.into_api().field)
    }

    #[test]
    fn what_is_unknown_twice_or_of_another_kind_is_refused_by_its_name() {
        let refused: [(&[(&str, &str)], &str); 7] = [
            (&[("srot", "due")], "srot"),
            (&[("sort", "due"), ("sort", "due")], "sort"),
            (&[("limit", "many")], "limit"),
            (&[("sort", "size")], "sort"),
            (&[("sort", "")], "sort"),
            (&[("workflow", "")], "workflow"),
            (&[("due_before", "soon")], "due_before"),
        ];
        for (given, name) in refused {
            assert_eq!(field(read(given)).as_deref(), Some(name), "{given:?}");
        }
        assert_eq!(field(read(&[("limit", "")])).as_deref(), Some("limit"), "it was left empty");
        let verdict = Params::<HistoryQuery>::all(&query(&[("verdict", "fine")]));
        assert_eq!(field(verdict).as_deref(), Some("verdict"));
        let fine = read(&[("sort", "due"), ("limit", "7"), ("after", "")]).ok();
        let due = InboxQuery { sort: InboxSort::Due, ..InboxQuery::default() };
        assert_eq!(fine, Some((due, Wanted { after: None, limit: Some(7) })));
        assert_eq!(read(&[]).ok(), Some((InboxQuery::default(), Wanted::default())));
        assert_eq!(unless_empty(Some(String::new())), None);
    }

    #[test]
    fn the_next_page_is_of_the_same_list() {
        let query = query(&[("search", "a&b ü"), ("after", "old"), ("limit", "2")]);
        let response = query.answer(Page { items: vec![1, 2], next: Some("1_x".into()) });
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert_eq!(link, "</api/inbox?after=1_x&search=a%26b%20%C3%BC&limit=2>; rel=\"next\"");
        assert!(query.answer(Page { items: vec![1], next: None }).headers().get(header::LINK).is_none());
    }
}
