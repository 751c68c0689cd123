//! Beginnings of artifacts that a page brings with it, for what shows them: its program may come after the page.
//! Once the page is taken over each is given away once: whatever shows it anew asks anew, so that an error of then does not stay.

use leptos::prelude::*;
use workflow::{ArtifactId, RunId, api::ArtifactBeginning};

use crate::{api, error::AppError, hydration};

pub(in crate::pages) type Beginning = Resource<Result<ArtifactBeginning, AppError>>;

#[derive(Clone, Copy)]
struct Brought(StoredValue<Vec<(ArtifactId, Beginning)>>);

/// Asks for these for whatever is drawn below. In the browser what came with the page is there at once.
pub(in crate::pages) fn bring(run: RunId, ids: Vec<ArtifactId>) {
    let all = ids.into_iter().map(|id| (id, asked(run, id))).collect();
    provide_context(Brought(StoredValue::new(all)));
}

/// What the page brought, or what is asked for now.
pub(in crate::pages) fn beginning(run: RunId, id: ArtifactId) -> Beginning {
    let take = |all: &mut Vec<(ArtifactId, Beginning)>| {
        let at = all.iter().position(|(known, _)| *known == id)?;
        // A server draws a page more than once until all of it is there.
        if hydration::is_over() { Some(all.swap_remove(at).1) } else { all.get(at).map(|(_, found)| *found) }
    };
    let brought = use_context::<Brought>().and_then(|Brought(all)| all.try_update_value(take)).flatten();
    brought.unwrap_or_else(|| asked(run, id))
}

fn asked(run: RunId, id: ArtifactId) -> Beginning {
    Resource::new(|| (), move |()| api::artifact_beginning(run, id))
}
