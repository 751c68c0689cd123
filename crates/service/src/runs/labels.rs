//! What people call a run and tag it with. It is the owner's and admins', whatever becomes of the run.
//! Must never change the run itself: no event, no commit.

use workflow::{
    RunId,
    access::Scope,
    api::RunLabels,
    limits::{MAX_NAME_CHARS, MAX_RUN_TAGS, MAX_TAG_CHARS},
};

use super::visible;
use crate::{Error, OpContext, Result, text};

/// What somebody called a run, which has been looked at by whoever asks.
pub async fn called(ctx: &OpContext, id: RunId) -> Result<Option<String>> {
    Ok(ctx.store().run_titles(&[id]).await?.remove(&id))
}

/// The same with its tags.
pub async fn labels_of(ctx: &OpContext, id: RunId) -> Result<RunLabels> {
    Ok(ctx.store().run_labels(id).await?)
}

/// Puts these in place of those that it had, and gives them as they are kept. An empty title is none.
pub async fn label(ctx: &OpContext, id: RunId, labels: &RunLabels) -> Result<RunLabels> {
    let viewer = ctx.user_for(Scope::Run)?;
    visible(ctx, id).await?;
    let owner = ctx.store().run_owner(id).await?.ok_or(Error::NotFound)?;
    if !viewer.may_run(owner) {
        return Err(Error::Forbidden);
    }
    let labels = checked(labels)?;
    ctx.store().set_run_labels(id, &labels, ctx.author()).await?;
    Ok(labels)
}

fn checked(labels: &RunLabels) -> Result<RunLabels> {
    let title = match labels.title.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(title) => Some(text::name("title", title, MAX_NAME_CHARS)?),
    };
    let mut tags = Vec::new();
    for tag in &labels.tags {
        let tag = text::name("tags", tag, MAX_TAG_CHARS)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > MAX_RUN_TAGS {
        return Err(Error::invalid("tags", format!("These are more than {MAX_RUN_TAGS} tags. Leave some out.")));
    }
    Ok(RunLabels { title, tags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(title: &str, tags: &[&str]) -> Result<RunLabels, Option<String>> {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        checked(&RunLabels { title: Some(title.to_owned()), tags }).map_err(|error| error.to_api().field)
    }

    #[test]
    fn labels_are_trimmed_bounded_and_none_is_there_twice() {
        let kept = field("  May report ", &["a", " a ", "مرحبا", "🌧️ rain"]).unwrap();
        assert_eq!((kept.title.as_deref(), kept.tags.len()), (Some("May report"), 3));
        assert_eq!(field(" ", &[]), Ok(RunLabels::default()));
        assert_eq!(field(&"x".repeat(201), &[]), Err(Some("title".into())));
        assert_eq!(field("a\0b", &[]), Err(Some("title".into())));
        assert_eq!(field("\u{200b}\u{2060}", &[]), Err(Some("title".into())), "a row without a name leads nowhere");
        for tags in [vec![" "], vec!["\u{3164}"], vec!["a\nb"], vec!["x".repeat(41).leak() as &str]] {
            assert_eq!(field("", &tags), Err(Some("tags".into())));
        }
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(field("", &many), Err(Some("tags".into())));
        assert!(field("", &many[1..]).is_ok());
    }
}
