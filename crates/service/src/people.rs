//! People as those need them who write down whom a gate asks: who there is, and whether they can come.
//! Must tell nobody but admins who has an account.

use workflow::{
    Definition, Problem,
    api::PersonView,
    people::{self, People, Standing},
};

use crate::{OpContext, Result};

/// Offered at once; of more, typing finds the rest.
const MOST: i64 = 50;
/// Asked about at once: a definition of the largest size names fewer.
const MOST_NAMED: usize = 10_000;

/// People whose email has this text in it.
pub async fn find(ctx: &OpContext, text: &str) -> Result<Vec<PersonView>> {
    ctx.admin()?;
    Ok(ctx.store().find_people(text.trim(), MOST).await?)
}

/// How these emails stand to the accounts, as they are written: a gate compares the same text, but for capitals.
pub async fn standing(ctx: &OpContext, mut emails: Vec<String>) -> Result<People> {
    ctx.admin()?;
    emails.truncate(MOST_NAMED);
    let mut people = People::default();
    if emails.is_empty() {
        return Ok(people);
    }
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
    Ok(people)
}

/// What is wrong with whom a definition asks.
pub(crate) async fn problems(ctx: &OpContext, definition: &Definition) -> Result<Vec<Problem>> {
    let named = people::named(definition);
    if named.is_empty() {
        return Ok(Vec::new());
    }
    Ok(people::problems(definition, &standing(ctx, named.into_iter().collect()).await?))
}
