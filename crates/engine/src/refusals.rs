//! Remembers in the database which parameters models do not take, for all processes; each asks for a model's once.
//! It must never fail an attempt: without the database, what a model refuses is learnt again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agents::{ModelId, Parameter, Refusal, Refusals};
use store::{Store, models::RefusedParameter};

/// Models that are known at once; agents name few.
const MAX_MODELS: usize = 1_000;

pub struct StoredRefusals {
    store: Store,
    known: Mutex<HashMap<ModelId, Vec<Refusal>>>,
}

impl StoredRefusals {
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ModelId, Vec<Refusal>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Refusals for StoredRefusals {
    async fn of(&self, model: &ModelId) -> Vec<Refusal> {
        if let Some(known) = self.known().get(model) {
            return known.clone();
        }
        match self.store.refused_parameters(&model.provider, &model.endpoint, &model.model).await {
            Ok(rows) => {
                let refused: Vec<Refusal> = rows
                    .into_iter()
                    .filter_map(|row| {
                        Some(Refusal { parameter: Parameter::from_word(&row.parameter)?, value: row.value })
                    })
                    .collect();
                let mut known = self.known();
                if known.len() >= MAX_MODELS {
                    known.clear();
                }
                known.insert(model.clone(), refused.clone());
                refused
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what a model refuses could not be looked up");
                Vec::new()
            }
        }
    }

    async fn remember(&self, model: &ModelId, refusal: &Refusal) {
        self.known().entry(model.clone()).or_default().push(refusal.clone());
        let row = RefusedParameter { parameter: refusal.parameter.to_string(), value: refusal.value.clone() };
        if let Err(error) = self.store.refuse_parameter(&model.provider, &model.endpoint, &model.model, &row).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "what a model refuses could not be kept");
        }
    }
}
