//! The places of a draft that are changed, compared and decided as a whole, with the words that people know them by.
//! Must name a step by its key: titles are no identity.

use crate::{
    id::StepKey,
    words::{QUOTED_CHARS, shortened},
};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Workflow(WorkflowField),
    Input {
        key: String,
        field: InputField,
    },
    Step {
        key: StepKey,
        field: StepField,
    },
    /// By its id.
    Note(String),
    /// What waits for what, where the connections of two drafts lead in a circle: the one of whose steps this is the first by key.
    Order(StepKey),
    /// How much there is in all.
    Size,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WorkflowField {
    Name,
    Description,
    Format,
    AtOnce,
    Budget,
    TimeLimit,
    /// All of them, where they have no ids to tell them apart.
    Notes,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum InputField {
    /// Whether it is there.
    Whole,
    Title,
    Type,
    Required,
    Default,
    Order,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StepField {
    /// Whether it is there.
    Whole,
    Title,
    /// With its version.
    Agent,
    After,
    Rule,
    Condition,
    Input(String),
    List,
    Prompt,
    Review,
    Retries,
    TimeLimit,
    WaitsAtMost,
    /// What follows if it still fails, with the values that stand in then.
    Failure,
    SideEffects,
    Cache,
    SharedLimit,
}

impl Place {
    pub fn step(key: &StepKey, field: StepField) -> Self {
        Self::Step { key: key.clone(), field }
    }

    pub fn input(key: &str, field: InputField) -> Self {
        Self::Input { key: key.to_owned(), field }
    }

    /// The step that it belongs to.
    pub fn step_key(&self) -> Option<&StepKey> {
        match self {
            Self::Step { key, .. } => Some(key),
            Self::Workflow(_) | Self::Input { .. } | Self::Note(_) | Self::Order(_) | Self::Size => None,
        }
    }

    /// Whether it is the step or the run input itself, and not a field of it.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Step { field: StepField::Whole, .. } | Self::Input { field: InputField::Whole, .. })
    }

    /// What people call it, beside the name of the step that it belongs to.
    pub fn label(&self) -> String {
        let label = match self {
            Self::Workflow(field) => match field {
                WorkflowField::Name => "Name",
                WorkflowField::Description => "Description",
                WorkflowField::Format => "Format",
                WorkflowField::AtOnce => "Steps at once",
                WorkflowField::Budget => "Limits of cost",
                WorkflowField::TimeLimit => "Time limit",
                WorkflowField::Notes => "Notes",
            },
            Self::Input { field, .. } => match field {
                InputField::Whole => "Run input",
                InputField::Title => "Title",
                InputField::Type => "Type",
                InputField::Required => "Required to start",
                InputField::Default => "Default",
                InputField::Order => "Place in the form",
            },
            Self::Step { field, .. } => match field {
                StepField::Input(port) => return format!("Input {}", shortened(port, QUOTED_CHARS)),
                StepField::Whole => "Step",
                StepField::Title => "Title",
                StepField::Agent => "Agent",
                StepField::After => "Waits for",
                StepField::Rule => "Of the steps before it",
                StepField::Condition => "Runs only if",
                StepField::List => "Once for each entry of a list",
                StepField::Prompt => "Prompt of this step",
                StepField::Review => "Review",
                StepField::Retries => "Retries",
                StepField::TimeLimit => "Time limit",
                StepField::WaitsAtMost => "Waits at most",
                StepField::Failure => "If it still fails",
                StepField::SideEffects => "Side effects",
                StepField::Cache => "Cache",
                StepField::SharedLimit => "Share a limit with other steps",
            },
            Self::Note(_) => "Note",
            Self::Order(_) => "Connections",
            Self::Size => "Size",
        };
        label.to_owned()
    }
}
