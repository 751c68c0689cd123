//! Posts that are due, and a test of an address. Addresses side by side, the messages of one after the other: one that is down is tried
//! with one message at a time.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime},
};

use futures::future::join_all;
use store::notices::{
    Recipient,
    addresses::StoredAddress,
    sending::{Channel, Claimed, Delivered, Outcome},
};
use workflow::{
    api::NoticeTest,
    id::{NoticeAddressId, NoticeId},
};

use super::{MAX_MESSAGES, again};
use crate::{
    Notices,
    post::{self, Posted},
    words::Message,
};

impl Notices {
    /// The number of messages that were dealt with; those that wait for an address that is down hurry nobody.
    pub(super) async fn send_posts(&self) -> store::Result<usize> {
        let store = &self.0.store;
        let claimed = store.claim_notices(Channel::Addresses, MAX_MESSAGES, self.0.options.pace.lease).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let content = store.notice_settings().await?.content;
        let mut by_address: BTreeMap<NoticeAddressId, Vec<Claimed>> = BTreeMap::new();
        for one in claimed {
            match one.to {
                Recipient::Address(address) => by_address.entry(address).or_default().push(one),
                Recipient::Person(_) => store.drop_notice(one.id, one.attempt).await?,
            }
        }
        let addresses = by_address.into_iter().map(|(address, messages)| self.post_all(address, messages, content));
        let mut n_done = 0;
        for done in join_all(addresses).await {
            n_done += done?;
        }
        Ok(n_done)
    }

    async fn post_all(&self, id: NoticeAddressId, messages: Vec<Claimed>, content: bool) -> store::Result<usize> {
        let store = &self.0.store;
        let address = store.stored_address(id).await?.filter(|address| !address.is_disabled);
        let (mut is_down, mut n_done) = (false, 0);
        for one in messages {
            let Some(address) = &address else {
                store.drop_notice(one.id, one.attempt).await?;
                n_done += 1;
                continue;
            };
            if is_down {
                store.give_back_notice(one.id, one.attempt, again(1, None).unwrap_or_default()).await?;
                continue;
            }
            n_done += 1;
            is_down = self.post_one(address, &one, content).await?;
        }
        Ok(n_done)
    }

    /// True: the next one would fare no better.
    async fn post_one(&self, address: &StoredAddress, one: &Claimed, content: bool) -> store::Result<bool> {
        let store = &self.0.store;
        let lines = store.lines_of(one.id).await?;
        if lines.n == 0 {
            store.drop_notice(one.id, one.attempt).await?;
            return Ok(false);
        }
        let started = Instant::now();
        let posted = match post::open(address, &self.0.options.keys) {
            Err(refused) => refused,
            Ok(target) => {
                let base = self.0.options.base_url.as_str();
                let message = Message { kind: one.kind, lines: &lines, base, content };
                let now = SystemTime::now();
                let body = post::body(address.kind, &message, now);
                post::post(&self.0.outbound, &target, &crate::message_id(one.id), &body, now).await
            }
        };
        let outcome = match &posted.error {
            None => Outcome::Sent,
            Some(error) => {
                tracing::warn!(notice.id = %one.id, address.id = %address.id, error = error.as_str(), "a notice was not posted");
                Outcome::Failed { error, again: again(one.attempt, posted.retry_after) }
            }
        };
        let delivered = Delivered {
            id: one.id,
            attempt: one.attempt,
            status: posted.status,
            took: started.elapsed(),
            answer: posted.answer.as_deref(),
            outcome,
        };
        if store.delivered(&delivered).await? {
            tracing::error!(address.id = %address.id, "an address is given up after failures only: an admin switches it on again");
            return Ok(true);
        }
        Ok(posted.is_silent)
    }

    /// A message that says that it is a test. It counts for nothing: neither as a failure nor as a success.
    pub async fn test_address(&self, id: NoticeAddressId) -> NoticeTest {
        let failed = |said: &str| NoticeTest { is_sent: false, said: said.to_owned() };
        let address = match self.0.store.stored_address(id).await {
            Ok(Some(address)) => address,
            Ok(None) => return failed("The address is gone"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an address of notices could not be read");
                return failed("The address could not be read: try again in a moment");
            }
        };
        let posted = match post::open(&address, &self.0.options.keys) {
            Err(refused) => refused,
            Ok(target) => {
                let now = SystemTime::now();
                let message = NoticeId(uuid::Uuid::from_u128(rand::random()));
                let body = post::test_body(address.kind, now);
                post::post(&self.0.outbound, &target, &crate::message_id(message), &body, now).await
            }
        };
        let Posted { status, answer, error, .. } = posted;
        let is_sent = error.is_none();
        let said = [error, status.filter(|_| is_sent).map(|status| status.to_string()), answer];
        NoticeTest { is_sent, said: said.into_iter().flatten().collect::<Vec<_>>().join(" ") }
    }
}
