//! Values that a person keeps for trying a draft. Each is its person's alone: another admin neither reads nor changes it.
//! Must never let them grow without a bound, and never put one into a draft or a version.

use serde_json::Value;
use store::pins::SetPin;
use workflow::{
    TemplateId,
    api::{Pin, PinPlace},
    limits,
};

use crate::{Error, OpContext, Result, text};

/// What I keep for this workflow.
pub async fn list(ctx: &OpContext, template: TemplateId) -> Result<Vec<Pin>> {
    let by = ctx.admin()?.id;
    Ok(ctx.store().pins(by, template).await?)
}

/// Keeps a value for me, in place of the one that I kept there.
pub async fn set(ctx: &OpContext, template: TemplateId, pin: Pin) -> Result<Pin> {
    let by = ctx.admin()?.id;
    check_place(&pin.place)?;
    check_value(&pin.value)?;
    match ctx.store().set_pin(by, template, &pin, ctx.author()).await? {
        SetPin::Set => Ok(pin),
        SetPin::NotFound => Err(Error::NotFound),
        SetPin::TooMany => {
            let detail = format!(
                "You have {} values pinned here, the most there can be. Take one away first.",
                limits::MAX_PINS
            );
            Err(Error::too_large("place", detail))
        }
        SetPin::TooLarge => {
            let detail =
                "What you have pinned in this workflow would be larger than 4 MiB together. Take a pin away first.";
            Err(Error::too_large("value", detail))
        }
    }
}

/// Keeps it no longer. What is not there is gone already.
pub async fn remove(ctx: &OpContext, template: TemplateId, place: PinPlace) -> Result<()> {
    let by = ctx.admin()?.id;
    check_place(&place)?;
    ctx.store().remove_pin(by, template, &place, ctx.author()).await?;
    Ok(())
}

fn check_place(place: &PinPlace) -> Result<()> {
    if place.step.as_ref().is_some_and(|step| !step.is_well_formed()) {
        return Err(Error::invalid("place.step", "That is no key of a step. Name a step of the workflow by its key."));
    }
    if place.name.is_empty() || place.name.len() > limits::MAX_NAME_CHARS {
        return Err(Error::invalid("place.name", "Name the input or the output, in at most 200 characters."));
    }
    text::no_nul("place", &place.name)
}

fn check_value(value: &Value) -> Result<()> {
    if limits::depth(value) > limits::MAX_DEPTH {
        let detail = format!("It is nested deeper than {} levels. Flatten it.", limits::MAX_DEPTH);
        return Err(Error::invalid("value", detail));
    }
    text::no_nul_inside("value", value)?;
    if value.to_string().len() > limits::MAX_PIN_BYTES {
        return Err(Error::too_large("value", "It is larger than 256 KiB, the most that one pin holds. Shorten it."));
    }
    Ok(())
}
