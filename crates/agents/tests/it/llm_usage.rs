//! What an answer cost, wherever a provider says it, and what is guessed where none does.

use agents::ProviderKind::{self, Anthropic, Gemini, Ollama, OpenAi, OpenAiResponses};
use serde_json::{Value, json};

use crate::llm_wire::{answer, finished, streamed};

/// Tokens of the prompt and of the answer, whether they were guessed, and millionths of the currency.
type Told = (i64, i64, bool, Option<i64>);

async fn hold(table: Vec<(ProviderKind, Vec<Value>, Told)>) {
    for (kind, ending, expected) in table {
        let shown = format!("{kind}: {ending:?}");
        let usage = answer(kind, streamed(kind, &ending)).await.unwrap().usage.unwrap();
        let told = (usage.prompt_tokens, usage.completion_tokens, usage.is_estimated, usage.cost_micros);
        assert_eq!(told, expected, "{shown}");
    }
}

#[tokio::test]
async fn usage_is_counted_wherever_it_stands_and_estimated_where_it_does_not() {
    let stop = || finished(OpenAi, "stop");
    let table = vec![
        // Prompt "Dose?" is 5 bytes, the answer 21.
        (OpenAi, vec![stop()], (2, 7, true, None)),
        (OpenAi, vec![stop(), json!({"choices": [], "usage": null})], (2, 7, true, None)),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}})],
            (2, 7, true, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": -5, "completion_tokens": 1e30}})],
            (2, 7, true, None),
        ),
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4, "cost": 0.000_25}}),
            ],
            (11, 4, false, Some(250)),
        ),
        // A nothing takes no count away; texts are numbers too; and both together are better than a guess.
        (
            OpenAi,
            vec![
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
                json!({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
            ],
            (7, 3, false, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "usage": {"prompt_tokens": "11", "completion_tokens": "4"}})],
            (11, 4, false, None),
        ),
        (OpenAi, vec![stop(), json!({"choices": [], "usage": {"total_tokens": 15}})], (2, 13, true, None)),
        (
            Anthropic,
            vec![
                json!({"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 1}}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 0, "output_tokens": 4}}),
            ],
            (11, 4, false, None),
        ),
        (
            OpenAi,
            vec![
                json!({"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 11, "completion_tokens": 4}}]}),
            ],
            (11, 4, false, None),
        ),
        (
            OpenAi,
            vec![stop(), json!({"choices": [], "x_groq": {"usage": {"prompt_tokens": 11, "completion_tokens": 4}}})],
            (11, 4, false, None),
        ),
        (
            OpenAiResponses,
            vec![
                json!({"type": "response.completed", "response": {"status": "completed", "usage": {"input_tokens": 11, "output_tokens": 4}}}),
            ],
            (11, 4, false, None),
        ),
        (
            Anthropic,
            vec![
                json!({"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 1}}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}),
            ],
            (11, 4, false, None),
        ),
        (
            Gemini,
            vec![
                json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "thoughtsTokenCount": 1}}),
            ],
            (11, 4, false, None),
        ),
        (Ollama, vec![json!({"done": true, "prompt_eval_count": 11, "eval_count": 4})], (11, 4, false, None)),
        // The prompt was in its cache, which it counts as nothing.
        (Ollama, vec![json!({"done": true, "eval_count": 4})], (2, 4, true, None)),
    ];
    hold(table).await;
}

#[tokio::test]
async fn a_cost_is_taken_wherever_a_provider_tells_it() {
    let stop = || finished(OpenAi, "stop");
    hold(vec![
        // The sum among its parts, as Perplexity tells it; and a text.
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 149, "total_tokens": 156, "cost": {"output_tokens_cost": 0.002, "request_cost": 0.004, "total_cost": 0.006}}}),
            ],
            (7, 149, false, Some(6000)),
        ),
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4, "cost": "0.00025"}}),
            ],
            (11, 4, false, Some(250)),
        ),
        // LiteLLM's proxy: a last chunk that still has a choice.
        (
            OpenAi,
            vec![
                stop(),
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": null}], "usage": {"prompt_tokens": 11, "completion_tokens": 4}, "_hidden_params": {"response_cost": 0.001}}),
            ],
            (11, 4, false, Some(1000)),
        ),
    ])
    .await;
}
