//! Specimens of content that people and models wrote: Markdown, code, JSON and differences.

use leptos::prelude::*;
use serde_json::json;

use super::specimen::{Group, Specimen};
use crate::components::{CodeView, Diff, JsonTree, Markdown};

const MARKDOWN: &str = "# Brief\n\nThe text argues **two things**: trade grew, and *nobody planned it*. See [the source](https://example.org/text).\n\n- First, ships became cheaper\n- Second, `prices` fell\n\n> It was not the best of times for maps.\n\n| Year | Ships |\n|------|------:|\n| 1840 | 120 |\n| 1850 | 410 |\n\n```\nresearch.notes v3\n```\n";
const CODE: &str = "{\n  \"schema_version\": 1,\n  \"steps\": {\n    \"clean\": { \"agent_id\": \"clean_text\", \"depends_on\": [] }\n  }\n}";
const BEFORE: &str = "Summarise the text in three sentences.\nKeep names and figures.\nWrite for a reader in a hurry.\nAnswer in English.\n";
const AFTER: &str = "Summarise the text in five short sentences.\nKeep names and figures.\nWrite for a reader in a hurry.\nQuote one line.\nAnswer in English.\n";

#[component]
pub fn Content() -> impl IntoView {
    let value = json!({
        "title": "Document brief",
        "confidence": 0.82,
        "reviewed": false,
        "editor": null,
        "sections": [{ "id": "a", "words": 120 }, { "id": "b", "words": 96 }],
        "empty": [],
        "many": (0..250).collect::<Vec<_>>(),
    });
    view! {
        <Group title="Content">
            <Specimen name="Markdown">
                <Markdown text=MARKDOWN/>
            </Specimen>
            <Specimen name="CodeView">
                <CodeView text=CODE title="definition.json"/>
            </Specimen>
            <Specimen name="JsonTree">
                <JsonTree value=std::sync::Arc::new(value)/>
            </Specimen>
            <Specimen name="Diff">
                <Diff before=BEFORE after=AFTER title="Prompt: version 1 to version 2"/>
                <Diff before=BEFORE after=AFTER title="Prompt: version 1 beside version 2" beside=true/>
                <Diff before=BEFORE after=BEFORE title="Prompt: version 1 to version 1"/>
            </Specimen>
        </Group>
    }
}
