//! Notices: what people want to be told where, and, for admins, the addresses, what was sent, and how the instance sends it. Sending is a
//! chore of the server, which meets this in the tables.
//! Must never answer with where an address leads nor with a password, and never let a link of a mail do more than end mails.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use store::{
    notices::{
        Choose, Resend, SetSettings,
        addresses::{ChangeAddress, NewAddress, SetAddress, Target},
    },
    vault::{KeyRing, VaultError},
};
use workflow::{
    SecretName, TemplateId,
    access::{Actor, Scope},
    api::{
        AddressKind, ChangeNoticeAddress, ChooseNotice, DeliveryPage, DeliveryQuery, InboxQuery, MAX_ADDRESS_BYTES,
        MAX_ADDRESS_NAME_CHARS, MAX_ADDRESSES, MAX_CHOICES, MyNotices, NewNoticeAddress, NoticeAddressSecret,
        NoticeAddressView, NoticeSettings, NoticeTest, SetNoticeSettings,
    },
    id::{NoticeAddressId, NoticeId},
    notices::{DEFAULT_FOR_MAIL, Password, StoredMail},
    secret::{Hidden, Host},
    words::count,
};

use crate::{Courier, Error, OpContext, Result, Wanted, id, text};

/// Bytes of a secret that webhooks are signed with.
const SECRET_BYTES: usize = 32;
const MAX_HOST_CHARS: usize = 253;
const MAX_USER_CHARS: usize = 320;

/// What I chose, and what there is to choose from.
pub async fn mine(ctx: &OpContext) -> Result<MyNotices> {
    let me = ctx.user()?;
    let given = &ctx.settings().mail;
    let stored = ctx.store().notice_settings().await?;
    let mut choices = ctx.store().notice_choices(me.id, ctx.admin().is_ok()).await?;
    if choices.iter().any(|choice| choice.template_id.is_some() && choice.template_name.is_none()) {
        // Whoever is asked in one that is for others sees what it is called in their inbox.
        let waiting = ctx.store().inbox_counts(me, &InboxQuery::default()).await?.workflows;
        for choice in choices.iter_mut().filter(|choice| choice.template_name.is_none()) {
            let asked = waiting.iter().find(|one| choice.template_id == Some(one.template_id));
            choice.template_name = asked.map(|one| one.name.clone());
        }
    }
    Ok(MyNotices {
        email: me.email.clone(),
        has_email: given.over(&stored).is_set_up(),
        email_default: DEFAULT_FOR_MAIL,
        addresses: ctx.store().notice_address_options().await?,
        choices,
    })
}

/// By a token only if it was made for deciding.
pub async fn choose(ctx: &OpContext, choice: &ChooseNotice) -> Result<MyNotices> {
    let me = ctx.user_for(Scope::Review)?;
    if let (Some(workflow), Some(_)) = (choice.template_id, choice.when)
        && !knows(ctx, me, workflow).await?
    {
        return Err(no_workflow());
    }
    match ctx.store().choose_notice(me.id, choice.address, choice.template_id, choice.when).await? {
        Choose::Chosen => mine(ctx).await,
        Choose::NoAddress => Err(Error::invalid("address", "There is no such address any more. Choose another one.")),
        Choose::NoTemplate => Err(no_workflow()),
        Choose::TooMany => {
            Err(Error::Conflict(format!("You made {MAX_CHOICES} choices already. Take one back that you do not need.")))
        }
    }
}

/// Whether a workflow is none that is kept from somebody: they may start it, are asked in it just now, or chose for it before. To others it
/// is as missing as one that nobody made.
async fn knows(ctx: &OpContext, me: &Actor, workflow: TemplateId) -> Result<bool> {
    let store = ctx.store();
    if ctx.admin().is_ok() || store.may_start(workflow, me.id).await? {
        return Ok(true);
    }
    let chosen = store.notice_choices(me.id, false).await?;
    if chosen.iter().any(|choice| choice.template_id == Some(workflow)) {
        return Ok(true);
    }
    let waiting = store.inbox_counts(me, &InboxQuery::default()).await?;
    Ok(waiting.workflows.iter().any(|one| one.template_id == workflow))
}

fn no_workflow() -> Error {
    Error::invalid("template_id", "There is no such published workflow. Choose another one.")
}

/// By name.
pub async fn addresses(ctx: &OpContext) -> Result<Vec<NoticeAddressView>> {
    ctx.admin()?;
    Ok(ctx.store().notice_addresses(keys(ctx)).await?)
}

/// Registers one. The secret that its posts are signed with is told this once.
pub async fn add_address(ctx: &OpContext, wanted: NewNoticeAddress) -> Result<NoticeAddressSecret> {
    ctx.admin()?;
    let NewNoticeAddress { name, kind, url } = wanted;
    let name = text::name("name", &name, MAX_ADDRESS_NAME_CHARS)?;
    let url = SecretString::from(url.0);
    let place = checked_url(&url, ctx.settings().courier.as_deref())?;
    let secret = new_secret(kind);
    let id = NoticeAddressId(id::new_id());
    let target = Target { url, secret: secret.clone() };
    let sealed = target.seal(keys(ctx), id, &place).map_err(refused)?;
    let new = NewAddress { id, name: &name, kind, place: &place, sealed: &sealed };
    set(ctx.store().add_notice_address(&new, ctx.author()).await?)?;
    Ok(NoticeAddressSecret { address: view(ctx, id).await?, secret: shown(secret.as_ref()) })
}

pub async fn change_address(
    ctx: &OpContext,
    id: NoticeAddressId,
    wanted: ChangeNoticeAddress,
) -> Result<NoticeAddressView> {
    ctx.admin()?;
    let name = wanted.name.map(|name| text::name("name", &name, MAX_ADDRESS_NAME_CHARS)).transpose()?;
    let sealed = match wanted.url {
        None => None,
        Some(url) => {
            let url = SecretString::from(url.0);
            let place = checked_url(&url, ctx.settings().courier.as_deref())?;
            let known = ctx.store().stored_address(id).await?.ok_or(Error::NotFound)?;
            // What signs stays: whoever reads there from now on is given another secret by renewing it.
            let secret = known.open(keys(ctx)).map_err(refused)?.secret;
            let sealed = Target { url, secret }.seal(keys(ctx), id, &place).map_err(refused)?;
            Some((place, sealed, known.sealed))
        }
    };
    let change = ChangeAddress {
        name: name.as_deref(),
        sealed: sealed.as_ref().map(|(place, sealed, _)| (place.as_str(), sealed)),
        was: sealed.as_ref().map(|(_, _, was)| was),
        is_enabled: wanted.is_enabled,
        is_renewal: false,
    };
    set(ctx.store().change_notice_address(id, &change, ctx.author()).await?)?;
    view(ctx, id).await
}

/// Another secret for what is signed; the old one ends at once.
pub async fn renew_secret(ctx: &OpContext, id: NoticeAddressId) -> Result<NoticeAddressSecret> {
    ctx.admin()?;
    let known = ctx.store().stored_address(id).await?.ok_or(Error::NotFound)?;
    let Some(secret) = new_secret(known.kind) else {
        return Err(Error::Conflict("An address of this kind signs nothing, so it has no secret.".to_owned()));
    };
    let url = known.open(keys(ctx)).map_err(refused)?.url;
    let target = Target { url, secret: Some(secret.clone()) };
    let sealed = target.seal(keys(ctx), id, &known.place).map_err(refused)?;
    let change = ChangeAddress {
        sealed: Some((known.place.as_str(), &sealed)),
        was: Some(&known.sealed),
        is_renewal: true,
        ..ChangeAddress::default()
    };
    set(ctx.store().change_notice_address(id, &change, ctx.author()).await?)?;
    Ok(NoticeAddressSecret { address: view(ctx, id).await?, secret: shown(Some(&secret)) })
}

/// With what waits for it, and what was chosen there.
pub async fn delete_address(ctx: &OpContext, id: NoticeAddressId) -> Result<()> {
    ctx.admin()?;
    if ctx.store().delete_notice_address(id, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Posts a test, and answers with what the other side said.
pub async fn test_address(ctx: &OpContext, id: NoticeAddressId) -> Result<NoticeTest> {
    ctx.admin()?;
    ctx.store().stored_address(id).await?.ok_or(Error::NotFound)?;
    Ok(courier(ctx)?.test_address(id).await)
}

/// What was sent, newest first.
pub async fn deliveries(ctx: &OpContext, query: &DeliveryQuery, wanted: &Wanted) -> Result<DeliveryPage> {
    ctx.admin()?;
    Ok(ctx.store().notice_deliveries(query, wanted.window()).await?)
}

/// Sends a message once more, under its id.
pub async fn resend(ctx: &OpContext, id: NoticeId) -> Result<()> {
    ctx.admin()?;
    match ctx.store().resend_notice(id, ctx.author()).await? {
        Resend::Queued => Ok(()),
        Resend::NotFound => Err(Error::NotFound),
        Resend::NotOver => Err(Error::Conflict(
            "It waits to be sent already, or came to nothing because its review was decided. There is nothing to send."
                .to_owned(),
        )),
    }
}

pub async fn settings(ctx: &OpContext) -> Result<NoticeSettings> {
    ctx.admin()?;
    let stored = ctx.store().notice_settings().await?;
    let given = &ctx.settings().mail;
    let mail = given.over(&stored);
    let (password, has_password) = match mail.password {
        Password::None => (None, false),
        Password::Given => (None, true),
        Password::Secret(name) => (Some(name), true),
    };
    Ok(NoticeSettings {
        host: mail.host,
        port: mail.port,
        tls: mail.tls,
        user: mail.user,
        password,
        has_password,
        from: mail.from,
        content: stored.content,
        base_url: ctx.settings().base_url.clone(),
        locked: given.locked(),
        revision: stored.revision,
    })
}

/// What the operator set stays as it is, whatever is said about it.
pub async fn set_settings(ctx: &OpContext, wanted: SetNoticeSettings) -> Result<NoticeSettings> {
    ctx.admin()?;
    let given = &ctx.settings().mail;
    let known = ctx.store().notice_settings().await?;
    let is_hosts = given.host.is_some();
    let stored = StoredMail {
        host: if is_hosts { known.host } else { checked_host(&wanted.host)? },
        port: if is_hosts || given.port.is_some() { known.port } else { checked_port(wanted.port)? },
        tls: if given.tls.is_some() { known.tls } else { wanted.tls },
        user: if given.user.is_some() { known.user } else { plain("user", &wanted.user, MAX_USER_CHARS)? },
        password: if is_hosts || given.password.is_some() {
            known.password
        } else {
            checked_password(ctx, wanted.password).await?
        },
        from: if given.from.is_some() { known.from } else { checked_from(&wanted.from)? },
        content: wanted.content,
        revision: wanted.expect_revision,
    };
    match ctx.store().set_notice_settings(&stored, ctx.author()).await? {
        SetSettings::Set => settings(ctx).await,
        SetSettings::Stale(current) => Err(Error::Stale { current }),
    }
}

/// Mail to whoever asks, by what is saved; answers with what the server said.
pub async fn test_email(ctx: &OpContext) -> Result<NoticeTest> {
    let me = ctx.admin()?;
    Ok(courier(ctx)?.test_mail(&me.email).await)
}

/// The link of a mail: whoever has it gets no mail about gates any more, and is told the same whether it was one.
pub async fn unsubscribe(ctx: &OpContext, token: &str) -> Result<()> {
    // Nobody needs to be signed in, and who is here does not matter.
    if token.len() == 2 * SECRET_BYTES && token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        ctx.store().unsubscribe(&id::hash_secret(token), ctx.author()).await?;
    }
    Ok(())
}

fn keys(ctx: &OpContext) -> &KeyRing {
    &ctx.settings().secret_keys
}

fn courier(ctx: &OpContext) -> Result<&dyn Courier> {
    let courier = ctx.settings().courier.as_deref();
    courier.ok_or_else(|| Error::Conflict("This process sends nothing: ask a server that does.".to_owned()))
}

async fn view(ctx: &OpContext, id: NoticeAddressId) -> Result<NoticeAddressView> {
    let all = ctx.store().notice_addresses(keys(ctx)).await?;
    all.into_iter().find(|address| address.id == id).ok_or(Error::NotFound)
}

fn set(outcome: SetAddress) -> Result<()> {
    match outcome {
        SetAddress::Set => Ok(()),
        SetAddress::NotFound => Err(Error::NotFound),
        SetAddress::Changed => {
            Err(Error::Conflict("Somebody else changed this address meanwhile. Look at it, and try again.".to_owned()))
        }
        SetAddress::NameTaken => Err(Error::invalid("name", "Another address is called that. Give it another name.")),
        SetAddress::TooMany => {
            Err(Error::Conflict(format!("There are {MAX_ADDRESSES} addresses already. Delete one that is not used.")))
        }
    }
}

/// `whsec_` and base64 of random bytes, for the kind that signs.
fn new_secret(kind: AddressKind) -> Option<SecretString> {
    match kind {
        AddressKind::Slack => None,
        AddressKind::Webhook => {
            let mut random = [0; SECRET_BYTES];
            rand::rng().fill_bytes(&mut random);
            Some(SecretString::from(format!("whsec_{}", STANDARD.encode(random))))
        }
    }
}

fn shown(secret: Option<&SecretString>) -> Option<Hidden> {
    secret.map(|secret| Hidden(secret.expose_secret().to_owned()))
}

/// Scheme, host and port of an address to which `courier`, if there is one, would post. It is never repeated: the rest is a key mostly.
fn checked_url(url: &SecretString, courier: Option<&dyn Courier>) -> Result<String> {
    let invalid = |detail: &str| Error::invalid("url", detail);
    let url = url.expose_secret();
    if url.len() > MAX_ADDRESS_BYTES {
        return Err(Error::too_large(
            "url",
            format!("It is longer than {}. Shorten it.", count(MAX_ADDRESS_BYTES, "character")),
        ));
    }
    if url.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(invalid(
            "It holds a space, a line break or a letter that addresses are not written with. Leave it out.",
        ));
    }
    let wanted = "Write an address like https://hooks.example.org/services/….";
    let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid(wanted))?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "https" | "http") {
        return Err(invalid("Only https and http are spoken. Write an address that begins with https://."));
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // It has no `@` either: whoever signs in with an address has a key in it that is not the path.
    let host = format!("{scheme}://{authority}").parse::<Host>();
    let host = host.map_err(|bad| invalid(&format!("Its host is none: {bad}. {wanted}")))?;
    if authority.starts_with('*') {
        return Err(invalid(wanted));
    }
    if let Some(why) = courier.and_then(|courier| courier.refuses(url)) {
        return Err(invalid(&format!("Nothing is posted there: {why}.")));
    }
    let shown = host.to_string();
    Ok(if shown.contains("://") { shown } else { format!("https://{shown}") })
}

/// Empty: no mail is sent.
fn checked_host(host: &str) -> Result<String> {
    let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.chars().count() > MAX_HOST_CHARS || !host.chars().all(is_name) || host.starts_with(['.', '-']) {
        return Err(Error::invalid("host", "It is no name of a server. Write it like smtp.example.org."));
    }
    Ok(host)
}

fn checked_port(port: Option<u16>) -> Result<Option<u16>> {
    match port {
        Some(0) => Err(Error::invalid("port", "A port is a number from 1 to 65535. Leave it empty for the usual one.")),
        port => Ok(port),
    }
}

/// A text on one line that may be empty.
fn plain(field: &str, value: &str, max_chars: usize) -> Result<String> {
    if value.trim().is_empty() { Ok(String::new()) } else { text::name(field, value, max_chars) }
}

async fn checked_password(ctx: &OpContext, name: Option<SecretName>) -> Result<Option<SecretName>> {
    let Some(name) = name.filter(|name| !name.as_str().is_empty()) else { return Ok(None) };
    if !name.is_well_formed() || ctx.store().secret(keys(ctx), &name).await?.is_none() {
        return Err(Error::invalid("password", "There is no secret of that name. Make it under Secrets first."));
    }
    Ok(Some(name))
}

/// `NAME <EMAIL>`, or an email alone; empty: no mail is sent.
fn checked_from(from: &str) -> Result<String> {
    let from = plain("from", from, MAX_USER_CHARS)?;
    if from.is_empty() {
        return Ok(from);
    }
    let email = match from.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => from.as_str(),
    };
    text::email(email)
        .map_err(|_| Error::invalid("from", "This is no sender. Write it like Weft <weft@example.org>."))?;
    Ok(from)
}

fn refused(error: VaultError) -> Error {
    match error {
        VaultError::NoKeys => Error::Conflict(
            "This server has no key to encrypt the address with. Whoever runs it makes one with `weft secret new-key` and names its \
             file in WEFT_SECRET_KEY_FILE."
                .to_owned(),
        ),
        VaultError::UnknownKey { .. } => Error::Conflict(
            "This server has not the key that the address is encrypted with. Delete the address, and register it anew.".to_owned(),
        ),
        VaultError::NotSealed | VaultError::Forged => Error::Secret(error),
    }
}

#[cfg(test)]
mod tests;
