//! The inbox: open gates that a person may decide, across runs, and how many they are. What was decided is in `history`.
//! Must never be taken for the rule of who may decide, which `run::decide` has and asks for each gate alone: a list only leaves out what it
//! would refuse. Each reason for which a gate is somebody's is found by an index of its own, so the gates of all others cost nothing: a
//! test looks at the plans of `STATEMENTS`.

mod history;
mod places;
mod rows;
mod sql;
pub(crate) mod words;
mod words_left;

use std::collections::BTreeSet;

use sqlx::{Postgres, Transaction};
use uuid::Uuid;
use workflow::{
    TemplateId, UserId,
    access::Actor,
    api::{InboxCounts, InboxItem, InboxQuery, InboxScope, InboxSort, InboxWorkflow, Page},
};

use crate::{Result, Store, Window};
use places::Place;
use rows::ItemRow;
pub use sql::STATEMENTS;
use sql::{Of, counting, listing};
use words::patterns;

impl Store {
    /// A page of the open gates that somebody may decide: those that ask them, and of their own runs those that ask nobody; for an admin
    /// who wants them, all. Without tests, what is set aside, what they approved already, and what they may not approve since it is
    /// their own.
    pub async fn inbox(&self, viewer: &Actor, query: &InboxQuery, window: Window<'_>) -> Result<Page<InboxItem>> {
        let sort = query.sort;
        let place = window.after.and_then(|after| Place::read(after, sort));
        let (sql, place) = (listing(of(viewer, query.scope), sort), place.as_ref());
        let listed = sqlx::query_as(sql)
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email)
            .bind(query.due_before)
            .bind(patterns(query.search.as_deref()))
            .bind(query.workflow.map(|id| id.0))
            .bind(window.to_read())
            .bind(place.and_then(Place::opened_at))
            .bind(place.map(|place| place.run.0))
            .bind(place.map(|place| place.step.as_str()));
        let listed = match sort {
            InboxSort::Oldest | InboxSort::Newest => listed,
            InboxSort::Due => listed.bind(place.and_then(Place::due_at)),
            InboxSort::Workflow => {
                let name = place.and_then(|place| place.name.as_deref());
                listed.bind(name).bind(place.and_then(|place| place.template).map(|id| id.0))
            }
        };
        let mut tx = self.begin_list().await?;
        let rows: Vec<ItemRow> = listed.fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let items = self.inbox_items(rows).await?;
        Ok(window.page(items, |item: &InboxItem| Place::of(item, sort).text()))
    }

    /// How many there are by that query, and of each workflow, whichever workflow it wants.
    pub async fn inbox_counts(&self, viewer: &Actor, query: &InboxQuery) -> Result<InboxCounts> {
        let counted = sqlx::query_as(counting(of(viewer, query.scope)))
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email)
            .bind(query.due_before)
            .bind(patterns(query.search.as_deref()));
        let mut tx = self.begin_list().await?;
        let rows: Vec<(Uuid, String, i64)> = counted.fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let workflow = |(id, name, n)| InboxWorkflow { template_id: TemplateId(id), name, n };
        let workflows: Vec<InboxWorkflow> = rows.into_iter().map(workflow).collect();
        let is_wanted = |one: &&InboxWorkflow| query.workflow.is_none_or(|id| id == one.template_id);
        let n = workflows.iter().filter(is_wanted).map(|one| one.n).sum();
        Ok(InboxCounts { n, workflows })
    }

    /// A list is planned anew for what is asked of it, which takes a millisecond: what is kept for every page reads too much of some. And
    /// it is not compiled first, which takes longer than it takes. All that is read is of one moment.
    pub(crate) async fn begin_list(&self) -> Result<Transaction<'static, Postgres>> {
        let mut tx = self.pool.begin_of_one_moment().await?;
        sqlx::query("SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)")
            .execute(&mut *tx)
            .await?;
        Ok(tx)
    }

    async fn inbox_items(&self, rows: Vec<ItemRow>) -> Result<Vec<InboxItem>> {
        let voted: BTreeSet<UserId> = rows.iter().flat_map(ItemRow::voted).collect();
        let (voters, emails) = (self.voters(&voted).await?, self.emails(&voted).await?);
        rows.into_iter().map(|row| row.item(&voters, &emails)).collect()
    }
}

/// All is for admins; others are shown what is theirs.
fn of(viewer: &Actor, scope: InboxScope) -> Of {
    match scope {
        InboxScope::All if viewer.is_admin() => Of::All,
        InboxScope::All | InboxScope::Mine => Of::Viewer,
    }
}
