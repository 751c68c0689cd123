//! Why an edit is refused, in words for the person who tried it.
//! Every reason must say what stands in the way; none may be silent.

use workflow::{Definition, StepKey, definition::DrawingFault, limits::MAX_DEFINITION_BYTES, words::count};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("This would close the cycle {}", path_text(.path))]
    Cycle {
        /// From a step back to itself.
        path: Vec<StepKey>,
    },
    #[error("A step cannot depend on itself")]
    SelfDependency(StepKey),
    #[error("`{to}` already depends on `{from}`")]
    Duplicate { from: StepKey, to: StepKey },
    #[error("`{to}` does not depend on `{from}`")]
    NotConnected { from: StepKey, to: StepKey },
    #[error("The condition or the map of `{to}` reads `{from}`: change that first")]
    StillRead { from: StepKey, to: StepKey },
    #[error("There is no step `{0}`")]
    UnknownStep(StepKey),
    #[error("There is already a step `{0}`")]
    StepExists(StepKey),
    #[error("There is no run input `{0}`")]
    UnknownRunInput(String),
    #[error("There is already a run input `{0}`")]
    InputExists(String),
    #[error("Something still reads `{0}`, which is not there: put that right first, or choose another key")]
    StillNamed(String),
    #[error("A workflow has at most {}", count(workflow::limits::MAX_STEPS, "step"))]
    TooManySteps,
    #[error("With these steps the workflow would have {} MiB; at most {} MiB can be stored", mebibytes(*.bytes), mebibytes(MAX_DEFINITION_BYTES))]
    TooLarge { bytes: usize },
    #[error("A workflow has at most {} from step to step", count(workflow::limits::MAX_DEPENDENCIES, "line"))]
    TooManyLines,
    #[error("There is no note `{0}`")]
    UnknownNote(String),
    #[error("There is already a note `{0}`")]
    NoteExists(String),
    #[error("There is no group `{0}`")]
    UnknownGroup(String),
    #[error("This cannot be stored: {0}")]
    Drawing(DrawingFault),
    #[error("A place on the canvas must be a finite number")]
    NotFinite,
    #[error("What is shown here can only be watched")]
    Watched,
}

impl Refused {
    /// The words a person reads: steps by their titles.
    pub fn reason(&self, definition: &Definition) -> String {
        let title = |key: &StepKey| match definition.steps.get(key) {
            Some(step) => step.title_or(key).to_owned(),
            None => key.to_string(),
        };
        match self {
            Self::Cycle { path } => {
                let titles: Vec<String> = path.iter().map(title).collect();
                format!("This would close the cycle {}", joined(titles.iter().map(String::as_str).collect()))
            }
            Self::Duplicate { from, to } => format!("“{}” already depends on “{}”", title(to), title(from)),
            Self::NotConnected { from, to } => format!("“{}” does not depend on “{}”", title(to), title(from)),
            Self::StillRead { from, to } => {
                let (to, from) = (title(to), title(from));
                format!("The condition or the list of “{to}” reads “{from}”: change that first")
            }
            Self::SelfDependency(_)
            | Self::UnknownStep(_)
            | Self::StepExists(_)
            | Self::UnknownRunInput(_)
            | Self::InputExists(_)
            | Self::StillNamed(_)
            | Self::TooManySteps
            | Self::TooLarge { .. }
            | Self::TooManyLines
            | Self::UnknownNote(_)
            | Self::NoteExists(_)
            | Self::UnknownGroup(_)
            | Self::Drawing(_)
            | Self::NotFinite
            | Self::Watched => self.to_string(),
        }
    }
}

/// Rounded up, so that what is too large is never told to be as large as it may be.
pub(crate) fn mebibytes(bytes: usize) -> usize {
    bytes.div_ceil(1024 * 1024)
}

fn path_text(path: &[StepKey]) -> String {
    joined(path.iter().map(StepKey::as_str).collect())
}

fn joined(mut names: Vec<&str>) -> String {
    const SHOWN: usize = 8;
    if names.len() > SHOWN {
        names.splice(SHOWN / 2..names.len() - SHOWN / 2, ["…"]);
    }
    names.join(" > ")
}
