//! The form of an agent as it was typed, with whatever is not right yet: what is kept in the browser until it is saved.
//! Must never store the value of a header: keys are sent in them.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::form::{AgentForm, HeaderForm, PortForm};
use crate::{kept::Typed, pages::types::TypedType};
use workflow::{AgentSpec, agent::AgentConfig, schema::Schema};

/// Every field may be missing: what an older page kept comes back as far as it goes.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TypedAgent {
    /// The version that the edit began from.
    pub base: i32,
    fields: Fields,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Fields {
    id: String,
    name: String,
    description: String,
    kind: String,
    provider: String,
    model: String,
    system: String,
    prompt: String,
    temperature: Option<f64>,
    max_tokens: Option<f64>,
    method: String,
    url: String,
    headers: Vec<TypedHeader>,
    body: String,
    template: String,
    instructions: String,
    workflow: String,
    workflow_version: String,
    max_parallel: Option<f64>,
    inputs: Vec<TypedPort>,
    outputs: Vec<TypedPort>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct TypedHeader {
    name: String,
    /// Absent where it was not stored.
    value: Option<String>,
    /// It is not the value of the saved agent.
    is_changed: bool,
}

/// What is typed is the same, whatever is saved.
impl PartialEq for TypedHeader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct TypedPort {
    name: String,
    description: String,
    required: bool,
    kind: TypedType,
    from: String,
}

impl Typed for TypedAgent {
    fn storable(&self) -> Self {
        let mut storable = self.clone();
        for header in &mut storable.fields.headers {
            header.value = None;
        }
        storable
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl TypedPort {
    fn of(port: &PortForm) -> Self {
        Self {
            name: port.name.get(),
            description: port.description.get(),
            required: port.required.get(),
            kind: port.kind.typed(),
            from: port.from.get(),
        }
    }

    fn into_form(self, form: AgentForm) -> PortForm {
        let port = form.port(&self.name, &Schema::any(), self.required);
        port.description.set(self.description);
        port.kind.retype(self.kind);
        port.from.set(self.from);
        port
    }
}

impl AgentForm {
    /// Everything that stands in the form, for reactive places.
    pub(super) fn typed(self, base: i32, saved: &AgentSpec) -> TypedAgent {
        let header = |row: &HeaderForm| {
            let (name, value) = (row.name.get(), row.value.get());
            let is_changed = header_of(saved, &name) != Some(&value);
            TypedHeader { name, value: Some(value), is_changed }
        };
        let fields = Fields {
            id: self.id.get(),
            name: self.name.get(),
            description: self.description.get(),
            kind: self.kind.get(),
            provider: self.provider.get(),
            model: self.model.get(),
            system: self.system.get(),
            prompt: self.prompt.get(),
            temperature: self.temperature.get(),
            max_tokens: self.max_tokens.get(),
            method: self.method.get(),
            url: self.url.get(),
            headers: self.headers.with(|rows| rows.iter().map(header).collect()),
            body: self.body.get(),
            template: self.template.get(),
            instructions: self.instructions.get(),
            workflow: self.workflow.get(),
            workflow_version: self.workflow_version.get(),
            max_parallel: self.max_parallel.get(),
            inputs: self.inputs.with(|ports| ports.iter().map(TypedPort::of).collect()),
            outputs: self.outputs.with(|ports| ports.iter().map(TypedPort::of).collect()),
        };
        TypedAgent { base, fields }
    }

    /// Puts back what was typed. Says how many values of headers have to be typed again, because they were not stored.
    pub(super) fn retype(self, typed: TypedAgent, saved: &AgentSpec) -> usize {
        let typed = typed.fields;
        self.id.set(typed.id);
        self.name.set(typed.name);
        self.description.set(typed.description);
        self.kind.set(typed.kind);
        self.provider.set(typed.provider);
        self.model.set(typed.model);
        self.system.set(typed.system);
        self.prompt.set(typed.prompt);
        self.temperature.set(typed.temperature);
        self.max_tokens.set(typed.max_tokens);
        self.method.set(typed.method);
        self.url.set(typed.url);
        self.body.set(typed.body);
        self.template.set(typed.template);
        self.instructions.set(typed.instructions);
        self.workflow.set(typed.workflow);
        self.workflow_version.set(typed.workflow_version);
        self.max_parallel.set(typed.max_parallel);
        self.inputs.set(typed.inputs.into_iter().map(|port| port.into_form(self)).collect());
        self.outputs.set(typed.outputs.into_iter().map(|port| port.into_form(self)).collect());
        let mut n_missing = 0;
        let headers = typed.headers.into_iter().map(|header| {
            let known = || header_of(saved, &header.name).filter(|_| !header.is_changed).cloned();
            let value = header.value.clone().or_else(known).unwrap_or_else(|| {
                n_missing += 1;
                String::new()
            });
            self.header(&header.name, &value)
        });
        self.headers.set(headers.collect());
        n_missing
    }
}

fn header_of<'a>(saved: &'a AgentSpec, name: &str) -> Option<&'a String> {
    match &saved.config {
        AgentConfig::Http(config) => config.headers.get(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn http() -> AgentSpec {
        serde_json::from_value(json!({"id": "get", "name": "Get", "description": "D", "max_parallel": 3,
            "inputs": [{"name": "q", "schema": {"type": "string", "enum": []}, "required": true}],
            "outputs": [{"name": "body", "schema": {"type": "object", "properties": {"a": {}}, "description": "W"}}],
            "config": {"kind": "http", "method": "POST", "url": "u", "headers": {"Authorization": "Bearer secret"}, "body": "b"}}))
        .unwrap()
    }

    /// As a reload would bring it back.
    fn stored(typed: &TypedAgent) -> TypedAgent {
        serde_json::from_str(&serde_json::to_string(&typed.storable()).unwrap()).unwrap()
    }

    #[test]
    fn what_was_typed_comes_back_as_it_was_even_where_it_is_wrong() {
        Owner::new().with(|| {
            let form = AgentForm::new(&http());
            for text in [form.provider, form.model, form.system, form.prompt, form.template, form.instructions] {
                text.set("{{ typed".to_owned());
            }
            form.workflow.set("w".into());
            form.workflow_version.set("2".into());
            form.temperature.set(Some(9.0));
            form.max_tokens.set(Some(0.5));
            let broken = form.outputs.with_untracked(|ports| ports[0]);
            broken.kind.word.set("custom".into());
            broken.kind.custom.set("{\"type\":".into());
            broken.from.set("a\nb".into());
            let typed = untrack(|| form.typed(4, &http()));
            let again = AgentForm::new(&AgentForm::blank());
            assert_eq!(again.retype(stored(&typed), &http()), 0);
            assert_eq!(untrack(|| again.typed(4, &http())), typed);
        });
    }

    #[test]
    fn a_value_of_a_header_is_never_stored() {
        Owner::new().with(|| {
            let form = AgentForm::new(&http());
            form.headers.with_untracked(|rows| rows[0].value.set("Bearer other secret".into()));
            let typed = untrack(|| form.typed(1, &http()));
            assert!(!serde_json::to_string(&typed.storable()).unwrap().contains("secret"));
            let again = AgentForm::new(&AgentForm::blank());
            assert_eq!(again.retype(stored(&typed), &http()), 1);
            assert_eq!(again.headers.with_untracked(|rows| rows[0].value.get_untracked()), "");
            // On the same page nothing is lost.
            assert_eq!(again.retype(typed.clone(), &http()), 0);
            assert_eq!(untrack(|| again.typed(1, &http())), typed);
        });
    }

    #[test]
    fn what_an_older_page_kept_is_read_as_far_as_it_goes() {
        let typed: TypedAgent = serde_json::from_value(json!({"base": 2, "fields": {"name": "N", "gone": 1}})).unwrap();
        assert_eq!((typed.base, typed.fields.name.as_str()), (2, "N"));
    }
}
