//! Notices: what I want to be told where, and, for admins, addresses, deliveries and how the instance sends.

use leptos::prelude::*;
use workflow::{
    api as wire,
    id::{NoticeAddressId, NoticeId},
};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// What I chose, and what there is to choose from.
#[server(client = Limited, output = Json)]
pub async fn my_notices() -> Result<wire::MyNotices, AppError> {
    Ok(service::notices::mine(&expect_context()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn choose_notice(choice: wire::ChooseNotice) -> Result<wire::MyNotices, AppError> {
    Ok(service::notices::choose(&expect_context(), &choice).await?)
}

/// All that are registered, by name.
#[server(client = Limited, output = Json)]
pub async fn notice_addresses() -> Result<Vec<wire::NoticeAddressView>, AppError> {
    Ok(service::notices::addresses(&expect_context()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn add_notice_address(address: wire::NewNoticeAddress) -> Result<wire::NoticeAddressSecret, AppError> {
    Ok(service::notices::add_address(&expect_context(), address).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn change_notice_address(
    id: NoticeAddressId,
    change: wire::ChangeNoticeAddress,
) -> Result<wire::NoticeAddressView, AppError> {
    Ok(service::notices::change_address(&expect_context(), id, change).await?)
}

/// A new secret for what is signed; the old one ends at once.
#[server(client = Limited, input = Json, output = Json)]
pub async fn renew_notice_secret(id: NoticeAddressId) -> Result<wire::NoticeAddressSecret, AppError> {
    Ok(service::notices::renew_secret(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn delete_notice_address(id: NoticeAddressId) -> Result<(), AppError> {
    Ok(service::notices::delete_address(&expect_context(), id).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn test_notice_address(id: NoticeAddressId) -> Result<wire::NoticeTest, AppError> {
    Ok(service::notices::test_address(&expect_context(), id).await?)
}

/// What was sent, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn notice_deliveries(
    query: wire::DeliveryQuery,
    after: Option<String>,
) -> Result<wire::DeliveryPage, AppError> {
    Ok(service::notices::deliveries(&expect_context(), &query, &service::Wanted::after(after)).await?)
}

/// Sends it once more.
#[server(client = Limited, input = Json, output = Json)]
pub async fn resend_notice(id: NoticeId) -> Result<(), AppError> {
    Ok(service::notices::resend(&expect_context(), id).await?)
}

#[server(client = Limited, output = Json)]
pub async fn notice_settings() -> Result<wire::NoticeSettings, AppError> {
    Ok(service::notices::settings(&expect_context()).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_notice_settings(settings: wire::SetNoticeSettings) -> Result<wire::NoticeSettings, AppError> {
    Ok(service::notices::set_settings(&expect_context(), settings).await?)
}

/// Mail to whoever asks, by what is saved; answers with what the server said.
#[server(client = Limited, output = Json)]
pub async fn test_notice_email() -> Result<wire::NoticeTest, AppError> {
    Ok(service::notices::test_email(&expect_context()).await?)
}
