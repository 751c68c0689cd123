//! The text of a file. The same content is the same bytes, however it came to be: keys in one order, lines of one form.
//! Must never write an id or a version of the Weft that it comes from.

use serde_json::{Map, Value};

use super::{
    bundle::{Agent, Bundle, FORMAT, Workflow},
    secrets::left_out,
};
use crate::json;

impl Bundle {
    /// As JSON with one value a line, which Git can compare.
    pub fn to_text(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(&self.to_value()?)?;
        text.push('\n');
        Ok(text)
    }

    fn to_value(&self) -> serde_json::Result<Value> {
        let mut file = Map::new();
        file.insert("weft".into(), FORMAT.into());
        file.insert("main".into(), self.main.clone().into());
        let workflows = self.workflows.iter().map(|(slug, versions)| {
            let versions: Vec<Value> = versions.iter().map(workflow).collect();
            (slug.clone(), Value::Array(versions))
        });
        file.insert("workflows".into(), Value::Object(workflows.collect()));
        let mut agents = Map::new();
        for (id, versions) in &self.agents {
            let versions = versions.iter().map(agent).collect::<serde_json::Result<Vec<_>>>()?;
            agents.insert(id.to_string(), Value::Array(versions));
        }
        file.insert("agents".into(), Value::Object(agents));
        let left_out = self.left_out();
        if !left_out.is_empty() {
            file.insert("left_out".into(), left_out.into());
        }
        Ok(Value::Object(file))
    }

    /// The places whose values no file holds.
    pub fn left_out(&self) -> Vec<String> {
        let all = self.agents.values().flatten();
        let places = all.flat_map(|agent| {
            let at = agent.place();
            left_out(&agent.spec).into_iter().map(move |field| format!("{at}.{field}"))
        });
        places.collect()
    }
}

fn workflow(workflow: &Workflow) -> Value {
    let mut value = Map::new();
    value.insert("name".into(), workflow.name.clone().into());
    value.insert("description".into(), workflow.description.clone().into());
    value.insert("definition".into(), workflow.definition.to_value());
    Value::Object(value)
}

fn agent(agent: &Agent) -> serde_json::Result<Value> {
    let Value::Object(mut spec) = json::to_value(&agent.spec)? else { return Ok(Value::Null) };
    // The one is its key, the other its place.
    spec.shift_remove("id");
    spec.shift_remove("version");
    if let (Some(slug), Some(Value::Object(config))) = (&agent.runs, spec.get_mut("config")) {
        let renamed = config.iter().map(|(key, value)| match key.as_str() {
            "template_id" => ("workflow".to_owned(), slug.clone().into()),
            _ => (key.clone(), value.clone()),
        });
        *config = renamed.collect();
    }
    Ok(Value::Object(spec))
}
