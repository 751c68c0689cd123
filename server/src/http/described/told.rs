//! What is told of one route: what it takes and what it answers. Handlers tell most of it by their types; the table of routes adds what
//! these do not say. Must never hold words about what a route does: those stand in the table.

use utoipa::{
    ToSchema,
    openapi::{
        Ref, RefOr,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type},
    },
};

pub(in crate::http) type Shape = RefOr<Schema>;
/// What is referred to by its name.
pub(in crate::http) type Named = Vec<(String, Shape)>;

/// What stands in a query parameter or in a path.
#[derive(Clone, Copy)]
pub(in crate::http) enum Kind {
    Text,
    /// A UUID.
    Id,
    Number,
    /// `true` or `false`.
    Switch,
    Time,
    /// One of these.
    Word(&'static [&'static str]),
}

/// What a body is, or an answer.
#[derive(Clone)]
pub(in crate::http) enum Content {
    Nothing,
    Json(Box<Shape>),
    /// Bytes or text of a media type.
    File(&'static str),
}

pub(in crate::http) struct Answer {
    pub(in crate::http) status: u16,
    pub(in crate::http) contents: Vec<Content>,
    /// A list, whose next page is in `Link`.
    pub(in crate::http) is_paged: bool,
}

#[derive(Default)]
pub(in crate::http) struct Told {
    pub(in crate::http) parameters: Vec<Parameter>,
    pub(in crate::http) body: Vec<Content>,
    /// Whether an empty body stands for `{}`.
    pub(in crate::http) may_be_empty: bool,
    pub(in crate::http) answers: Vec<Answer>,
    pub(in crate::http) shapes: Named,
}

impl Kind {
    pub(in crate::http) fn shape(self) -> ObjectBuilder {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        match self {
            Self::Text => text(),
            Self::Id => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
            Self::Number => ObjectBuilder::new().schema_type(Type::Integer),
            Self::Switch => ObjectBuilder::new().schema_type(Type::Boolean),
            Self::Time => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
            Self::Word(words) => text().enum_values(Some(words.iter().copied())),
        }
    }
}

impl Told {
    /// Refers to a type by its name, where it has one of its own.
    pub(in crate::http) fn shape<T: ToSchema>(&mut self) -> Shape {
        T::schemas(&mut self.shapes);
        let name = T::name();
        if matches!(&*name, "Vec" | "Option" | "BTreeMap" | "Value") {
            return T::schema();
        }
        self.shapes.push((name.clone().into_owned(), T::schema()));
        Ref::from_schema_name(name.into_owned()).into()
    }

    /// A parameter of the query.
    pub(in crate::http) fn ask(&mut self, name: &str, kind: Kind, what: &str, is_required: bool) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(required(is_required))
            .description(Some(what))
            .schema(Some(kind.shape()));
        self.parameters.push(parameter.build());
    }

    /// Where a page of a list begins, and how long it is.
    pub(in crate::http) fn ask_for_pages(&mut self) {
        self.ask("after", Kind::Text, "Where the page begins: what the page before told.", false);
        self.ask("limit", Kind::Number, "How many items at most.", false);
    }

    pub(in crate::http) fn header(&mut self, name: &str, what: &str, is_required: bool) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(required(is_required))
            .description(Some(what))
            .schema(Some(Kind::Text.shape()));
        self.parameters.push(parameter.build());
    }

    /// The fields of a type as parameters of the query.
    pub(in crate::http) fn ask_fields<T: ToSchema>(&mut self) {
        T::schemas(&mut self.shapes);
        let RefOr::T(Schema::Object(fields)) = T::schema() else { return };
        for (name, shape) in fields.properties {
            let (shape, what) = told_apart(shape);
            let parameter = ParameterBuilder::new()
                .parameter_in(ParameterIn::Query)
                .required(required(fields.required.contains(&name)))
                .name(name)
                .description(what)
                .schema(Some(shape));
            self.parameters.push(parameter.build());
        }
    }

    /// A body in JSON.
    pub(in crate::http) fn read<T: ToSchema>(&mut self) {
        let shape = self.shape::<T>();
        self.body = vec![Content::Json(Box::new(shape))];
    }

    /// A body of one of these media types.
    pub(in crate::http) fn read_as(&mut self, kinds: &[&'static str]) {
        self.may_be_empty = false;
        self.body = kinds.iter().copied().map(Content::File).collect();
    }

    fn answer(&mut self, status: u16) -> &mut Answer {
        let at = self.answers.iter().position(|answer| answer.status == status).unwrap_or_else(|| {
            self.answers.push(Answer { status, contents: Vec::new(), is_paged: false });
            self.answers.len() - 1
        });
        &mut self.answers[at]
    }

    /// In JSON, in place of what was told of the same status.
    pub(in crate::http) fn give<T: ToSchema>(&mut self, status: u16) {
        let shape = self.shape::<T>();
        self.answer(status).contents = vec![Content::Json(Box::new(shape))];
    }

    /// In JSON, of one of these shapes.
    pub(in crate::http) fn give_any(&mut self, status: u16, shapes: Vec<Shape>) {
        let any = shapes.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
        self.answer(status).contents = vec![Content::Json(Box::new(any.into()))];
    }

    /// A list in pages.
    pub(in crate::http) fn give_list(&mut self, of: Shape) {
        let answer = self.answer(200);
        answer.contents = vec![Content::Json(Box::new(ArrayBuilder::new().items(of).into()))];
        answer.is_paged = true;
    }

    /// An object of these, by a key.
    pub(in crate::http) fn give_map(&mut self, of: Shape) {
        let map = ObjectBuilder::new().additional_properties(Some(of));
        self.answer(200).contents = vec![Content::Json(Box::new(map.into()))];
    }

    /// Bytes or text, beside what else was told of the same status.
    pub(in crate::http) fn give_file(&mut self, status: u16, kind: &'static str) {
        self.answer(status).contents.push(Content::File(kind));
    }

    /// A status alone.
    pub(in crate::http) fn give_nothing(&mut self, status: u16) {
        self.answer(status).contents = vec![Content::Nothing];
    }

    /// What a handler gives comes with this status, not with the usual one.
    pub(in crate::http) fn with_status(&mut self, status: u16) {
        if let Some(answer) = self.answers.last_mut() {
            answer.status = status;
        }
    }

    /// The same with another status as well.
    pub(in crate::http) fn also_with(&mut self, status: u16) {
        let contents = self.answers.last().map(|answer| answer.contents.clone());
        if let Some(contents) = contents {
            self.answer(status).contents = contents;
        }
    }
}

fn required(is_required: bool) -> utoipa::openapi::Required {
    if is_required { utoipa::openapi::Required::True } else { utoipa::openapi::Required::False }
}

/// A query has no null, and what is said of a field is said of the parameter.
fn told_apart(shape: Shape) -> (Shape, Option<String>) {
    match shape {
        RefOr::T(Schema::Object(mut field)) => {
            let only = match &field.schema_type {
                SchemaType::Array(types) => types.iter().find(|kind| **kind != Type::Null).cloned(),
                _ => None,
            };
            if let Some(only) = only {
                field.schema_type = SchemaType::Type(only);
            }
            field.default = None;
            let what = field.description.take();
            (field.into(), what)
        }
        RefOr::T(Schema::OneOf(mut either)) => {
            let what = either.description.take();
            let named = either.items.iter().position(|item| matches!(item, RefOr::Ref(_)));
            match named {
                Some(at) => (either.items.swap_remove(at), what),
                None => (RefOr::T(Schema::OneOf(either)), what),
            }
        }
        other => (other, None),
    }
}
