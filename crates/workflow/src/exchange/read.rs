//! Reads a file that was taken apart already: every fault with its place, as many as there are, so that nobody mends them one at a time.
//! Must never drop what it does not know: an unknown field is somebody's work.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    bundle::{Agent, Bundle, FORMAT, Fault, Workflow},
    check,
    path::{Path, Segment},
    slug::is_slug,
};
use crate::{
    agent::AgentSpec,
    definition::Definition,
    id::AgentId,
    limits::{
        MAX_ASSIGNEE_BYTES, MAX_ASSIGNEES, MAX_DEPTH, MAX_DESCRIPTION_CHARS, MAX_FILE_ENTRIES, MAX_NAME_CHARS,
        MAX_STEPS, depth,
    },
    words::{QUOTED_CHARS, count, number, shortened},
};

const FIELDS: [&str; 5] = ["weft", "main", "workflows", "agents", "left_out"];
const OF_WORKFLOW: [&str; 3] = ["name", "description", "definition"];
const OF_AGENT: [&str; 6] = ["name", "description", "inputs", "outputs", "max_parallel", "config"];
/// More would not be read by anybody.
const MOST_FAULTS: usize = 100;

/// Reads a document.
pub fn read(document: &Value) -> Result<Bundle, Vec<Fault>> {
    let mut reader = Reader { faults: Vec::new(), n_versions: 0, n_steps: 0 };
    let bundle = reader.file(document);
    match bundle {
        Some(bundle) if reader.faults.is_empty() => {
            let faults = check::faults(&bundle);
            if faults.is_empty() { Ok(bundle) } else { Err(few(faults)) }
        }
        _ => Err(few(reader.faults)),
    }
}

fn few(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.truncate(MOST_FAULTS);
    faults
}

struct Reader {
    faults: Vec<Fault>,
    /// Of workflows and agents, up to here.
    n_versions: usize,
    /// Of all workflows, up to here.
    n_steps: usize,
}

impl Reader {
    fn fault(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { place: place.into(), message: message.into() });
        }
    }

    fn file(&mut self, document: &Value) -> Option<Bundle> {
        let Some(file) = document.as_object() else {
            self.fault(
                "",
                "This is no file of workflows: it holds no object. Use one that `weft export` or Export made",
            );
            return None;
        };
        match file.get("weft").map(|version| (version, version.as_u64())) {
            Some((_, Some(FORMAT))) => {}
            Some((version, _)) => {
                let told = short(version);
                self.fault("weft", format!("The file is in version {told} of the format; this Weft reads version {FORMAT}. Export it again with a Weft of this version"));
                return None;
            }
            None => {
                self.fault("weft", format!("This is no file of workflows: `\"weft\": {FORMAT}` is missing. Use one that `weft export` or Export made"));
                return None;
            }
        }
        self.only("", file, &FIELDS);
        self.texts(&mut Path::default(), document);
        let main = file.get("main").and_then(Value::as_str).map(str::to_owned);
        if main.is_none() {
            self.fault("main", "Name the workflow that the file is about, by its slug");
        }
        let workflows = self.workflows(file.get("workflows"));
        let agents = self.agents(file.get("agents"));
        if let Some(main) = &main
            && !workflows.contains_key(main)
            && self.faults.is_empty()
        {
            self.fault("main", format!("There is no workflow `{main}` in the file"));
        }
        Some(Bundle { main: main?, workflows, agents })
    }

    fn workflows(&mut self, value: Option<&Value>) -> BTreeMap<String, Vec<Workflow>> {
        let mut workflows = BTreeMap::new();
        let Some(entries) = self.entries("workflows", value) else { return workflows };
        for (slug, versions) in entries {
            let at = format!("workflows.{slug}");
            if !is_slug(slug) {
                self.fault(&at, "A slug is of lower-case letters, digits and `-`, begins with a letter, and has at most 64 characters");
                continue;
            }
            let Some(versions) = self.versions(&at, versions) else { continue };
            let read = versions.iter().enumerate().filter_map(|(n, value)| self.workflow(&format!("{at}[{n}]"), value));
            workflows.insert(slug.clone(), read.collect());
        }
        workflows
    }

    fn workflow(&mut self, at: &str, value: &Value) -> Option<Workflow> {
        let fields = self.object(at, value)?;
        self.only(at, fields, &OF_WORKFLOW);
        let name = self.text(at, fields, "name", MAX_NAME_CHARS);
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            self.fault(format!("{at}.name"), "Give the workflow a name, on one line");
        }
        let description = self.text(at, fields, "description", MAX_DESCRIPTION_CHARS);
        let place = format!("{at}.definition");
        let Some(document) = fields.get("definition").filter(|document| document.is_object()) else {
            self.fault(place, "There is no definition: an object such as {\"steps\": {}}");
            return None;
        };
        if depth(document) > MAX_DEPTH {
            self.fault(place, format!("It is nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        match Definition::from_value(document) {
            Ok(definition) => {
                self.steps(&place, &definition);
                Some(Workflow { name: name.trim().to_owned(), description: description.trim().to_owned(), definition })
            }
            Err(fault) => {
                self.fault(format!("{at}.{}", fault.field()), fault.to_string());
                None
            }
        }
    }

    /// What messages repeat and what comparing costs by: the validator tells more of it later.
    fn steps(&mut self, at: &str, definition: &Definition) {
        let was_fine = self.n_steps <= MAX_STEPS;
        self.n_steps += definition.steps.len();
        if self.n_steps > MAX_STEPS {
            if was_fine {
                let (n, most) = (count(self.n_steps, "step"), number(MAX_STEPS));
                let message = format!("{n} in all workflows up to here; a file holds at most {most}");
                self.fault(format!("{at}.steps"), message);
            }
            return;
        }
        for (key, step) in &definition.steps {
            if key.as_str().len() > MAX_NAME_CHARS {
                let told = shortened(key.as_str(), QUOTED_CHARS);
                self.fault(
                    format!("{at}.steps.{told}"),
                    format!("This key of a step is longer than {MAX_NAME_CHARS} bytes. Shorten it"),
                );
                continue;
            }
            if step.title.chars().count() > MAX_NAME_CHARS {
                let message = format!("It is longer than {MAX_NAME_CHARS} characters. Shorten it");
                self.fault(format!("{at}.steps.{key}.title"), message);
            }
            let assignees = &step.review.assignees;
            let n = assignees.roles.len() + assignees.groups.len() + assignees.users.len();
            if n > MAX_ASSIGNEES {
                let message =
                    format!("It asks {n} people, groups and roles; a file names at most {MAX_ASSIGNEES} at one step");
                self.fault(format!("{at}.steps.{key}.review.assignees"), message);
            }
            if assignees
                .roles
                .iter()
                .chain(&assignees.groups)
                .chain(&assignees.users)
                .any(|who| who.len() > MAX_ASSIGNEE_BYTES)
            {
                let message =
                    format!("A name of a person, group or role is longer than {MAX_ASSIGNEE_BYTES} bytes. Shorten it");
                self.fault(format!("{at}.steps.{key}.review.assignees"), message);
            }
        }
    }

    fn agents(&mut self, value: Option<&Value>) -> BTreeMap<AgentId, Vec<Agent>> {
        let mut agents = BTreeMap::new();
        let Some(entries) = self.entries("agents", value) else { return agents };
        for (id, versions) in entries {
            let at = format!("agents.{id}");
            let id = AgentId::new(id.as_str());
            if !id.is_well_formed() {
                self.fault(&at, "An id is of lower-case letters, digits, `_` and `-`, begins with a letter, and has at most 64 characters");
                continue;
            }
            let Some(versions) = self.versions(&at, versions) else { continue };
            let read = versions
                .iter()
                .zip(1..)
                .filter_map(|(value, n)| self.agent(&format!("{at}[{}]", n - 1), &id, n, value));
            agents.insert(id.clone(), read.collect());
        }
        agents
    }

    fn agent(&mut self, at: &str, id: &AgentId, n: i32, value: &Value) -> Option<Agent> {
        let mut fields = self.object(at, value)?.clone();
        self.only(at, &fields, &OF_AGENT);
        if depth(value) > MAX_DEPTH {
            self.fault(at, format!("It is nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        let mut runs = None;
        if let Some(Value::Object(config)) = fields.get_mut("config")
            && config.get("kind").and_then(Value::as_str) == Some("workflow")
        {
            let Some(Value::String(slug)) = config.shift_remove("workflow") else {
                self.fault(format!("{at}.config.workflow"), "Name the workflow that the agent runs, by its slug");
                return None;
            };
            runs = Some(slug);
            if config.contains_key("template_id") {
                self.fault(format!("{at}.config.template_id"), "Ids mean nothing in a file: `workflow` names the slug");
                return None;
            }
            config.insert("template_id".into(), uuid::Uuid::nil().to_string().into());
        }
        fields.insert("id".into(), id.as_str().into());
        fields.insert("version".into(), n.into());
        match serde_path_to_error::deserialize::<_, AgentSpec>(&Value::Object(fields)) {
            Ok(spec) if spec.name.chars().count() > MAX_NAME_CHARS => {
                let message = format!("It is longer than {MAX_NAME_CHARS} characters. Shorten it");
                self.fault(format!("{at}.name"), message);
                None
            }
            Ok(spec) => Some(Agent { spec, runs }),
            Err(error) => {
                let path = error.path().to_string();
                let place = if path == "." { at.to_owned() } else { format!("{at}.{path}") };
                self.fault(place, error.inner().to_string());
                None
            }
        }
    }

    /// The workflows or agents by name; neither is there means none.
    fn entries<'a>(&mut self, at: &str, value: Option<&'a Value>) -> Option<&'a Map<String, Value>> {
        let entries = self.object(at, value?)?;
        if entries.len() > MAX_FILE_ENTRIES {
            self.fault(at, format!("There are {} of them; a file holds at most {MAX_FILE_ENTRIES}", entries.len()));
            return None;
        }
        Some(entries)
    }

    fn versions<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a Vec<Value>> {
        match value {
            Value::Array(versions) if versions.is_empty() => {
                self.fault(at, "The list of its versions is empty");
                None
            }
            Value::Array(versions) => {
                let was_fine = self.n_versions <= MAX_FILE_ENTRIES;
                self.n_versions += versions.len();
                if self.n_versions <= MAX_FILE_ENTRIES {
                    return Some(versions);
                }
                if was_fine {
                    let n = self.n_versions;
                    let message = format!(
                        "{n} versions of workflows and agents up to here; a file holds at most {MAX_FILE_ENTRIES}. Split it"
                    );
                    self.fault(at, message);
                }
                None
            }
            _ => {
                self.fault(at, "This is a list of versions, oldest first: [{…}]");
                None
            }
        }
    }

    fn object<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.fault(at, "This is an object: {…}");
        }
        object
    }

    fn only(&mut self, at: &str, fields: &Map<String, Value>, known: &[&str]) {
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            let place = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            self.fault(place, format!("There is no such field; there are {}", known.join(", ")));
        }
    }

    fn text(&mut self, at: &str, fields: &Map<String, Value>, key: &str, max_chars: usize) -> String {
        match fields.get(key) {
            None => String::new(),
            Some(Value::String(text)) if text.chars().count() <= max_chars => text.clone(),
            Some(Value::String(_)) => {
                self.fault(
                    format!("{at}.{key}"),
                    format!("It is longer than {}. Shorten it", count(max_chars, "character")),
                );
                String::new()
            }
            Some(_) => {
                self.fault(format!("{at}.{key}"), "This is a text");
                String::new()
            }
        }
    }

    /// The one character that the database cannot hold, wherever it is. Only as deep as whoever took the text apart let it be.
    fn texts<'a>(&mut self, path: &mut Path<'a>, value: &'a Value) {
        match value {
            Value::String(text) if text.contains('\0') => {
                self.fault(path.told(), "It holds a NUL character, which cannot be stored. Remove it");
            }
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    path.below(Segment::Index(n), |path| self.texts(path, item));
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    path.below(Segment::Key(key), |path| {
                        if key.contains('\0') {
                            let message = "Its name holds a NUL character, which cannot be stored. Remove it";
                            self.fault(path.told(), message);
                        }
                        self.texts(path, item);
                    });
                }
            }
            _ => {}
        }
    }
}

/// A value as a message quotes it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(20) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
