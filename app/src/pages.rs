//! The pages, one file or folder each. A page calls server functions and components; it must hold no rule of the domain.

mod account;
mod agents;
mod compare;
mod dashboard;
mod design;
mod editor;
mod login;
mod not_found;
mod run;
mod start;
mod types;
mod users;
mod workflows;

pub use account::AccountPage;
pub use agents::{AgentPage, AgentsPage, NewAgentPage};
pub use compare::ComparePage;
pub use dashboard::DashboardPage;
pub use design::DesignPage;
pub use editor::EditorPage;
pub use login::LoginPage;
pub use not_found::{NotFound, NotFoundPage};
pub use run::RunPage;
pub use start::StartPage;
pub use users::UsersPage;
pub use workflows::WorkflowsPage;
