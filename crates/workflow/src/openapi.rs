//! The shapes of what is read and written by hand, for the description of the REST interface. All else is derived beside each type.
//! Only the server turns this on: a browser must never carry it.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{
            AdditionalProperties, Array, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema as Shape, SchemaType, Type,
        },
    },
};

use crate::{
    agent::{AgentConfig, HttpConfig, HumanConfig, LlmConfig, TemplateConfig, WorkerConfig, WorkflowConfig},
    condition::Condition,
    id::StepKey,
    schema::Schema,
    source::Source,
    view::StepOverride,
};

/// What is referred to by its name, with what that refers to.
type Named = Vec<(String, RefOr<Shape>)>;

/// One of a few words.
pub(crate) fn word(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn number(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number).description(Some(description))
}

fn anything() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

fn closed() -> AdditionalProperties<Shape> {
    AdditionalProperties::FreeForm(false)
}

fn named<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn collect<T: ToSchema>(known: &mut Named) {
    known.push((T::name().into_owned(), T::schema()));
    T::schemas(known);
}

/// Overrides by step; null takes one back.
pub(crate) fn overrides() -> ObjectBuilder {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let one = OneOfBuilder::new().item(named::<StepOverride>()).item(null);
    ObjectBuilder::new().additional_properties(Some(Shape::OneOf(one.build())))
}

impl PartialSchema for Schema {
    fn schema() -> RefOr<Shape> {
        let kinds = ["string", "number", "integer", "boolean", "object", "array", "null"];
        ObjectBuilder::new()
            .property("type", word(kinds).description(Some("Absent means any.")))
            .property("properties", ObjectBuilder::new().additional_properties(Some(named::<Self>())))
            .property("required", Array::new(ObjectBuilder::new().schema_type(Type::String)))
            .property("items", named::<Self>())
            .property("enum", ArrayBuilder::new().items(anything()))
            .property("minimum", number("The least that a number may be."))
            .property("maximum", number("The greatest that a number may be."))
            .property("description", text("What it is for."))
            .property("format", text("A hint for forms and viewers: `multiline`, `file`, `markdown`, `date`."))
            .additional_properties(Some(closed()))
            .description(Some("The type of a port: a closed subset of JSON Schema."))
            .into()
    }
}

impl ToSchema for Schema {}

impl PartialSchema for Source {
    fn schema() -> RefOr<Shape> {
        let from = |word_of: &'static str| {
            ObjectBuilder::new()
                .property("from", word([word_of]))
                .required("from")
                .additional_properties(Some(closed()))
        };
        let path = || text("A JSON Pointer into it; empty for the whole.");
        OneOfBuilder::new()
            .item(
                ObjectBuilder::new()
                    .property("const", anything())
                    .required("const")
                    .additional_properties(Some(closed())),
            )
            .item(from("run").property("key", text("An input of the run.")).required("key").property("path", path()))
            .item(
                from("step")
                    .property("step", named::<StepKey>())
                    .required("step")
                    .property("artifact", text("An output of that step."))
                    .required("artifact")
                    .property("path", path()),
            )
            .item(from("item").property("path", path()))
            .description(Some("Where the value of an input comes from."))
            .into()
    }
}

impl ToSchema for Source {
    fn schemas(known: &mut Named) {
        collect::<StepKey>(known);
    }
}

impl PartialSchema for Condition {
    fn schema() -> RefOr<Shape> {
        let two = || ArrayBuilder::new().items(named::<Source>()).min_items(Some(2)).max_items(Some(2));
        let many = || ArrayBuilder::new().items(named::<Self>());
        let condition = ["eq", "ne", "lt", "le", "gt", "ge", "in", "contains"]
            .into_iter()
            .fold(ObjectBuilder::new(), |condition, operator| condition.property(operator, two()));
        condition
            .property("exists", named::<Source>())
            .property("and", many())
            .property("or", many())
            .property("not", named::<Self>())
            .additional_properties(Some(closed()))
            .min_properties(Some(1))
            .max_properties(Some(1))
            .description(Some("One operator with what it is about."))
            .into()
    }
}

impl ToSchema for Condition {
    fn schemas(known: &mut Named) {
        // Not itself, which would have no end: whoever names it adds it.
        collect::<Source>(known);
    }
}

impl PartialSchema for AgentConfig {
    fn schema() -> RefOr<Shape> {
        OneOfBuilder::new()
            .item(of_kind::<LlmConfig>("llm"))
            .item(of_kind::<HttpConfig>("http"))
            .item(of_kind::<TemplateConfig>("template"))
            .item(of_kind::<HumanConfig>("human"))
            .item(of_kind::<WorkflowConfig>("workflow"))
            .item(of_kind::<WorkerConfig>("worker"))
            .description(Some("The kind of an agent and its configuration."))
            .into()
    }
}

impl ToSchema for AgentConfig {
    fn schemas(known: &mut Named) {
        LlmConfig::schemas(known);
        HttpConfig::schemas(known);
        TemplateConfig::schemas(known);
        HumanConfig::schemas(known);
        WorkflowConfig::schemas(known);
        WorkerConfig::schemas(known);
    }
}

/// The fields of a kind with the word for it among them: each refuses fields that it does not know, so they cannot stand apart.
fn of_kind<T: ToSchema>(kind: &'static str) -> RefOr<Shape> {
    match T::schema() {
        RefOr::T(Shape::Object(fields)) => {
            ObjectBuilder::from(fields).property("kind", word([kind])).required("kind").into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::RunStatus;

    fn shape<T: ToSchema>() -> serde_json::Value {
        serde_json::to_value(T::schema()).unwrap()
    }

    #[test]
    fn words_and_ids_are_texts_of_their_kind() {
        let status = shape::<RunStatus>();
        assert_eq!(status["enum"].as_array().unwrap().len(), RunStatus::ALL.len());
        assert!(status["enum"].as_array().unwrap().contains(&"completed".into()));
        assert_eq!(
            (&shape::<StepKey>()["type"], &shape::<crate::RunId>()["format"]),
            (&"string".into(), &"uuid".into())
        );
    }

    #[test]
    fn the_kind_of_an_agent_stands_among_its_fields() {
        let config = shape::<AgentConfig>();
        let kinds: Vec<_> =
            config["oneOf"].as_array().unwrap().iter().map(|one| &one["properties"]["kind"]["enum"][0]).collect();
        assert_eq!(kinds, ["llm", "http", "template", "human", "workflow", "worker"]);
        assert!(config["oneOf"][0]["properties"]["prompt"].is_object());
    }

    #[test]
    fn what_holds_itself_is_told_once() {
        let mut known = Vec::new();
        collect::<Condition>(&mut known);
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Condition", "Source", "StepKey"]);
    }
}
