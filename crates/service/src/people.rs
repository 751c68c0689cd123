//! People as those need them who write down whom a gate asks: who there is, and whether they can come.
//! Must tell nobody but admins who has an account.

use std::collections::BTreeSet;

use workflow::{
    Definition, Problem,
    api::PersonView,
    limits::MAX_QUORUM,
    people::{self, Everybody, GroupStanding, Named, People, Standing},
};

use crate::{OpContext, Result};

/// Offered at once; of more, typing finds the rest.
const MOST: i64 = 50;
/// Asked about at once: a definition of the largest size names fewer.
const MOST_NAMED: usize = 10_000;
/// No gate wants more people than these.
const MOST_COUNTED: i64 = MAX_QUORUM as i64 + 1;

/// People whose email has this text in it.
pub async fn find(ctx: &OpContext, text: &str) -> Result<Vec<PersonView>> {
    ctx.admin()?;
    Ok(ctx.store().find_people(text.trim(), MOST).await?)
}

/// How those whom a definition names stand, as they are written: a gate compares the same text, but for capitals.
pub async fn standing(ctx: &OpContext, named: Named) -> Result<People> {
    ctx.admin()?;
    let mut people = People::default();
    let emails: Vec<String> = named.emails.into_iter().take(MOST_NAMED).collect();
    if !emails.is_empty() {
        let found = ctx.store().people_with(&emails).await?;
        for email in emails {
            let account = found.iter().find(|person| person.email.to_lowercase() == email.to_lowercase());
            let standing = match account {
                None => Standing::Missing,
                Some(person) if person.is_disabled => Standing::Disabled,
                Some(_) => Standing::Active,
            };
            people.set(&email, standing);
        }
    }
    let groups: Vec<String> = named.groups.into_iter().filter(|group| !group.contains('\0')).take(MOST_NAMED).collect();
    for group in &groups {
        people.set_group(group, GroupStanding::Missing);
    }
    for (id, name, active) in ctx.store().groups_that_can(&groups, MOST_COUNTED).await? {
        people.set_group(&id, GroupStanding::There { name, active: lower(active) });
    }
    if named.counts {
        let (n_active, admins) = ctx.store().who_can_sign_in(MOST_COUNTED).await?;
        people.set_everybody(Everybody {
            n_active: usize::try_from(n_active).unwrap_or_default(),
            admins: lower(admins),
        });
    }
    Ok(people)
}

fn lower(emails: Vec<String>) -> BTreeSet<String> {
    emails.into_iter().map(|email| email.to_lowercase()).collect()
}

/// What is wrong with whom a definition asks.
pub(crate) async fn problems(ctx: &OpContext, definition: &Definition) -> Result<Vec<Problem>> {
    let named = people::named(definition);
    if named.is_empty() {
        return Ok(Vec::new());
    }
    Ok(people::problems(definition, &standing(ctx, named).await?))
}
