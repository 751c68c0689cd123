//! Secrets, for admins: values go in, names come out.

use leptos::prelude::*;
use workflow::{SecretName, api as wire};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

#[server(client = Limited, input = Json, output = Json)]
pub async fn list_secrets(after: Option<String>) -> Result<wire::Page<wire::SecretView>, AppError> {
    Ok(service::secrets::list(&expect_context(), &service::Wanted::after(after)).await?)
}

/// Makes a secret, or gives it another value.
#[server(client = Limited, input = Json, output = Json)]
pub async fn set_secret(name: SecretName, secret: wire::SetSecret) -> Result<wire::SecretView, AppError> {
    Ok(service::secrets::set(&expect_context(), &name, secret).await?.0)
}

/// These agents may use it, and no others.
#[server(client = Limited, input = Json, output = Json)]
pub async fn grant_secret(name: SecretName, grant: wire::GrantSecret) -> Result<wire::SecretView, AppError> {
    Ok(service::secrets::grant(&expect_context(), &name, grant).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn delete_secret(name: SecretName) -> Result<(), AppError> {
    Ok(service::secrets::delete(&expect_context(), &name).await?)
}
