//! Mail that is due, and a test of how it is sent.

use std::time::Instant;

use rand::RngCore;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::notices::{
    Recipient,
    sending::{Channel, Claimed, Delivered, Lines, Outcome},
};
use workflow::{
    UserId,
    api::{NoticeTest, SmtpTls},
    notices::{Mail, Password},
};

use super::{MAX_MESSAGES, again};
use crate::{
    Notices,
    mail::{self, Letter, Refused, Taken},
    words::Message,
};

/// Messages in a row that a server refuses, each as none of the others, before the rest waits.
const MOST_REFUSED: u32 = 3;

/// What came of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Became {
    Sent,
    /// The next one may fare better.
    Refused,
    /// The next one would fare no better.
    Down,
}

/// A message about to go out, and to whom.
struct Ready<'a> {
    claimed: &'a Claimed,
    user: UserId,
    email: String,
    lines: Lines,
    content: bool,
}

impl Notices {
    /// The number of messages that were dealt with. While no mail can be sent, they wait, and do not hurry whoever sends them: of a server
    /// that is down, or knows another password, no more is asked than one message each look.
    pub(super) async fn send_mail(&self) -> store::Result<usize> {
        let (mail, stored) = self.mail().await?;
        if !mail.is_set_up() {
            return Ok(0);
        }
        let store = &self.0.store;
        let claimed = store.claim_notices(Channel::Mail, MAX_MESSAGES, self.0.options.pace.lease).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let password = self.password(&mail).await;
        let (mut is_down, mut n_done, mut n_refused) = (false, 0, 0);
        for one in &claimed {
            if is_down {
                // What was not tried is no attempt, and waits as long as what was.
                let pause = again(1, None).unwrap_or_default();
                store.give_back_notice(one.id, one.attempt, pause).await?;
                continue;
            }
            n_done += 1;
            let Recipient::Person(user) = one.to else {
                store.drop_notice(one.id, one.attempt).await?;
                continue;
            };
            let lines = store.lines_of(one.id).await?;
            let (Some(email), true) = (store.email_of(user).await?, lines.n > 0) else {
                store.drop_notice(one.id, one.attempt).await?;
                continue;
            };
            let ready = Ready { claimed: one, user, email, lines, content: stored.content };
            match self.send_one(&mail, &password, ready).await? {
                Became::Sent => n_refused = 0,
                Became::Refused => n_refused += 1,
                Became::Down => is_down = true,
            }
            // One after the other that is refused looks like all of them.
            is_down |= n_refused == MOST_REFUSED;
        }
        Ok(n_done)
    }

    async fn send_one(
        &self,
        mail: &Mail,
        password: &Result<Option<SecretString>, String>,
        ready: Ready<'_>,
    ) -> store::Result<Became> {
        let started = Instant::now();
        let Ready { claimed, user, email, lines, content } = ready;
        let sent = match password {
            Err(error) => Err(Refused::of_settings(error.as_str())),
            Ok(password) => {
                let unsubscribe = self.unsubscribe_link(user).await?;
                let base = self.0.options.base_url.as_str();
                let message = Message { kind: claimed.kind, lines: &lines, base, content };
                let text = format!(
                    "{}-- \nYou get this because somebody asks you to decide. What you are told, and where: {base}/account\n\
                     No mail about this any more: {unsubscribe}\n",
                    message.text()
                );
                let letter = Letter {
                    to: &email,
                    subject: &message.subject(),
                    text,
                    id: &crate::message_id(claimed.id),
                    unsubscribe: Some(&unsubscribe),
                };
                mail::send(mail, password.as_ref(), letter, self.0.options.pace.mail).await
            }
        };
        let took = started.elapsed();
        let (id, attempt) = (claimed.id, claimed.attempt);
        let (delivered, became) = match &sent {
            Ok(Taken { status, said }) => {
                let outcome = Outcome::Sent;
                (
                    Delivered { id, attempt, status: Some(*status), took, answer: Some(said.as_str()), outcome },
                    Became::Sent,
                )
            }
            Err(Refused { status, said, is_servers }) => {
                tracing::warn!(notice.id = %id, error = said.as_str(), "a mail was not sent");
                let outcome = Outcome::Failed { error: said, again: again(attempt, None) };
                let became = if *is_servers { Became::Down } else { Became::Refused };
                (Delivered { id, attempt, status: *status, took, answer: None, outcome }, became)
            }
        };
        self.0.store.delivered(&delivered).await?;
        Ok(became)
    }

    /// A new one in each mail: it changes one setting, and is known by its hash alone.
    async fn unsubscribe_link(&self, user: UserId) -> store::Result<String> {
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        let token = hex::encode(random);
        self.0.store.add_unsubscribe(user, &Sha256::digest(token.as_bytes()).into()).await?;
        // In the query, which no log has.
        Ok(format!("{}/notices/unsubscribe?link={token}", self.0.options.base_url))
    }

    /// What signs in at the mail server.
    async fn password(&self, mail: &Mail) -> Result<Option<SecretString>, String> {
        match &mail.password {
            Password::None => Ok(None),
            Password::Given => Ok(self.0.options.password.clone()),
            Password::Secret(name) => {
                // As admins name hosts of secrets: what is not encrypted is written as such.
                let scheme = if mail.tls == SmtpTls::None { "http" } else { "https" };
                self.0.passwords.open(name, scheme, &mail.host.to_ascii_lowercase(), mail.port).await.map(Some)
            }
        }
    }

    /// A mail by what is saved, to whoever tries it.
    pub async fn test_mail(&self, to: &str) -> NoticeTest {
        let failed = |said: String| NoticeTest { is_sent: false, said };
        let mail = match self.mail().await {
            Ok((mail, _)) => mail,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "settings of notices could not be read");
                return failed("The settings could not be read: try again in a moment".to_owned());
            }
        };
        if !mail.is_set_up() {
            return failed("Give a server and a sender first".to_owned());
        }
        let password = match self.password(&mail).await {
            Ok(password) => password,
            Err(error) => return failed(error),
        };
        let text = format!("This is a test. {} can send mail.\n", self.0.options.base_url);
        let id = format!("test_{}", uuid::Uuid::from_u128(rand::random()).simple());
        let letter = Letter { to, subject: "A test from Weft", text, id: &id, unsubscribe: None };
        match mail::send(&mail, password.as_ref(), letter, self.0.options.pace.mail).await {
            Ok(Taken { status, said }) => NoticeTest { is_sent: true, said: format!("{status} {said}") },
            Err(Refused { said, .. }) => failed(said),
        }
    }
}
