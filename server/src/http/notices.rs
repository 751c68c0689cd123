//! REST: notices. What I want to be told where is everybody's; addresses, deliveries and settings are admins'. And the page behind the link
//! of a mail, for whoever has it: it takes no identity, gives none, and says the same whatever it was given.

use axum::{
    Extension, Json,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use service::{OpContext, notices};
use workflow::{
    api::{
        ChangeNoticeAddress, ChooseNotice, DeliveryQuery, MyNotices, NewNoticeAddress, NoticeAddressSecret,
        NoticeAddressView, NoticeSettings, NoticeTest, SetNoticeSettings,
    },
    id::{NoticeAddressId, NoticeId},
};

use super::{
    extract::{Body, Ids},
    params::{Both, OfQuery, Pages, Params},
    problem::Result,
    query::Query,
};

/// Where the links of mails lead. What they carry is in the query: paths are logged.
pub(super) const UNSUBSCRIBE: &str = "/notices/unsubscribe";

pub(super) async fn mine(Extension(ctx): Extension<OpContext>) -> Result<Json<MyNotices>> {
    Ok(Json(notices::mine(&ctx).await?))
}

pub(super) async fn choose(
    Extension(ctx): Extension<OpContext>,
    Body(choice): Body<ChooseNotice>,
) -> Result<Json<MyNotices>> {
    Ok(Json(notices::choose(&ctx, &choice).await?))
}

pub(super) async fn addresses(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<NoticeAddressView>>> {
    Ok(Json(notices::addresses(&ctx).await?))
}

pub(super) async fn add_address(
    Extension(ctx): Extension<OpContext>,
    Body(address): Body<NewNoticeAddress>,
) -> Result<(StatusCode, Json<NoticeAddressSecret>)> {
    Ok((StatusCode::CREATED, Json(notices::add_address(&ctx, address).await?)))
}

pub(super) async fn change_address(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<NoticeAddressId>,
    Body(change): Body<ChangeNoticeAddress>,
) -> Result<Json<NoticeAddressView>> {
    Ok(Json(notices::change_address(&ctx, id, change).await?))
}

pub(super) async fn renew_secret(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<NoticeAddressId>,
) -> Result<Json<NoticeAddressSecret>> {
    Ok(Json(notices::renew_secret(&ctx, id).await?))
}

pub(super) async fn delete_address(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<NoticeAddressId>,
) -> Result<StatusCode> {
    notices::delete_address(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn test_address(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<NoticeAddressId>,
) -> Result<Json<NoticeTest>> {
    Ok(Json(notices::test_address(&ctx, id).await?))
}

pub(super) async fn deliveries(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    let Both(Params(choice), pages) = Both::<Params<DeliveryQuery>, Pages>::all(&query)?;
    Ok(pages.answer(notices::deliveries(&ctx, &choice, &pages.wanted).await?))
}

pub(super) async fn resend(Extension(ctx): Extension<OpContext>, Ids(id): Ids<NoticeId>) -> Result<StatusCode> {
    notices::resend(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn settings(Extension(ctx): Extension<OpContext>) -> Result<Json<NoticeSettings>> {
    Ok(Json(notices::settings(&ctx).await?))
}

pub(super) async fn set_settings(
    Extension(ctx): Extension<OpContext>,
    Body(settings): Body<SetNoticeSettings>,
) -> Result<Json<NoticeSettings>> {
    Ok(Json(notices::set_settings(&ctx, settings).await?))
}

pub(super) async fn test_email(Extension(ctx): Extension<OpContext>) -> Result<Json<NoticeTest>> {
    Ok(Json(notices::test_email(&ctx).await?))
}

/// A page with a button: looking at a link changes nothing, since programs that look through mail do so too.
pub(super) async fn ask_to_unsubscribe() -> Response {
    page(
        "Stop these mails?",
        "<p>No mail will tell you any more that somebody asks you to decide. Nothing else changes: what waits for you \
         stands in Weft.</p><form method=\"post\" class=\"form\"><button class=\"btn\" data-variant=\"primary\" data-size=\"lg\" \
         data-block type=\"submit\"><span class=\"btn-label\">Stop these mails</span></button></form>",
    )
}

/// By the button, or by a mail program at one click. Whatever the link was, the answer is the same.
pub(super) async fn unsubscribe(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Response> {
    // Whatever mail programs add to an address is let pass.
    notices::unsubscribe(&ctx, query.text("link").unwrap_or_default()).await?;
    Ok(page(
        "Done",
        "<p>If the link was one of ours, no mail tells you any more that somebody asks you to decide. In Weft, under \
         your account, you can have them again.</p>",
    ))
}

/// With the look of the site and none of its program. Other sites are told nothing of where a visitor came from, as everywhere; our own is,
/// since a browser that tells nobody says of the button's request that it comes from nowhere, and that is refused.
fn page(title: &str, content: &str) -> Response {
    let files = app::site::files();
    let (style, icon) = (&files.style, &files.favicon);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><meta \
         name=\"color-scheme\" content=\"light dark\"><title>{title} · Weft</title><link rel=\"icon\" href=\"{icon}\" \
         type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"{style}\"></head><body><main class=\"auth\" id=\"main\"><div \
         class=\"auth-card\"><div class=\"auth-brand\"><img src=\"{icon}\" alt=\"\" width=\"28\" height=\"28\"><span>Weft</span>\
         </div><h1>{title}</h1>{content}</div></main></body></html>"
    );
    Html(html).into_response()
}
