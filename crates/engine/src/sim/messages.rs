//! Messages between runs over a failover, step by step: what the simulator came upon once in some ten million steps.
//! Nothing goes wrong here but what the test says.

use std::{collections::BTreeMap, sync::Arc};

use runs::{Answer, Ask, Beat, By, Log as _, memory::Connection, sim::World};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentCatalog, RunId, TemplateId,
    id::WorkerId,
    run::{
        Command,
        command::{NewRun, Start},
        testing::{definition, owner},
    },
    validate,
};

use super::{
    library::{self, Shop},
    player::Cast,
    shelf::Drawer,
    stage::Stage,
};
use crate::{Dice, Engine, Options, Shelf, held::Attempts, inbox, shared::Inside, work_on_runs_with};

const PARENT: RunId = RunId(Uuid::from_u128(501));
const CHILD: RunId = RunId(Uuid::from_u128(502));
const WORKER: WorkerId = WorkerId(Uuid::from_u128(503));

/// A process that does nothing by itself.
struct Still {
    inside: Inside,
    connection: Connection,
}

impl Still {
    async fn begun(stage: &Arc<Stage>) -> Self {
        let connection = Connection::new(stage.world.memory.clone());
        let log = Arc::new(connection.clone());
        let shelf = Arc::new(Drawer::new(Arc::clone(stage), connection.clone()));
        let world = Arc::clone(&stage.world);
        let dice = Dice::new(move || world.random());
        let for_runs = Arc::clone(&shelf) as Arc<dyn Shelf>;
        let of_runs = runs::Options::default();
        let (runs, _) = work_on_runs_with(Arc::clone(&log), for_runs, dice.clone(), of_runs).await.unwrap();
        let cast = Arc::new(Cast::new(Arc::clone(stage), 1));
        let options = Options { dice, ..Options::default() };
        let engine = Engine::new(runs, log, shelf, cast, stage.listen(0), options);
        let attempts = Attempts::new(WORKER);
        let inside = Inside { worker: WORKER, shared: engine.shared, attempts, dead: CancellationToken::new() };
        Self { inside, connection }
    }

    async fn tell(&self, command: Command) -> Answer {
        self.inside.ask(Ask::itself(PARENT, command)).await.unwrap()
    }
}

fn start(agents: &AgentCatalog) -> Start {
    let definition = definition(&json!({"steps": {"s": {"agent_id": "sub1", "agent_version": 1}}}));
    let (plan, _) = validate(&definition, agents);
    Start::of(NewRun {
        id: PARENT,
        template_id: TemplateId(Uuid::from_u128(2)),
        template_name: "T".into(),
        template_version: 1,
        definition: Arc::new(definition),
        plan: &plan,
        agents,
        inputs: BTreeMap::new(),
        auto_run: true,
        user_id: owner().id,
        is_test: false,
    })
}

/// A step hands over to a sub-workflow, and is stopped; all of that is lost with the database, and it hands over once more. Whoever knows
/// the history that was lost must not take the message of this one for settled.
#[test]
fn a_sub_workflow_begins_though_somebody_knows_a_lost_history_in_which_it_was_not_wanted_any_more() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let shop = Arc::new(Shop::new(1));
        let agents = AgentCatalog::new(shop.agents.clone());
        let stage = Arc::new(Stage::new(World::new(1, library::of(&shop)), shop));
        let memory = stage.world.memory.clone();
        let (knows, other) = (Still::begun(&stage).await, Still::begun(&stage).await);
        assert!(matches!(knows.connection.beat(WORKER).await, Ok(Beat::Alive { .. })));
        knows.tell(Command::Start(Box::new(start(&agents)))).await;
        knows.tell(Command::StartSteps { worker: WORKER, steps: vec!["s".into()], build: None }).await;
        memory.replicate();
        let hand_over =
            Command::HandedOver { step: "s".into(), attempt: 1, worker: WORKER, child: CHILD, inputs: Vec::new() };
        knows.tell(hand_over.clone()).await;
        let ends = Command::Stop { step: "s".into(), expect_generation: None };
        let by = By::Person { actor: owner(), was_asked: false, request: None };
        knows.inside.ask(Ask { by, ..Ask::itself(PARENT, ends) }).await.unwrap();

        memory.fail_over();
        other.tell(hand_over).await;
        assert_eq!(memory.with(|stored, _| stored.inbox.len()), 1);
        inbox::carry(&knows.inside, &knows.connection).await.unwrap();
        memory.with(|stored, checks| {
            assert!(stored.runs.contains_key(&CHILD), "its message is gone, and its step waits for ever");
            assert!(stored.inbox.is_empty());
            assert_eq!(checks.violations, Vec::<String>::new());
        });
    });
}
