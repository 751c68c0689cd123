//! Where the server listens, and how it is reached from outside.

use std::{fmt, net::SocketAddr, str::FromStr};

use clap::Args;

use super::TrustedProxies;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Web")]
pub struct Web {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "WEFT_LISTEN", default_value = "127.0.0.1:3000", value_name = "HOST:PORT")]
    pub listen: SocketAddr,
    #[arg(
        long,
        env = "WEFT_PUBLIC_URL",
        value_name = "URL",
        help = "How browsers reach Weft when a proxy stands before it, such as https://weft.example.org"
    )]
    pub public_url: Option<PublicUrl>,
    #[arg(
        long,
        env = "WEFT_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "",
        hide_default_value = true,
        help = "Proxies before Weft whose X-Forwarded-For or Forwarded tells the client's address, such as 127.0.0.1,10.0.0.0/8"
    )]
    pub trusted_proxies: TrustedProxies,
    /// Send cookies over HTTPS only; on by itself when the public URL is https
    #[arg(long, env = "WEFT_SECURE_COOKIES", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    secure_cookies: Option<bool>,
}

impl Web {
    pub fn secure_cookies(&self) -> bool {
        self.secure_cookies.unwrap_or_else(|| self.public_url.as_ref().is_some_and(PublicUrl::is_https))
    }

    /// How browsers reach the server that listens there.
    pub fn reached_at(&self, address: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            // Nobody can open the address that means all of them.
            None if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
            None => format!("http://{address}"),
        }
    }

    /// Whether only this machine can reach the server: then nobody else can claim the first account.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.is_none()
    }
}

/// Scheme, host and port, in the form that a browser sends as `Origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicUrl(String);

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("write http:// or https://, a host and perhaps a port, and no path, such as https://weft.example.org")]
pub struct BadPublicUrl;

impl PublicUrl {
    pub fn origin(&self) -> &str {
        &self.0
    }

    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = BadPublicUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let (scheme, host) = text.split_once("://").ok_or(BadPublicUrl)?;
        let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c));
        if !matches!(scheme, "http" | "https") || !is_host {
            return Err(BadPublicUrl);
        }
        // Browsers leave the default port of a scheme out of the origin.
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        Ok(Self(format!("{scheme}://{}", host.strip_suffix(default_port).unwrap_or(host))))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_kept_as_an_origin() {
        let table = [
            ("https://weft.example.org/", Some("https://weft.example.org")),
            ("https://Weft.example.org:443", Some("https://weft.example.org")),
            ("http://10.0.0.1:8080", Some("http://10.0.0.1:8080")),
            ("weft.example.org", None),
            ("https://weft.example.org/path", None),
            ("ftp://weft.example.org", None),
            ("https://", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<PublicUrl>().ok().as_ref().map(PublicUrl::origin), expected, "{text}");
        }
    }
}
