//! People, for admins and for the operator's command line.
//! Must never leave the server without an admin who can sign in.

use secrecy::SecretString;
use store::users::{ChangeUser, CreateUser, NewUser};
use workflow::{
    UserId,
    access::Role,
    api::{Page, TokenView, UserView},
    id::TokenId,
};

use crate::{
    Error, OpContext, Result, Wanted,
    accounts::{Lane, Password, check_password},
    id, text,
};

pub async fn list(ctx: &OpContext, wanted: &Wanted) -> Result<Page<UserView>> {
    ctx.manager_of_people()?;
    Ok(ctx.store().users(wanted.window()).await?)
}

pub async fn get(ctx: &OpContext, id: UserId) -> Result<UserView> {
    ctx.manager_of_people()?;
    ctx.store().user(id).await?.ok_or(Error::NotFound)
}

/// The account with this email.
pub async fn find(ctx: &OpContext, email: &str) -> Result<UserView> {
    ctx.manager_of_people()?;
    ctx.store().user_by_email(&text::email(email)?).await?.ok_or(Error::NotFound)
}

pub async fn create(ctx: &OpContext, email: &str, role: Role, password: SecretString) -> Result<UserView> {
    ctx.manager_of_people()?;
    if role != Role::Admin && !ctx.store().has_users().await? {
        return Err(Error::Conflict("The first account must be an admin. Create that one first.".into()));
    }
    let email = text::email(email)?;
    let password = Password::typed(password);
    check_password("password", &password, &email)?;
    let password_hash = ctx.hasher().hash(Lane::Known(ctx.author().actor), password).await?;
    let user = NewUser { id: UserId(id::new_id()), email, role, password_hash };
    match ctx.store().create_user(&user, ctx.author()).await? {
        CreateUser::Created(view) => Ok(view),
        CreateUser::EmailTaken => Err(Error::invalid("email", "There is an account with this email already.")),
    }
}

/// Ends the person's sessions, and what their tokens may do as an admin's.
pub async fn set_role(ctx: &OpContext, id: UserId, role: Role) -> Result<UserView> {
    ctx.manager_of_people()?;
    changed(ctx.store().set_role(id, role, ctx.author()).await?)
}

/// Disabling ends the person's sessions and tokens for good; what they own stays.
pub async fn set_disabled(ctx: &OpContext, id: UserId, is_disabled: bool) -> Result<UserView> {
    ctx.manager_of_people()?;
    changed(ctx.store().set_disabled(id, is_disabled, ctx.author()).await?)
}

/// Ends the person's sessions and tokens.
pub async fn reset_password(ctx: &OpContext, id: UserId, password: SecretString) -> Result<()> {
    ctx.manager_of_people()?;
    let user = ctx.store().user(id).await?.ok_or(Error::NotFound)?;
    let password = Password::typed(password);
    check_password("password", &password, &user.email)?;
    let hash = ctx.hasher().hash(Lane::Known(ctx.author().actor), password).await?;
    changed(ctx.store().set_password(id, &hash, ctx.author()).await?).map(|_| ())
}

/// The tokens of anybody.
pub async fn tokens(ctx: &OpContext, id: UserId, wanted: &Wanted) -> Result<Page<TokenView>> {
    ctx.manager_of_people()?;
    ctx.store().user(id).await?.ok_or(Error::NotFound)?;
    Ok(ctx.store().tokens(id, wanted.window()).await?)
}

/// Takes back a token of anybody.
pub async fn revoke_token(ctx: &OpContext, id: UserId, token: TokenId) -> Result<()> {
    ctx.manager_of_people()?;
    if ctx.store().revoke_token(id, token, ctx.author()).await? { Ok(()) } else { Err(Error::NotFound) }
}

fn changed(change: ChangeUser) -> Result<UserView> {
    match change {
        ChangeUser::Changed(view) => Ok(view),
        ChangeUser::NotFound => Err(Error::NotFound),
        ChangeUser::LastAdmin => {
            Err(Error::Conflict("This is the last admin who can sign in. Make somebody else an admin first.".into()))
        }
    }
}
