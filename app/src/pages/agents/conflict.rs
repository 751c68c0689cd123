//! A version that somebody else saved while this form was open: both are kept, and a button says which of them goes on.
//! Until then the form has no other way to save, so that nothing is pressed that cannot work.

use leptos::prelude::*;
use workflow::AgentSpec;

use crate::components::{Banner, Button, Kind, Size};

#[component]
pub(super) fn Conflict(
    theirs: RwSignal<Option<AgentSpec>>,
    #[prop(into)] on_take: Callback<AgentSpec>,
    /// Saves what is typed after the version that it is given.
    #[prop(into)]
    on_overwrite: Callback<i32>,
) -> impl IntoView {
    move || {
        theirs.get().map(|spec| {
            let version = spec.version;
            let spec = StoredValue::new(spec);
            view! {
                <Banner
                    kind=Kind::Warn
                    title=format!("Somebody saved version {version} while you were editing")
                    action=move || {
                        view! {
                            <Button size=Size::Sm on_click=move |()| on_take.run(spec.get_value())>"Load theirs"</Button>
                            <Button size=Size::Sm on_click=move |()| on_overwrite.run(version)>
                                {format!("Save mine as version {}", version + 1)}
                            </Button>
                        }
                    }
                >
                    "Nothing was overwritten, and what you typed is still here. Both stay as versions if you save yours after it."
                </Banner>
            }
        })
    }
}

/// The newest version that is known: theirs, where there is one.
pub(super) fn newest(saved: &AgentSpec, theirs: Option<&AgentSpec>) -> AgentSpec {
    theirs.filter(|theirs| theirs.version > saved.version).unwrap_or(saved).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::agents::form::AgentForm;

    #[test]
    fn a_version_of_somebody_else_is_the_newest_once_it_is_known() {
        let at = |version| AgentSpec { version, ..AgentForm::blank() };
        assert_eq!(newest(&at(1), None).version, 1);
        assert_eq!(newest(&at(1), Some(&at(2))).version, 2);
        assert_eq!(newest(&at(2), Some(&at(2))).version, 2);
    }
}
