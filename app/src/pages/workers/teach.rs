//! What to do while no worker is connected: two commands with the Python client, to be copied.

use leptos::prelude::*;

use crate::{
    components::{CopyButton, Empty},
    reactive::effect,
};

const INSTALL: &str = "pip install weft-worker";
/// Until the browser knows better.
const SOMEWHERE: &str = "https://weft.example.org";

#[component]
pub(super) fn Teach() -> impl IntoView {
    let origin = RwSignal::new(SOMEWHERE.to_owned());
    effect(move || {
        if let Ok(here) = window().location().origin() {
            origin.set(here);
        }
    });
    let run = Signal::derive(move || run_command(&origin.get()));
    view! {
        <section class="stack" data-gap="3" aria-labelledby="first-worker">
            <h2 id="first-worker" class="visually-hidden">"Connect the first worker"</h2>
            <Empty
                icon="cpu"
                framed=true
                level=3
                title="No worker is connected"
                text="A function that you have already becomes an agent: mark it, start a worker beside it, and accept here what it offers."
            >
                <div class="teach">
                    <ol>
                        <li>
                            <p>"Make a worker token above, and install the client"</p>
                            <div class="secret"><code>{INSTALL}</code> <CopyButton text=Signal::stored(INSTALL.to_owned()) label="Copy the first command"/></div>
                        </li>
                        <li>
                            <p>"Start the agents of a module"</p>
                            <div class="secret"><code>{move || run.get()}</code> <CopyButton text=run label="Copy the second command"/></div>
                        </li>
                    </ol>
                </div>
            </Empty>
        </section>
    }
}

fn run_command(origin: &str) -> String {
    format!("WEFT_URL={origin} WEFT_WORKER_TOKEN=weftw_… weft-worker run reports:app --slots 8")
}

#[cfg(test)]
mod tests {
    use super::run_command;

    #[test]
    fn the_command_names_the_server_that_the_page_came_from() {
        assert!(run_command("http://localhost:3000").starts_with("WEFT_URL=http://localhost:3000 WEFT_WORKER_TOKEN="));
    }
}
