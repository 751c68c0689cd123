//! The cookies of somebody who has just signed in, as headers: the session, and the device that the session began on.
//! Must never be readable by scripts, and never go to another site.

use std::time::Duration;

/// As long as browsers keep a cookie.
const DEVICE_MAX_AGE: Duration = Duration::from_hours(400 * 24);

/// Somebody has signed in; the secrets exist here and in the browser only.
#[derive(Clone)]
pub struct SignedIn {
    pub(super) session: String,
    pub(super) device: String,
    pub(super) max_age: Duration,
    pub(super) is_secure: bool,
}

/// Which cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cookie {
    /// Proves who somebody is.
    Session,
    /// Proves nothing: guesses that come with it are counted apart.
    Device,
}

impl Cookie {
    /// The `__Host-` prefix makes browsers refuse the cookie from any other host or path, but wants HTTPS.
    pub(crate) fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, false) => "weft_session",
            (Self::Session, true) => "__Host-weft_session",
            (Self::Device, false) => "weft_device",
            (Self::Device, true) => "__Host-weft_device",
        }
    }

    fn header(self, value: &str, max_age: Duration, is_secure: bool) -> String {
        let (name, max_age) = (self.name(is_secure), max_age.as_secs());
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
    }
}

impl SignedIn {
    /// The values of the `Set-Cookie` headers.
    pub fn set_cookies(&self) -> [String; 2] {
        [
            Cookie::Session.header(&self.session, self.max_age, self.is_secure),
            Cookie::Device.header(&self.device, DEVICE_MAX_AGE, self.is_secure),
        ]
    }

    /// The value of the session's cookie alone.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The value of the device's cookie alone.
    pub fn device(&self) -> &str {
        &self.device
    }
}

/// The value of the `Set-Cookie` header that makes a browser forget the session. The device stays known.
pub(crate) fn clear_session(is_secure: bool) -> String {
    Cookie::Session.header("", Duration::ZERO, is_secure)
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedIn(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_hidden_from_scripts_and_other_sites() {
        let signed_in = |is_secure| SignedIn {
            session: "s3cret".into(),
            device: "d".into(),
            max_age: Duration::from_mins(1),
            is_secure,
        };
        assert_eq!(
            signed_in(false).set_cookies(),
            [
                "weft_session=s3cret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
                "weft_device=d; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
            ]
        );
        assert_eq!(
            signed_in(true).set_cookies(),
            [
                "__Host-weft_session=s3cret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure",
                "__Host-weft_device=d; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure"
            ]
        );
        assert!(clear_session(false).starts_with("weft_session=; Path=/; Max-Age=0;"));
        assert!(!format!("{:?}", signed_in(true)).contains("s3cret"));
    }
}
