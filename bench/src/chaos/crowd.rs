//! Those who use the product while something breaks, and what they were told: the same people whatever it is that breaks.
//! What they were told is held against the database only once they are gone.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use tokio::{sync::watch, task::JoinSet};

use super::{
    dice::Dice,
    fleet::Fleet,
    people::{Person, Told},
    settle,
    world::Templates,
};
use crate::client::Client;

const N_PEOPLE: u64 = 8;

pub(crate) struct Crowd {
    told: Arc<Told>,
    /// What they were told, as `weft check` reads it.
    file: PathBuf,
    end: watch::Sender<bool>,
    people: JoinSet<()>,
}

impl Crowd {
    /// `clients`: ways to each server. The dice of a seed are theirs from the second on.
    pub(crate) fn gather(folder: &Path, seed: u64, clients: &[Client], templates: &Templates) -> Result<Self> {
        let file = folder.join("told.jsonl");
        let told = Arc::new(Told::new(&file)?);
        let (end, is_over) = watch::channel(false);
        let mut people = JoinSet::new();
        for n in 1..=N_PEOPLE {
            let (name, dice) = (format!("person{n}-{seed}"), Dice::new(seed, n));
            let person = Person::new(name, dice, clients.to_vec(), templates.clone(), Arc::clone(&told));
            people.spawn(person.live(is_over.clone()));
        }
        Ok(Self { told, file, end, people })
    }

    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Each finishes what they asked for.
    pub(crate) async fn go_home(&mut self) -> Result<()> {
        self.end.send_replace(true);
        while let Some(ended) = self.people.join_next().await {
            ended.context("a person panicked")?;
        }
        Ok(())
    }

    /// How many violations there are, with those that were found before: each is shown, and what the database holds is looked at.
    pub(crate) async fn judge(&self, fleet: &mut Fleet, before: Vec<String>, database: &OsStr) -> Result<u32> {
        let mut violations = before;
        violations.append(&mut fleet.violations);
        violations.append(&mut self.told.violations.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let n_checked = settle::check(fleet.weft(), database, &self.file).await?;
        for violation in &violations {
            println!("VIOLATED: {violation}");
        }
        Ok(u32::try_from(violations.len()).unwrap_or(u32::MAX).saturating_add(n_checked))
    }
}
