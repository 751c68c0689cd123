//! What an import would do, or did: the list that people read before they say yes, the same over REST, in the browser and at a terminal.
//! More fields may come; a name that stands here stays.

use serde::{Deserialize, Serialize};

use crate::id::TemplateId;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportReport))]
pub struct Report {
    /// The slug of the workflow that the file is about, and its name.
    pub main: String,
    pub name: String,
    /// In the order in which it comes to be: what is run before what runs it.
    pub changes: Vec<Change>,
    /// What is here already and would be covered, or would change for others. An import goes on only for somebody who saw these.
    pub conflicts: Vec<Note>,
    /// What the file names and does not bring: to be granted one by one, by somebody who may.
    pub grants: Vec<Grant>,
    /// Where agents that it makes or changes send what they are given: an address each, without what may be secret in it.
    #[serde(default)]
    pub calls: Vec<Note>,
    /// What keeps it from being imported, with its place in the file.
    pub problems: Vec<Note>,
    /// What the draft is imported with all the same; the editor shows these, too.
    pub warnings: Vec<Note>,
    /// Of all the above: give it back to import exactly this, or nothing.
    pub digest: String,
    /// Whether it was done.
    pub applied: bool,
    /// The workflow, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
}

impl Report {
    /// Whether the file says anything that is not here already.
    pub fn changes_something(&self) -> bool {
        self.changes.iter().any(|change| change.act != Act::Nothing)
    }
}

/// One workflow or agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportChange))]
pub struct Change {
    pub thing: Thing,
    /// A slug, or an agent's id.
    pub id: String,
    pub name: String,
    pub act: Act,
    /// The version that it makes, or that is used; of a draft, the revision that it is saved over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Fields that differ from what is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportThing))]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    Workflow,
    Agent,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportAct))]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It is here already, as it is in the file.
    Nothing,
    Create,
    /// The next version: of an agent, or of a workflow that others run and that so has to be published.
    NewVersion,
    /// The draft is saved over; what is published stays.
    SaveDraft,
}

/// Something about a place in the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportNote))]
pub struct Note {
    pub place: String,
    pub message: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportGrant))]
pub struct Grant {
    pub kind: GrantKind,
    pub place: String,
    /// Whom or what it is about.
    pub name: String,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ImportGrantKind))]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    Secret,
    Person,
    Group,
    /// An agent that a process outside does.
    Worker,
    Provider,
}

impl GrantKind {
    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::Person => "Person",
            Self::Group => "Group",
            Self::Worker => "Outside agent",
            Self::Provider => "Model provider",
        }
    }
}

impl Act {
    /// What it does, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing to do",
            Self::Create => "New",
            Self::NewVersion => "New version",
            Self::SaveDraft => "Draft changes",
        }
    }
}

impl Thing {
    pub fn words(self) -> &'static str {
        match self {
            Self::Workflow => "Workflow",
            Self::Agent => "Agent",
        }
    }
}
