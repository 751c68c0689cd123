//! Mail by SMTP: one message, one connection, within a bound that holds for all of it.
//! Must never say a password, nor send one over a connection that is in the clear unless the settings say so.

use std::time::Duration;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use workflow::{api::SmtpTls, notices::Mail};

/// Characters of what a server says.
const MAX_SAID_CHARS: usize = 500;

/// One mail.
pub(crate) struct Letter<'a> {
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: String,
    /// The same at every attempt, so that who gets it twice sees it once.
    pub(crate) id: &'a str,
    /// The address of the page that ends these mails.
    pub(crate) unsubscribe: Option<&'a str>,
}

/// The server took it.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) status: i32,
    pub(crate) said: String,
}

/// It did not, or could not be asked.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: Option<i32>,
    pub(crate) said: String,
    /// The next message would fare no better.
    pub(crate) is_servers: bool,
}

impl Refused {
    pub(crate) fn of_settings(said: impl Into<String>) -> Self {
        Self { status: None, said: said.into(), is_servers: true }
    }
}

pub(crate) async fn send(
    mail: &Mail,
    password: Option<&SecretString>,
    letter: Letter<'_>,
    within: Duration,
) -> Result<Taken, Refused> {
    let is_ascii = letter.to.split('@').next().is_none_or(str::is_ascii);
    let message = message(mail, letter)?;
    let transport = transport(mail, password, within)?;
    match tokio::time::timeout(within, transport.send(message)).await {
        Ok(Ok(response)) => {
            let said = response.message().collect::<Vec<_>>().join(" ");
            Ok(Taken { status: u16::from(response.code()).into(), said: shortened(&said) })
        }
        Ok(Err(error)) => {
            let status = error.status().map(|code| i32::from(u16::from(code)));
            // A server that takes no other letters than ASCII takes the next message, to somebody else.
            let is_of_address = error.is_client() && !is_ascii;
            Err(Refused { status, said: shortened(&told(&error)), is_servers: is_of_all(status) && !is_of_address })
        }
        Err(_) => {
            let said = format!("{}:{} did not answer within {} s", mail.host, mail.port, within.as_secs());
            Err(Refused { status: None, said, is_servers: true })
        }
    }
}

/// Whether what went wrong goes wrong for every message: nothing was said, or it was about the connection, signing in, or what was spoken.
/// What else a server says is about that message or whom it is to: an address that is relayed nowhere, one to be asked for again later.
fn is_of_all(status: Option<i32>) -> bool {
    status.is_none_or(|status| matches!(status, 421 | 454 | 500 | 502..=504 | 521 | 530 | 534..=538))
}

fn message(mail: &Mail, letter: Letter<'_>) -> Result<Message, Refused> {
    let from = mail.from.parse::<Mailbox>().ok().and_then(|from| Some(Mailbox::new(from.name, spelled(from.email)?)));
    let from =
        from.ok_or_else(|| Refused::of_settings("the sender is no address: write it like Weft <weft@example.org>"))?;
    let of_recipient = |said: &str| Refused { status: None, said: said.to_owned(), is_servers: false };
    let to = letter.to.parse::<Address>().ok().and_then(spelled);
    let to = to.ok_or_else(|| of_recipient("the email of the account is none that mail can go to"))?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(letter.subject)
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(address) = letter.unsubscribe {
        builder = builder
            .raw_header(header("List-Unsubscribe", &format!("<{address}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    builder.body(letter.text).map_err(|_| of_recipient("the mail could not be written"))
}

/// With the host as it is looked up: servers that know no letters but ASCII know it so.
fn spelled(address: Address) -> Option<Address> {
    if address.domain().is_ascii() {
        return Some(address);
    }
    Address::new(address.user(), agents::ascii_host(address.domain())?).ok()
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn transport(
    mail: &Mail,
    password: Option<&SecretString>,
    within: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Refused> {
    let parameters = || {
        TlsParameters::new(mail.host.clone())
            .map_err(|error| Refused::of_settings(format!("TLS cannot be set up: {}", told(&error))))
    };
    let tls = match mail.tls {
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
        SmtpTls::Starttls => Tls::Required(parameters()?),
        SmtpTls::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(mail.host.as_str())
        .port(mail.port)
        .tls(tls)
        .timeout(Some(within));
    if let Some(password) = password.filter(|_| !mail.user.is_empty()) {
        builder = builder.credentials(Credentials::new(mail.user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

/// With its causes, as far as they say more.
fn told(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        next = cause.source();
    }
    said
}

/// What somebody else said, on one line, without what was opened here.
pub(crate) fn shortened(said: &str) -> String {
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let hidden = agents::redact::redacted(&plain);
    hidden.chars().take(MAX_SAID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use workflow::notices::Password;

    use super::*;

    #[test]
    fn a_refusal_of_one_message_is_none_of_the_others() {
        for status in [450, 451, 452, 501, 550, 551, 552, 553, 554, 556] {
            assert!(!is_of_all(Some(status)), "{status}");
        }
        for status in [421, 454, 502, 530, 535] {
            assert!(is_of_all(Some(status)), "{status}");
        }
        assert!(is_of_all(None), "nobody answered");
    }

    fn by(port: u16) -> Mail {
        Mail {
            host: "localhost".to_owned(),
            port,
            tls: SmtpTls::None,
            user: String::new(),
            password: Password::None,
            from: "Weft <weft@example.org>".to_owned(),
        }
    }

    fn letter(to: &str) -> Letter<'_> {
        Letter {
            to,
            subject: "Wartet: Brief 👋 رسالة",
            text: "a\r\nb\n.\nc\n".to_owned(),
            id: "msg_1",
            unsubscribe: Some("https://weft.example/notices/unsubscribe?link=0123"),
        }
    }

    #[test]
    fn hosts_with_other_letters_than_ascii_are_written_as_they_are_looked_up() {
        let mail = Mail { from: "Weft <weft@bücher.example>".to_owned(), ..by(25) };
        let text = String::from_utf8(message(&mail, letter("anna@例え.jp")).unwrap().formatted()).unwrap();
        for expected in ["weft@xn--bcher-kva.example", "To: anna@xn--r8jz45g.jp", "<msg_1@xn--bcher-kva.example>"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(text.is_ascii(), "{text}");
    }

    #[tokio::test]
    async fn an_address_that_a_server_cannot_spell_holds_up_no_other_message() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mail = Mail { host: "127.0.0.1".to_owned(), ..by(listener.local_addr().unwrap().port()) };
        // It knows no extension.
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut command = [0; 512];
            socket.write_all(b"220 ready\r\n").await.unwrap();
            while matches!(socket.read(&mut command).await, Ok(n) if n > 0) {
                if socket.write_all(b"250 ok\r\n").await.is_err() {
                    break;
                }
            }
        };
        let sent = send(&mail, None, letter("zoë@example.org"), Duration::from_secs(10));
        let (sent, ()) = tokio::join!(sent, serve);
        let refused = sent.unwrap_err();
        assert!(!refused.is_servers && refused.status.is_none(), "{}", refused.said);
    }

    #[test]
    fn a_mail_has_its_headers_and_no_others() {
        let mail = by(25);
        let text = String::from_utf8(message(&mail, letter("anna@example.org")).unwrap().formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        for expected in [
            "Message-ID: <msg_1@example.org>",
            "List-Unsubscribe: <https://weft.example/notices/unsubscribe?link=0123>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(head.contains(expected), "{expected} in {head}");
        }
        assert!(head.contains("Subject: ") && head.contains("=?utf-8?b?"), "{head}");
        for wrong in ["", "anna", "anna@example.org\r\nBcc: x@example.org", "a@b.c, d@e.f"] {
            assert!(!message(&mail, letter(wrong)).unwrap_err().is_servers, "{wrong}");
        }
        let nobody = Mail { from: "nobody".to_owned(), ..mail };
        assert!(message(&nobody, letter("anna@example.org")).unwrap_err().is_servers);
    }
}
