//! Who asks, and with what: the service as a whole, and the context that the server builds for each request.
//! Must never fall back to another identity: a secret that is wrong is nobody, whatever else came along.

use std::{net::IpAddr, sync::Arc};

use store::{Store, audit::Author, sessions::SecretHash};
use workflow::access::Actor;

use crate::{
    Error, Result, Settings,
    accounts::{Hasher, SessionCookie, TOKEN_PREFIX},
    id,
};

/// Everything that outlives a request; cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    store: Store,
    settings: Settings,
    hasher: Hasher,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    pub address: Option<IpAddr>,
    pub user_agent: String,
}

/// A person who has proved who they are.
#[derive(Clone, Debug)]
pub struct Principal {
    pub actor: Actor,
    credential: Credential,
}

#[derive(Clone, Copy, Debug)]
enum Credential {
    Session(SecretHash),
    Token(SecretHash),
}

#[derive(Clone, Debug)]
enum Caller {
    Nobody,
    Person(Principal),
    /// The operator at the command line: whoever can run it owns the database anyway.
    Operator {
        stands_for: Option<Actor>,
    },
}

/// The context of one request.
#[derive(Clone)]
pub struct OpContext {
    service: Service,
    caller: Caller,
    request: RequestInfo,
}

impl Service {
    pub fn new(store: Store, settings: Settings) -> Self {
        Self(Arc::new(Inner { store, settings, hasher: Hasher::default() }))
    }

    /// The name under which the session travels.
    pub fn cookie_name(&self) -> &'static str {
        SessionCookie::name(self.0.settings.secure_cookies)
    }

    /// Whose session the value of the cookie opens; counts as activity.
    pub async fn authenticate_cookie(&self, value: &str) -> Result<Option<Principal>> {
        let hash = id::hash_secret(value);
        let Some(open) = self.0.store.open_session(&hash, self.0.settings.lifetimes.idle).await? else {
            return Ok(None);
        };
        if open.is_behind {
            self.0.store.touch_session(&hash).await?;
        }
        Ok(Some(Principal { actor: open.actor, credential: Credential::Session(hash) }))
    }

    /// Who a bearer token speaks for.
    pub async fn authenticate_bearer(&self, token: &str) -> Result<Option<Principal>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = id::hash_secret(token);
        let actor = self.0.store.token_actor(&hash).await?;
        Ok(actor.map(|actor| Principal { actor, credential: Credential::Token(hash) }))
    }

    /// The context of a request by this person, or by nobody.
    pub fn context(&self, principal: Option<Principal>, request: RequestInfo) -> OpContext {
        let caller = principal.map_or(Caller::Nobody, Caller::Person);
        OpContext { service: self.clone(), caller, request }
    }

    /// The context of a command of the operator. It manages people on its own authority (the log then names no actor);
    /// for everything that needs an owner it stands for the oldest admin, and is refused while there is none.
    pub async fn system_context(&self) -> Result<OpContext> {
        let stands_for = self.0.store.oldest_admin().await?;
        let caller = Caller::Operator { stands_for };
        Ok(OpContext { service: self.clone(), caller, request: RequestInfo::default() })
    }
}

impl OpContext {
    /// Who is signed in, if anybody.
    pub fn actor(&self) -> Option<&Actor> {
        match &self.caller {
            Caller::Nobody => None,
            Caller::Person(principal) => Some(&principal.actor),
            Caller::Operator { stands_for } => stands_for.as_ref(),
        }
    }

    /// The signed-in person, or 401.
    pub fn user(&self) -> Result<&Actor> {
        match &self.caller {
            Caller::Operator { stands_for: None } => {
                Err(Error::Conflict("There is no admin yet. Create one first.".into()))
            }
            _ => self.actor().ok_or(Error::Unauthenticated),
        }
    }

    /// The signed-in admin, or 401, or 403.
    pub fn admin(&self) -> Result<&Actor> {
        let actor = self.user()?;
        if actor.may_administer() { Ok(actor) } else { Err(Error::Forbidden) }
    }

    /// Whether the credential still stands: a socket asks every few seconds. Asking is no activity.
    pub async fn is_still_valid(&self) -> Result<bool> {
        let Caller::Person(principal) = &self.caller else {
            return Ok(matches!(self.caller, Caller::Operator { .. }));
        };
        let now = match &principal.credential {
            Credential::Session(hash) => {
                let open = self.store().open_session(hash, self.settings().lifetimes.idle).await?;
                open.map(|open| open.actor)
            }
            Credential::Token(hash) => self.store().token_actor(hash).await?,
        };
        // A changed role counts too: what the socket may see was decided with the old one.
        Ok(now.is_some_and(|actor| actor.id == principal.actor.id && actor.role == principal.actor.role))
    }

    /// May manage people: an admin, or the operator.
    pub(crate) fn manager_of_people(&self) -> Result<()> {
        if self.is_operator() { Ok(()) } else { self.admin().map(|_| ()) }
    }

    pub(crate) fn is_operator(&self) -> bool {
        matches!(self.caller, Caller::Operator { .. })
    }

    /// The session that the request came with.
    pub(crate) fn session(&self) -> Option<&SecretHash> {
        match &self.caller {
            Caller::Person(Principal { credential: Credential::Session(hash), .. }) => Some(hash),
            _ => None,
        }
    }

    pub(crate) fn author(&self) -> Author {
        let actor = match &self.caller {
            Caller::Person(principal) => Some(principal.actor.id),
            Caller::Nobody | Caller::Operator { .. } => None,
        };
        Author { actor, address: self.request.address }
    }

    /// The same request, by somebody who has only now proved who they are.
    pub(crate) fn signed_in(&self, actor: Actor, session: SecretHash) -> Self {
        let principal = Principal { actor, credential: Credential::Session(session) };
        Self { caller: Caller::Person(principal), ..self.clone() }
    }

    pub(crate) fn request(&self) -> &RequestInfo {
        &self.request
    }

    pub(crate) fn store(&self) -> &Store {
        &self.service.0.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.service.0.settings
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.service.0.hasher
    }
}
