//! The headers of a call: templates that are rendered, and secrets that are sent by name.
//! Must never render a template with a secret in it, and never ask for one before it is known where it would go.

use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use secrecy::ExposeSecret;
use workflow::{
    agent::HttpConfig,
    secret::{self, Part},
    status::Reason,
};

use crate::{
    AgentContext, AgentError, StepInput,
    redact::Redactor,
    secrets::{Secrets, WantedSecret},
    template::{Insert, Scope},
};

/// What is sent, and what of it nobody may see.
#[derive(Default)]
pub(super) struct Headers {
    pub(super) map: HeaderMap,
    /// Those with a secret: they go to this address and no further.
    pub(super) secret: Vec<HeaderName>,
    pub(super) redactor: Redactor,
}

/// Who asks for secrets, and from whom.
pub(super) struct Asker<'a> {
    pub(super) input: &'a StepInput,
    pub(super) ctx: &'a AgentContext,
    pub(super) secrets: Option<&'a dyn Secrets>,
}

pub(super) async fn headers(
    config: &HttpConfig,
    scope: &Scope<'_>,
    url: &Url,
    asker: &Asker<'_>,
) -> Result<Headers, AgentError> {
    let mut headers = Headers::default();
    for (name, template) in &config.headers {
        let parts = secret::parts(template).map_err(|bad| {
            AgentError::permanent(format!("The header `{name}` names a secret wrongly: {bad}")).with_source(bad)
        })?;
        let (name, value) = match parts {
            None => header(name, &scope.render("A header", template, Insert::AsIs).await?)?,
            Some(parts) => {
                let text = filled(&parts, url, asker, &mut headers.redactor).await?;
                // Not which letter it is: that is one of the secret.
                let (name, mut value) = header(name, &text).map_err(|_| {
                    AgentError::permanent(format!(
                        "The header `{name}` cannot be sent: its secret holds a line break, a control character or a letter that is not ASCII"
                    ))
                })?;
                // Whatever prints headers prints no value of this one.
                value.set_sensitive(true);
                headers.secret.push(name.clone());
                (name, value)
            }
        };
        headers.map.insert(name, value);
    }
    Ok(headers)
}

/// The text of a header that names secrets.
async fn filled(
    parts: &[Part<'_>],
    url: &Url,
    asker: &Asker<'_>,
    redactor: &mut Redactor,
) -> Result<String, AgentError> {
    let Some(secrets) = asker.secrets else {
        return Err(AgentError::new(Reason::Unauthorized, "This process keeps no secrets: none can be sent"));
    };
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Secret(name) => {
                let wanted = WantedSecret {
                    name,
                    agent: &asker.input.spec.id,
                    run: asker.ctx.run,
                    step: &asker.ctx.step,
                    scheme: url.scheme(),
                    host: url.host_str().unwrap_or_default(),
                    port: url.port_or_known_default().unwrap_or_default(),
                };
                let value = secrets.open(&wanted).await?;
                redactor.add(name, value.expose_secret());
                text.push_str(value.expose_secret());
            }
        }
    }
    Ok(text)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), AgentError> {
    let refused = |reason: &str| AgentError::permanent(format!("The header `{name}` {reason}"));
    let name = HeaderName::try_from(name)
        .map_err(|error| AgentError::permanent(format!("`{name}` is no header name")).with_source(error))?;
    if value.contains(['\r', '\n', '\0']) {
        return Err(refused("would hold a line break or a NUL character: take it out of the inputs"));
    }
    if let Some(c) = value.chars().find(|c| !c.is_ascii()) {
        return Err(refused(&format!("would hold {c:?}, but headers are ASCII: use `|urlencode`")));
    }
    let value = HeaderValue::try_from(value.trim_matches([' ', '\t']))
        .map_err(|error| refused("would hold a control character: take it out of the inputs").with_source(error))?;
    Ok((name, value))
}
