//! What the finder lists: a name, the words it is found by as well, and where it leads or what it does.

use std::sync::Arc;

/// In the order in which they stand while nothing is typed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Group {
    Commands,
    Steps,
    Workflows,
    Agents,
    Pages,
}

impl Group {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Commands => "Commands",
            Self::Steps => "Steps of this workflow",
            Self::Workflows => "Workflows",
            Self::Agents => "Agents",
            Self::Pages => "Pages",
        }
    }
}

#[derive(Clone)]
pub enum Act {
    /// A page.
    Go(String),
    Run(Arc<dyn Fn() + Send + Sync>),
}

#[derive(Clone)]
pub struct Entry {
    pub group: Group,
    pub title: String,
    /// Shown beside the title, and searched as well.
    pub about: String,
    pub icon: &'static str,
    /// What does the same from the keyboard, as in "Ctrl C".
    pub keys: &'static str,
    /// Why it cannot be done now.
    pub refusal: Option<String>,
    pub act: Act,
}

impl Entry {
    pub fn go(group: Group, icon: &'static str, title: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            group,
            title: title.into(),
            about: String::new(),
            icon,
            keys: "",
            refusal: None,
            act: Act::Go(href.into()),
        }
    }

    pub fn run(
        group: Group,
        icon: &'static str,
        title: impl Into<String>,
        run: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let act = Act::Run(Arc::new(run));
        Self { group, title: title.into(), about: String::new(), icon, keys: "", refusal: None, act }
    }

    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }

    #[must_use]
    pub fn keys(self, keys: &'static str) -> Self {
        Self { keys, ..self }
    }

    #[must_use]
    pub fn refused(self, refusal: Option<String>) -> Self {
        Self { refusal, ..self }
    }
}
