//! Who asks, and with what: the service as a whole, and the context that the server builds for each request.
//! Must never fall back to another identity: a secret that is wrong is nobody, whatever else came along.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use runs::Runs;
use serde_json::json;
use store::{
    Store,
    audit::{Author, Via},
    secret::SecretHash,
    tokens::OpenToken,
};
use uuid::Uuid;
use workflow::{
    RunId, UserId,
    access::{Actor, Scope},
    cell::CellNumber,
    id::TokenId,
};

use crate::{
    Error, Result, Settings,
    accounts::{Cookie, Hasher, Network, TOKEN_PREFIX},
    audit::Refusals,
    contents::{Contents, Held},
    id,
    turns::Turns,
    versions::Versions,
};

/// How often an answer that was begun waits for room before it is given up.
const TRIES: u32 = 30;
/// Starts of runs under way: enough to fill the commits that they share, and so few that none waits for long for a connection.
pub(crate) const STARTS_AT_ONCE: usize = 64;
/// And who wait, of one person.
pub(crate) const STARTS_WAITING: usize = 512;

/// Everything that outlives a request; cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    store: Store,
    runs: Runs,
    settings: Settings,
    hasher: Hasher,
    refusals: Refusals,
    contents: Contents,
    versions: Versions,
    starts: Turns<UserId>,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    pub address: Option<IpAddr>,
    pub user_agent: String,
    /// What the cookie of a device hashes to.
    pub device: Option<SecretHash>,
}

impl RequestInfo {
    /// With the value of the cookie that says on which device somebody signed in before.
    #[must_use]
    pub fn on_device(self, cookie: Option<&str>) -> Self {
        Self { device: cookie.map(id::hash_secret), ..self }
    }
}

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    pub method: &'a str,
    /// Without the query, which may hold what is private.
    pub path: &'a str,
    pub status: u16,
    /// The bearer token that came with it.
    pub token: Option<&'a str>,
}

/// Of a path that was refused.
const MAX_PATH_CHARS: usize = 200;

/// A person who has proved who they are.
#[derive(Clone, Debug)]
pub struct Principal {
    pub actor: Actor,
    credential: Credential,
}

impl Principal {
    /// Whether they came with a token that opens the metrics and nothing else; also once its person is no admin any more, when it opens
    /// nothing.
    pub fn is_for_metrics_alone(&self) -> bool {
        matches!(&self.credential, Credential::Token { scopes, .. } if !scopes.contains(&Scope::Read))
    }
}

#[derive(Clone, Debug)]
enum Credential {
    Session(SecretHash),
    Token {
        hash: SecretHash,
        id: TokenId,
        scopes: Vec<Scope>,
    },
    /// None: the server goes on with what the person left to it.
    Errand,
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
    /// The run that a socket follows.
    watches: Option<RunId>,
    /// The room for artifacts that the request has read.
    held: Arc<Mutex<Vec<Held>>>,
}

impl Service {
    /// `runs`: the one instance of this process.
    pub fn new(store: Store, runs: Runs, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            store,
            runs,
            settings,
            hasher: Hasher::default(),
            refusals: Refusals::default(),
            contents: Contents::default(),
            versions: Versions::default(),
            starts: Turns::new(STARTS_AT_ONCE, STARTS_WAITING),
        }))
    }

    /// The name under which the session travels.
    pub fn cookie_name(&self) -> &'static str {
        Cookie::Session.name(self.0.settings.secure_cookies)
    }

    /// The name under which the device travels.
    pub fn device_cookie_name(&self) -> &'static str {
        Cookie::Device.name(self.0.settings.secure_cookies)
    }

    /// Which cell the run of another one is of, by its id, and which one this is; none where this is the only one.
    pub fn elsewhere(&self, run: RunId) -> Option<(CellNumber, CellNumber)> {
        let here = self.0.settings.cell?;
        let there = CellNumber::of(run).filter(|there| *there != here)?;
        Some((there, here))
    }

    /// Whose session the value of the cookie opens; counts as activity.
    pub async fn authenticate_cookie(&self, value: &str) -> Result<Option<Principal>> {
        let hash = id::hash_secret(value);
        let Some(open) = self.0.store.open_session(&hash, self.0.settings.lifetimes.idle).await? else {
            return Ok(None);
        };
        if open.is_behind {
            if_possible(self.0.store.touch_session(&hash).await)?;
        }
        Ok(Some(Principal { actor: open.actor, credential: Credential::Session(hash) }))
    }

    /// Who a bearer token speaks for. The first use in a day is written into the log.
    pub async fn authenticate_bearer(&self, token: &str, request: &RequestInfo) -> Result<Option<Principal>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = id::hash_secret(token);
        let Some(OpenToken { id, actor, scopes, is_behind }) = self.0.store.open_token(&hash).await? else {
            return Ok(None);
        };
        if is_behind && if_possible(self.0.store.touch_token(id).await)? {
            let author = Author { actor: Some(actor.id), address: request.address, via: Via::Token(id) };
            self.0.store.note(author, "token.used", &actor.id.to_string(), json!({})).await?;
        }
        Ok(Some(Principal { actor, credential: Credential::Token { hash, id, scopes } }))
    }

    /// Notes that a request was refused: what somebody asked for that is not theirs, or a token that is none or none any more.
    /// Missing and foreign are noted alike.
    pub async fn note_refusal(&self, ctx: &OpContext, refusal: Refusal<'_>) -> Result<()> {
        let author = ctx.author();
        let caller = match author.actor {
            Some(actor) => actor.to_string(),
            None => Network::of(author.address).to_string(),
        };
        let Some(n_dropped) = self.0.refusals.admit(&caller, std::time::Instant::now()) else { return Ok(()) };
        let mut data = json!({"method": refusal.method, "status": refusal.status});
        if n_dropped > 0 {
            data["more_not_written"] = json!(n_dropped);
        }
        let path: String = refusal.path.chars().filter(|c| !c.is_control()).take(MAX_PATH_CHARS).collect();
        let (action, subject) = match refusal.token {
            Some(token) if author.actor.is_none() => {
                data["path"] = json!(path);
                let owner = self.0.store.token_owner(&id::hash_secret(token)).await?;
                ("token.refused", owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string()))
            }
            _ => ("access.refused", path),
        };
        Ok(self.0.store.note(author, action, &subject, data).await?)
    }

    /// The context of a request by this person, or by nobody.
    pub fn context(&self, principal: Option<Principal>, request: RequestInfo) -> OpContext {
        let caller = principal.map_or(Caller::Nobody, Caller::Person);
        OpContext { service: self.clone(), caller, request, watches: None, held: Arc::default() }
    }

    /// The context of work that somebody left to the server, such as a batch: by the person as they are now, not as they were then.
    pub(crate) fn errand_of(&self, actor: Actor) -> OpContext {
        let principal = Principal { actor, credential: Credential::Errand };
        self.context(Some(principal), RequestInfo::default())
    }

    /// The context of a command of the operator. It manages people on its own authority (the log then names no actor);
    /// for everything that needs an owner it stands for the oldest admin, and is refused while there is none.
    pub async fn system_context(&self) -> Result<OpContext> {
        let stands_for = self.0.store.oldest_admin().await?;
        let caller = Caller::Operator { stands_for };
        let request = RequestInfo::default();
        Ok(OpContext { service: self.clone(), caller, request, watches: None, held: Arc::default() })
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

    /// Where the request came from, as far as it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.request.address
    }

    /// The signed-in person, or 401. Whoever may use Weft at all may read what is theirs to see, but not by a token for metrics alone.
    pub fn user(&self) -> Result<&Actor> {
        match &self.caller {
            Caller::Person(principal) if principal.is_for_metrics_alone() => Err(Error::MissingScope(Scope::Read)),
            Caller::Operator { stands_for: None } => {
                Err(Error::Conflict("There is no admin yet. Create one first.".into()))
            }
            _ => self.actor().ok_or(Error::Unauthenticated),
        }
    }

    /// The signed-in admin, or 401, or 403; by a token only if it was made for that.
    pub fn admin(&self) -> Result<&Actor> {
        if self.user()?.may_administer() { self.user_for(Scope::Admin) } else { Err(Error::Forbidden) }
    }

    /// The signed-in person, or 401, or 403 where they came with a token that was not made for this.
    /// Every use case asks here or at one of the two doors above before it does anything.
    pub fn user_for(&self, scope: Scope) -> Result<&Actor> {
        let actor = self.user()?;
        match &self.caller {
            Caller::Person(Principal { credential: Credential::Token { scopes, .. }, .. })
                if scope != Scope::Read && !scopes.contains(&scope) =>
            {
                Err(Error::MissingScope(scope))
            }
            _ => Ok(actor),
        }
    }

    /// Whoever may read the figures about all of Weft, and its queues: an admin, by a token only if it was made for that or for all that
    /// admins do.
    pub fn reader_of_metrics(&self) -> Result<()> {
        match &self.caller {
            Caller::Person(Principal { actor, credential: Credential::Token { scopes, .. } })
                if actor.may_administer() && scopes.contains(&Scope::Metrics) =>
            {
                Ok(())
            }
            _ => self.admin().map(|_| ()),
        }
    }

    /// The person of a session, and the session: what is about one's own account is never done by a token.
    pub(crate) fn session_user(&self) -> Result<(&Actor, &SecretHash)> {
        match &self.caller {
            Caller::Person(Principal { actor, credential: Credential::Session(hash) }) => Ok((actor, hash)),
            Caller::Person(Principal { credential: Credential::Token { .. } | Credential::Errand, .. }) => {
                Err(Error::SessionRequired)
            }
            Caller::Nobody | Caller::Operator { .. } => Err(Error::Unauthenticated),
        }
    }

    /// Room for an artifact that is about to be read, held with the request; or the word to come again.
    pub(crate) async fn make_room(&self, bytes: u64) -> Result<()> {
        let held = self.service.0.contents.take(self.user()?.id, bytes).await?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        Ok(())
    }

    /// The same for the next piece of an answer that is sent as it is made, in place of the room for the piece before. An answer that was
    /// begun cannot be refused, so it waits longer than others.
    pub(crate) async fn make_room_for_next(&self, bytes: u64) -> Result<()> {
        drop(self.take_held());
        for _ in 1..TRIES {
            match self.make_room(bytes).await {
                Err(Error::TooManyRequests { .. }) => {}
                made => return made,
            }
        }
        self.make_room(bytes).await
    }

    /// What the request holds, for whoever sends its answer.
    pub fn take_held(&self) -> Vec<Held> {
        std::mem::take(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same request, which stands only for as long as the run may be seen too.
    #[must_use]
    pub fn watching(self, run: RunId) -> Self {
        Self { watches: Some(run), ..self }
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
            Credential::Token { hash, .. } => self.store().open_token(hash).await?.map(|open| open.actor),
            Credential::Errand => None,
        };
        // A changed role counts too: what the socket may see was decided with the old one.
        let is_same = now.is_some_and(|actor| actor.id == principal.actor.id && actor.role == principal.actor.role);
        match self.watches {
            Some(run) if is_same => Ok(self.store().run_is_visible(run, &principal.actor).await?),
            _ => Ok(is_same),
        }
    }

    /// May manage people: an admin, or the operator.
    pub(crate) fn manager_of_people(&self) -> Result<()> {
        if self.is_operator() { Ok(()) } else { self.admin().map(|_| ()) }
    }

    /// May keep secrets: an admin, or the operator.
    pub(crate) fn keeper_of_secrets(&self) -> Result<()> {
        self.manager_of_people()
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

    /// The token that the request came with.
    pub(crate) fn token(&self) -> Option<TokenId> {
        match &self.caller {
            Caller::Person(Principal { credential: Credential::Token { id, .. }, .. }) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn author(&self) -> Author {
        let (actor, via) = match &self.caller {
            Caller::Person(Principal { actor, credential: Credential::Session(_) }) => (Some(actor.id), Via::Session),
            Caller::Person(Principal { actor, credential: Credential::Token { id, .. } }) => {
                (Some(actor.id), Via::Token(*id))
            }
            Caller::Person(Principal { actor, credential: Credential::Errand }) => (Some(actor.id), Via::Nothing),
            Caller::Operator { .. } => (None, Via::Operator),
            Caller::Nobody => (None, Via::Nothing),
        };
        Author { actor, address: self.request.address, via }
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

    pub(crate) fn runs(&self) -> &Runs {
        &self.service.0.runs
    }

    pub(crate) fn versions(&self) -> &Versions {
        &self.service.0.versions
    }

    /// Turns at starting runs, person by person.
    pub(crate) fn starts(&self) -> &Turns<UserId> {
        &self.service.0.starts
    }

    /// What a run that begins here is known by: an id that was just made, with the number of this cell.
    pub(crate) fn run_id(&self, made: Uuid) -> RunId {
        RunId(self.settings().cell.unwrap_or_default().mark(made))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.service.0.settings
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.service.0.hasher
    }
}

/// What a look leaves behind. A database that takes no writes at the moment is told to those who change something; others may look.
fn if_possible<T: Default>(written: store::Result<T>) -> Result<T> {
    match written {
        Err(error) if error.is_unavailable() => {
            tracing::debug!(error = &error as &dyn std::error::Error, "that somebody was active was not noted");
            Ok(T::default())
        }
        written => Ok(written?),
    }
}
