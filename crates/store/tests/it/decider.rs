//! The engine's part in a world without one: looks at what is asked and commits a judgement, with items of the test's choosing.

use serde_json::json;
use store::protocol::{Asked, Asking, Decided, Decision, NewItem, ParentEnd};
use workflow::{
    StepStatus,
    decide::{Verdict, judge},
    hash::sha256_hex,
    status::Reason,
};

use crate::support::{World, artifact};

impl World {
    /// Answers everything that is asked now; maps get the named items, and a map one of whose items failed fails.
    pub(crate) async fn decide(&self, items: &[(&str, i64)]) {
        loop {
            let due: Vec<Asked> = sqlx::query_as::<_, (i64, i64)>("SELECT id, step_id FROM decisions ORDER BY id")
                .fetch_all(&self.pool)
                .await
                .unwrap()
                .into_iter()
                .map(|(id, step)| Asked { id, step })
                .collect();
            if due.is_empty() {
                return;
            }
            for asking in self.store.askings(&due).await.unwrap() {
                self.answer(&asking, items).await;
            }
            self.store.answered(&due).await.unwrap();
        }
    }

    async fn answer(&self, asking: &Asking, items: &[(&str, i64)]) {
        let view = self.view().await;
        let (definition_key, _) = asking.key.split();
        let step = &view.run_definition.steps[&definition_key];
        if asking.is_held {
            self.store.admit(asking.run, &[asking.step]).await.unwrap();
        } else if asking.undecided && asking.status == StepStatus::Pending {
            let verdict = if asking.forced { Verdict::Run } else { judge(step.trigger_rule, &asking.dependencies) };
            let decision = match verdict {
                // The condition of these tests is a constant.
                Verdict::Run if step.when.as_ref().is_some_and(|when| !when.holds(&constant)) && !asking.forced => {
                    Decision::Skip(Reason::Condition)
                }
                Verdict::Run if asking.is_map => {
                    let items = items
                        .iter()
                        .map(|(key, value)| NewItem {
                            key: (*key).to_owned(),
                            value: json!(value),
                            basis: sha256_hex(value.to_string().as_bytes()),
                        })
                        .collect();
                    return self.store.expand(asking, &[], None, items).await.unwrap();
                }
                Verdict::Run => Decision::Run,
                Verdict::Skip(reason) => Decision::Skip(reason),
            };
            let decided = Decided { step: asking.step, mark: asking.mark, decision };
            self.store.decide(asking.run, &[decided]).await.unwrap();
        } else if asking.undecided && asking.is_map {
            let outputs = self.store.item_outputs(asking.step).await.unwrap();
            let failed = outputs.iter().any(|item| item.status == StepStatus::Failed);
            let list: Vec<String> = outputs
                .iter()
                .filter_map(|item| item.outputs.get("text"))
                .map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap())
                .collect();
            let result = if failed {
                Err((Reason::ItemFailed, "an item failed".to_owned()))
            } else {
                Ok(vec![artifact("text", &json!(list).to_string())])
            };
            let end = ParentEnd { step: asking.step, run: asking.run, mark: asking.mark, child: None, result };
            self.store.end_parent(&end).await.unwrap();
        }
    }
}

fn constant(source: &workflow::source::Source) -> Option<serde_json::Value> {
    match source {
        workflow::source::Source::Const(value) => Some(value.clone()),
        _ => None,
    }
}
