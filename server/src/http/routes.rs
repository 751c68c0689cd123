//! Every REST route and live socket, in one table with what it is for: the router is built from it, so is the access matrix of the tests,
//! and so is the description of the interface (docs/openapi.json, docs/rest.md), so that no endpoint can exist without a row there. All but
//! that description are for those who are signed in; most take 64 KiB.

mod artifacts;
mod batches;
mod inbox;
mod interface;
mod notices;
mod people;
mod protocol;
mod runs;
mod secrets;
mod steps;
mod workers;
mod workflows;

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use utoipa::{ToSchema, openapi::schema::AnyOfBuilder};

use super::{
    AppState,
    described::{Endpoint, Kind, Shape, Told},
    entry::{Entry, NOTHING, SMALL},
};

/// Whom a route is for, as docs/rest.md says it. Who is let in is decided by the use cases.
const SIGNED_IN: &str = "signed in";
const ADMIN: &str = "admin";
/// Of figures.
const READER: &str = "admin, or a token with `metrics`";
const OWNER: &str = "owner";
const ASKED: &str = "asked";
const WORKER_ALONE: &str = "worker";

/// The tables of docs/rest.md in reading order, each with its title.
pub(super) const TABLES: &[(&str, &str)] = &[
    ("runs", "Runs"),
    ("steps", "Steps"),
    ("inbox", "The inbox"),
    ("batches", "Many runs from a table"),
    ("artifacts", "Artifacts"),
    ("workflows", "Workflows"),
    ("workers", "Outside workers, for admins"),
    ("protocol", "The protocol of outside workers"),
    ("secrets", "Secrets"),
    ("notices", "Notices"),
    ("people", "Agents and people"),
    ("interface", "This interface"),
];

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub entry: Entry,
    pub(super) handler: MethodRouter<AppState>,
    pub(super) about: About,
}

/// What is told of a route.
pub(super) struct About {
    pub(super) table: &'static str,
    pub(super) who: &'static str,
    /// In Markdown, as a row of docs/rest.md.
    pub(super) what: &'static str,
    /// For the names of functions that are made from it: where the handler is, and what it is called.
    pub(super) id: String,
    by_handler: fn(&mut Told),
    more: Vec<More>,
}

/// What the types of a handler do not say.
type More = Box<dyn Fn(&mut Told) + Send + Sync>;

impl About {
    pub(super) fn tell(&self, told: &mut Told) {
        (self.by_handler)(told);
        for more in &self.more {
            more(told);
        }
    }
}

/// In the order of `TABLES`.
pub fn routes() -> Vec<Route> {
    let tables = [
        runs::routes(),
        steps::routes(),
        inbox::routes(),
        batches::routes(),
        artifacts::routes(),
        workflows::routes(),
        workers::routes(),
        protocol::routes(),
        secrets::routes(),
        notices::routes(),
        people::routes(),
        interface::routes(),
    ];
    let named = TABLES.iter().zip(tables);
    named
        .flat_map(|((table, _), routes)| {
            let table: &'static str = table;
            routes.into_iter().map(move |route| route.of_table(table))
        })
        .collect()
}

impl Route {
    fn new<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        entry: Entry,
        handler: H,
        (who, what): (&'static str, &'static str),
    ) -> Self {
        let about = About {
            table: "",
            who,
            what,
            id: name_of(std::any::type_name::<H>()),
            by_handler: <H as Endpoint<T>>::tell,
            more: Vec::new(),
        };
        Self { method, path, entry, handler: on(filter, handler), about }
    }

    fn of_table(mut self, table: &'static str) -> Self {
        self.about.table = table;
        self
    }

    fn takes(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }

    fn more(mut self, more: impl Fn(&mut Told) + Send + Sync + 'static) -> Self {
        self.about.more.push(Box::new(more));
        self
    }

    /// What it takes beside what its handler names.
    fn asks(self, name: &'static str, kind: Kind, what: &'static str) -> Self {
        self.more(move |told| told.ask(name, kind, what, false))
    }

    fn needs(self, name: &'static str, kind: Kind, what: &'static str) -> Self {
        self.more(move |told| told.ask(name, kind, what, true))
    }

    fn needs_header(self, name: &'static str, what: &'static str) -> Self {
        self.more(move |told| told.header(name, what, true))
    }

    fn pages(self) -> Self {
        self.more(Told::ask_for_pages)
    }

    /// A body of one of these media types.
    fn reads(self, kinds: &'static [&'static str]) -> Self {
        self.more(move |told| told.read_as(kinds))
    }

    fn reads_json<T: ToSchema + 'static>(self) -> Self {
        self.more(Told::read::<T>)
    }

    /// Not the usual status.
    fn status(self, status: u16) -> Self {
        self.more(move |told| told.with_status(status))
    }

    /// With this status as well.
    fn also(self, status: u16) -> Self {
        self.more(move |told| told.also_with(status))
    }

    fn gives<T: ToSchema + 'static>(self, status: u16) -> Self {
        self.more(move |told| told.give::<T>(status))
    }

    /// One of several shapes.
    fn any(self, status: u16, shapes: fn(&mut Told) -> Vec<Shape>) -> Self {
        self.more(move |told| {
            let shapes = shapes(told);
            told.give_any(status, shapes);
        })
    }

    /// A list in pages.
    fn list<T: ToSchema + 'static>(self) -> Self {
        self.list_of(Told::shape::<T>)
    }

    fn list_of(self, of: fn(&mut Told) -> Shape) -> Self {
        self.more(move |told| {
            let of = of(told);
            told.give_list(of);
        })
    }

    /// An object of these by key.
    fn map<T: ToSchema + 'static>(self) -> Self {
        self.more(|told| {
            let of = told.shape::<T>();
            told.give_map(of);
        })
    }

    fn file(self, status: u16, kind: &'static str) -> Self {
        self.more(move |told| told.give_file(status, kind))
    }

    fn nothing(self, status: u16) -> Self {
        self.more(move |told| told.give_nothing(status))
    }

    /// The connection becomes a WebSocket.
    fn socket(self) -> Self {
        self.nothing(101)
    }
}

/// One shape or the other.
fn either<A: ToSchema, B: ToSchema>(told: &mut Told) -> Shape {
    AnyOfBuilder::new().item(told.shape::<A>()).item(told.shape::<B>()).into()
}

/// `server::http::runs::start` is `runs_start`.
fn name_of(handler: &str) -> String {
    let mut parts = handler.rsplit("::");
    let (function, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{module}_{function}")
}

fn get<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
    path: &'static str,
    handler: H,
    who: &'static str,
    what: &'static str,
) -> Route {
    Route::new((Method::GET, MethodFilter::GET), path, NOTHING, handler, (who, what))
}

fn post<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
    path: &'static str,
    handler: H,
    who: &'static str,
    what: &'static str,
) -> Route {
    Route::new((Method::POST, MethodFilter::POST), path, SMALL, handler, (who, what))
}

fn put<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
    path: &'static str,
    handler: H,
    who: &'static str,
    what: &'static str,
) -> Route {
    Route::new((Method::PUT, MethodFilter::PUT), path, SMALL, handler, (who, what))
}

fn patch<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
    path: &'static str,
    handler: H,
    who: &'static str,
    what: &'static str,
) -> Route {
    Route::new((Method::PATCH, MethodFilter::PATCH), path, SMALL, handler, (who, what))
}

fn delete<H: Handler<T, AppState> + Endpoint<T>, T: 'static>(
    path: &'static str,
    handler: H,
    who: &'static str,
    what: &'static str,
) -> Route {
    Route::new((Method::DELETE, MethodFilter::DELETE), path, NOTHING, handler, (who, what))
}
