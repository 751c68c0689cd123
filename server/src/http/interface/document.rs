//! The document, made of the table of routes: each route is an operation, each type that it names a shape.

use utoipa::{
    PartialSchema,
    openapi::{
        Components, ComponentsBuilder, Content, ContentBuilder, Header, HttpMethod, InfoBuilder, OpenApi,
        OpenApiBuilder, Paths, Ref, RefOr, Response, ResponseBuilder, SecurityRequirement, Tag,
        extensions::ExtensionsBuilder,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{ObjectBuilder, Schema, SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};
use workflow::api::ApiError;

use crate::http::{
    For,
    described::{Answer, Content as Told, Kind, Named, Shape, Told as OfRoute},
    elsewhere,
    routes::{Route, TABLES, routes},
};

/// How callers say who they are.
const SESSION: &str = "session";
const TOKEN: &str = "token";
const WORKER: &str = "worker_token";
/// The one form of refusals.
const PROBLEM: &str = "Problem";
/// The one refusal that says more: where to ask instead.
const OTHER_CELL: &str = "OtherCell";
const ABOUT: &str =
    "Workflows of AI agents that people watch, stop, correct and roll back. Words, rights and limits: docs/rest.md.";

pub(super) fn document() -> OpenApi {
    let mut paths = Paths::new();
    for route in routes() {
        let told = told(&route);
        paths.add_path_operation(route.path, vec![method(&route)], operation(&route, told));
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Weft").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)))
        .paths(paths)
        .components(Some(components()))
        .tags(Some(TABLES.iter().map(|(name, what)| tag(name, what))))
        .build()
}

/// Every shape that a route names, as often as it is named.
pub(super) fn shapes() -> Named {
    let mut shapes: Named = routes().iter().flat_map(|route| told(route).shapes).collect();
    let mut of_problems = OfRoute::default();
    of_problems.shape::<ApiError>();
    shapes.append(&mut of_problems.shapes);
    shapes
}

fn told(route: &Route) -> OfRoute {
    let mut told = OfRoute::default();
    route.about.tell(&mut told);
    told
}

fn tag(name: &str, what: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(what)).build()
}

fn method(route: &Route) -> HttpMethod {
    match route.method {
        http::Method::POST => HttpMethod::Post,
        http::Method::PUT => HttpMethod::Put,
        http::Method::PATCH => HttpMethod::Patch,
        http::Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, told: OfRoute) -> Operation {
    let body = body(route, &told);
    let about = &route.about;
    let operation = OperationBuilder::new()
        .tag(about.table)
        .operation_id(Some(about.id.as_str()))
        .description(Some(about.what))
        .securities(Some(security(route)))
        .request_body(body)
        .extensions(Some(ExtensionsBuilder::new().add("x-who", about.who).build()));
    let operation = segments(route.path).chain(told.parameters).fold(operation, OperationBuilder::parameter);
    let operation = told
        .answers
        .into_iter()
        .fold(operation, |operation, answer| operation.response(answer.status.to_string(), response(&answer)));
    let operation = if elsewhere::may_answer(route.path) {
        operation.response("421", Ref::from_response_name(OTHER_CELL))
    } else {
        operation
    };
    let refused = || Ref::from_response_name(PROBLEM);
    operation.response("4XX", refused()).response("5XX", refused()).build()
}

fn security(route: &Route) -> Vec<SecurityRequirement> {
    let by = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    match route.entry.is_for {
        For::Everybody => Vec::new(),
        For::SignedIn => vec![by(SESSION), by(TOKEN)],
        For::Workers => vec![by(WORKER)],
    }
}

/// The variable parts of a path.
fn segments(path: &str) -> impl Iterator<Item = Parameter> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(utoipa::openapi::Required::True)
            .schema(Some(segment(name).shape()))
            .build()
    })
}

/// What is no such id is answered like one that nobody has: 404.
fn segment(name: &str) -> Kind {
    match name {
        "agent_id" | "group_id" | "step_id" | "secret_name" | "hash" | "token" => Kind::Text,
        "number" | "version" => Kind::Number,
        _ => Kind::Id,
    }
}

fn body(route: &Route, told: &OfRoute) -> Option<RequestBody> {
    if told.body.is_empty() {
        return None;
    }
    let required = if told.may_be_empty { utoipa::openapi::Required::False } else { utoipa::openapi::Required::True };
    let body = RequestBodyBuilder::new().required(Some(required));
    let body = match route.entry.limit {
        _ if route.entry.is_streamed => body,
        limit => body.description(Some(format!("At most {} KiB.", limit / 1024))),
    };
    let body = told.body.iter().filter_map(content).fold(body, |body, (kind, content)| body.content(kind, content));
    Some(body.build())
}

fn response(answer: &Answer) -> Response {
    let said = http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let mut response = ResponseBuilder::new().description(said.unwrap_or("An answer"));
    if answer.is_paged {
        let next = Header::new(ObjectBuilder::new().schema_type(Type::String));
        response = response.header("Link", next);
    }
    let contents = answer.contents.iter().filter_map(content);
    contents.fold(response, |response, (kind, content)| response.content(kind, content)).build()
}

fn content(told: &Told) -> Option<(&'static str, Content)> {
    match told {
        Told::Nothing => None,
        Told::Json(shape) => {
            Some(("application/json", ContentBuilder::new().schema(Some(Shape::clone(shape))).build()))
        }
        // Of bytes, JSON Schema knows nothing.
        Told::File(kind) => Some((*kind, ContentBuilder::new().schema(Some(bytes(kind))).build())),
    }
}

fn bytes(kind: &str) -> Shape {
    let is_text = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("yaml");
    if is_text { Kind::Text.shape().into() } else { ObjectBuilder::new().schema_type(SchemaType::AnyValue).into() }
}

fn components() -> Components {
    let token = |what: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what)).build())
    };
    let cookie = "The cookie of a session, which signing in on the page gives; over HTTPS it is `__Host-weft_session`.";
    let problem = |what: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ApiError"))).build();
        ResponseBuilder::new().description(what).content("application/problem+json", content)
    };
    let refused = "Refused: `code` says why for programs, `detail` for people, with what to do instead.";
    let number = Header::new(ObjectBuilder::new().schema_type(Type::Integer));
    let other_cell = problem("By its id the run is of another cell, whose number is in `Weft-Cell`: ask that one.")
        .header(elsewhere::CELL.as_str(), number);
    ComponentsBuilder::new()
        .schemas_from_iter(shapes())
        .schema("ApiError", refusal())
        .response(PROBLEM, problem(refused))
        .response(OTHER_CELL, other_cell)
        .security_scheme(
            SESSION,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("weft_session", cookie))),
        )
        .security_scheme(TOKEN, token("An API token, made for scopes."))
        .security_scheme(WORKER, token("A token of an outside worker, which opens its protocol and nothing else."))
        .build()
}

/// As RFC 9457 wants it: with a type and a title beside what we say.
fn refusal() -> Shape {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    match ApiError::schema() {
        RefOr::T(Schema::Object(fields)) => ObjectBuilder::from(fields)
            .property("type", text().description(Some("`urn:weft:problem:` and the code.")))
            .required("type")
            .property("title", text())
            .required("title")
            .into(),
        other => other,
    }
}
