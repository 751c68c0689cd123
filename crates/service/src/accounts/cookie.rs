//! The session cookie as a header: its name, its secret, its limits.
//! Must never be readable by scripts, and never go to another site.

use std::time::Duration;

/// A session that has just begun; its secret exists here and in the browser only.
#[derive(Clone)]
pub struct SessionCookie {
    secret: String,
    max_age: Duration,
    is_secure: bool,
}

impl SessionCookie {
    pub(crate) fn new(secret: String, max_age: Duration, is_secure: bool) -> Self {
        Self { secret, max_age, is_secure }
    }

    /// The `__Host-` prefix makes browsers refuse the cookie from any other host or path, but wants HTTPS.
    pub(crate) fn name(is_secure: bool) -> &'static str {
        if is_secure { "__Host-weft_session" } else { "weft_session" }
    }

    /// The value of the `Set-Cookie` header.
    pub fn set_cookie(&self) -> String {
        header(&self.secret, self.max_age.as_secs(), self.is_secure)
    }

    /// The value of the `Set-Cookie` header that makes a browser forget the session.
    pub(crate) fn clear(is_secure: bool) -> String {
        header("", 0, is_secure)
    }

    /// The value of the cookie alone.
    pub fn value(&self) -> &str {
        &self.secret
    }
}

impl std::fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionCookie(..)")
    }
}

fn header(value: &str, max_age: u64, is_secure: bool) -> String {
    let name = SessionCookie::name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_hidden_from_scripts_and_other_sites() {
        let cookie = |is_secure| SessionCookie::new("s".into(), Duration::from_mins(1), is_secure).set_cookie();
        assert_eq!(cookie(false), "weft_session=s; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(cookie(true), "__Host-weft_session=s; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert!(SessionCookie::clear(false).starts_with("weft_session=; Path=/; Max-Age=0;"));
        assert!(!format!("{:?}", SessionCookie::new("secret".into(), Duration::ZERO, true)).contains("secret"));
    }
}
