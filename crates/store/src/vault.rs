//! How the values of secrets are kept: encrypted with AES-256-GCM under a key that is nowhere in the database. What a value belongs to
//! (its name, and the hosts that it may be sent to) is authenticated with it, so that whoever can write rows can neither send it
//! elsewhere nor put one secret in the place of another.
//! Must never print a key or a value, and never seal under a key but the first.

use std::{collections::BTreeSet, fmt, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroize};
use sha2::{Digest, Sha256};
use workflow::SecretName;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Keys at a time: the one that seals, and those that were before it.
const MAX_KEYS: usize = 8;
/// What is authenticated begins with it, so that a value of another kind can never be taken for one of these.
const CONTEXT: &[u8] = b"weft.secret.1";
/// Of the hash of a key: a key is 256 random bits, so it tells nothing.
const ID_CONTEXT: &[u8] = b"weft.secret-key-id.1";
const ID_BYTES: usize = 8;

/// One key, and the name that follows from it.
struct Key {
    id: String,
    cipher: RandomizedNonceKey,
}

/// The keys of this process. The first seals; all open. Clones share them.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<[Key]>);

/// Why a text holds no keys. It does not repeat the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadKeys {
    #[error("there is no key in it")]
    None,
    #[error("key {n} is none: a key is 64 hexadecimal digits, as `weft secret new-key` prints one")]
    NoKey { n: usize },
    #[error("key {n} is not random: make one with `weft secret new-key`")]
    NotRandom { n: usize },
    #[error("key {n} is there twice")]
    Twice { n: usize },
    #[error("there are more than 8 keys in it: take out those under which nothing is kept any more")]
    TooMany,
}

/// What a value is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound<'a> {
    pub name: &'a SecretName,
    pub hosts: &'a [String],
}

/// A value as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    pub key_id: String,
    pub nonce: [u8; NONCE_LEN],
    /// The ciphertext, and the tag behind it.
    pub bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VaultError {
    #[error("this process has no key for secrets")]
    NoKeys,
    /// The value is under a key that is not here.
    #[error("the key {id} is not among those of this process")]
    UnknownKey { id: String },
    #[error("a secret could not be encrypted")]
    NotSealed,
    /// Somebody changed the row, or moved the value there from another.
    #[error("a stored secret is not what was encrypted")]
    Forged,
}

impl KeyRing {
    /// Keys with white space or commas between. What follows a `#` in a line is for people.
    pub fn read(text: &str) -> Result<Self, BadKeys> {
        let words = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(before, _)| before))
            .flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ','))
            .filter(|word| !word.is_empty());
        let (mut keys, mut known): (Vec<Key>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
        for (n, word) in words.enumerate().map(|(n, word)| (n + 1, word)) {
            if n > MAX_KEYS {
                return Err(BadKeys::TooMany);
            }
            let key = read_key(word, n)?;
            if !known.insert(key.id.clone()) {
                return Err(BadKeys::Twice { n });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(BadKeys::None) } else { Ok(Self(keys.into())) }
    }

    /// The name of the key that seals; none where there is no key.
    pub fn current(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    pub fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    pub fn seal(&self, bound: Bound<'_>, value: &SecretString) -> Result<Sealed, VaultError> {
        let key = self.0.first().ok_or(VaultError::NoKeys)?;
        let value = value.expose_secret().as_bytes();
        // Room for the tag, so that the value is not left behind where the buffer was before it grew.
        let mut bytes = Vec::with_capacity(value.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(value);
        let sealed = key.cipher.seal_in_place_append_tag(Aad::from(authenticated(bound)), &mut bytes);
        let Ok(nonce) = sealed else {
            bytes.zeroize();
            return Err(VaultError::NotSealed);
        };
        Ok(Sealed { key_id: key.id.clone(), nonce: *nonce.as_ref(), bytes })
    }

    pub fn open(&self, bound: Bound<'_>, sealed: &Sealed) -> Result<SecretString, VaultError> {
        if self.0.is_empty() {
            return Err(VaultError::NoKeys);
        }
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| VaultError::UnknownKey { id: sealed.key_id.clone() })?;
        let mut bytes = sealed.bytes.clone();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let opened = key.cipher.open_in_place(nonce, Aad::from(authenticated(bound)), &mut bytes);
        let value = match opened {
            Ok(value) => std::str::from_utf8(value).ok().map(|text| SecretString::from(text.to_owned())),
            Err(_) => None,
        };
        bytes.zeroize();
        value.ok_or(VaultError::Forged)
    }
}

/// The names of the keys, never these.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

fn read_key(word: &str, n: usize) -> Result<Key, BadKeys> {
    let mut bytes = [0; KEY_BYTES];
    hex::decode_to_slice(word, &mut bytes).map_err(|_| BadKeys::NoKey { n })?;
    let is_one_byte = bytes.iter().all(|byte| *byte == bytes[0]);
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, &bytes);
    let hash: [u8; 32] = Sha256::new().chain_update(ID_CONTEXT).chain_update(bytes.as_slice()).finalize().into();
    let id = hex::encode(&hash[..ID_BYTES]);
    bytes.zeroize();
    if is_one_byte {
        return Err(BadKeys::NotRandom { n });
    }
    Ok(Key { id, cipher: cipher.map_err(|_| BadKeys::NoKey { n })? })
}

/// Each part with its length before it, so that no two lists look alike.
fn authenticated(bound: Bound<'_>) -> Vec<u8> {
    let mut text = CONTEXT.to_vec();
    for part in std::iter::once(bound.name.as_str()).chain(bound.hosts.iter().map(String::as_str)) {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn ring(text: &str) -> KeyRing {
        KeyRing::read(text).unwrap()
    }

    fn value() -> SecretString {
        "c4n4ry-c4n4ry".to_owned().into()
    }

    #[test]
    fn keys_are_read_and_never_repeated() {
        let (twice, zeros) = (format!("{ONE}, {ONE}"), "0".repeat(64));
        let many: Vec<String> = (1..=9).map(|n| format!("{n}{}", &ONE[1..])).collect();
        let many = many.join(" ");
        let table: [(&str, BadKeys); 7] = [
            ("", BadKeys::None),
            ("# 00", BadKeys::None),
            ("c4n4ry", BadKeys::NoKey { n: 1 }),
            (&ONE[1..], BadKeys::NoKey { n: 1 }),
            (&twice, BadKeys::Twice { n: 2 }),
            (&zeros, BadKeys::NotRandom { n: 1 }),
            (&many, BadKeys::TooMany),
        ];
        for (text, bad) in table {
            let told = KeyRing::read(text).unwrap_err();
            assert_eq!(told, bad, "{text}");
            assert!(!told.to_string().contains("c4n4ry"));
        }
        let both = ring(&format!("{OTHER} # from May on\n\n{ONE}\n"));
        assert_eq!(both.current(), ring(OTHER).current());
        assert!(both.knows(ring(ONE).current().unwrap()) && !ring(ONE).knows(ring(OTHER).current().unwrap()));
        let shown = format!("{both:?}");
        assert!(!shown.contains(&ONE[..8]) && !shown.contains(&OTHER[..8]), "{shown}");
        assert_eq!(ring(&ONE.to_uppercase()).current(), ring(ONE).current());
    }

    #[test]
    fn a_value_comes_back_whole_and_is_never_sealed_the_same_way_twice() {
        let (keys, name, hosts) = (ring(ONE), SecretName::from("github"), ["api.example".to_owned()]);
        let bound = Bound { name: &name, hosts: &hosts };
        for text in ["", "x", "päss\nwörd", &"long".repeat(2_000)] {
            let sealed = keys.seal(bound, &text.to_owned().into()).unwrap();
            assert_eq!(keys.open(bound, &sealed).unwrap().expose_secret(), text);
            assert_eq!(sealed.bytes.len(), text.len() + 16);
        }
        let (one, two) = (keys.seal(bound, &value()).unwrap(), keys.seal(bound, &value()).unwrap());
        assert!(one.nonce != two.nonce && one.bytes != two.bytes);
        assert!(!format!("{one:?}").contains("c4n4ry"));
    }

    #[test]
    fn what_was_changed_or_moved_opens_nowhere() {
        let (keys, name, hosts) = (ring(ONE), SecretName::from("github"), ["a.example".to_owned()]);
        let bound = Bound { name: &name, hosts: &hosts };
        let sealed = keys.seal(bound, &value()).unwrap();
        let other = SecretName::from("gitlab");
        for (what, bound) in [
            ("another name", Bound { name: &other, hosts: &hosts }),
            ("another host", Bound { name: &name, hosts: &["evil.example".to_owned()] }),
            ("one more host", Bound { name: &name, hosts: &["a.example".to_owned(), "evil.example".to_owned()] }),
            ("no host", Bound { name: &name, hosts: &[] }),
            ("parts that join", Bound { name: &"githuba".into(), hosts: &[".example".to_owned()] }),
        ] {
            assert_eq!(keys.open(bound, &sealed).unwrap_err(), VaultError::Forged, "{what}");
        }
        for n in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[n] ^= 1;
            assert_eq!(keys.open(bound, &changed).unwrap_err(), VaultError::Forged, "byte {n}");
        }
        let mut changed = sealed.clone();
        changed.nonce[0] ^= 1;
        assert_eq!(keys.open(bound, &changed).unwrap_err(), VaultError::Forged);
        let mut short = sealed;
        short.bytes.truncate(8);
        assert_eq!(keys.open(bound, &short).unwrap_err(), VaultError::Forged);
    }

    #[test]
    fn a_key_that_is_not_here_is_named_and_one_that_is_old_still_opens() {
        let (name, hosts): (SecretName, [String; 0]) = ("github".into(), []);
        let bound = Bound { name: &name, hosts: &hosts };
        let sealed = ring(ONE).seal(bound, &value()).unwrap();
        let unknown = VaultError::UnknownKey { id: ring(ONE).current().unwrap().to_owned() };
        assert_eq!(ring(OTHER).open(bound, &sealed).unwrap_err(), unknown);
        let both = ring(&format!("{OTHER}\n{ONE}"));
        assert_eq!(both.open(bound, &sealed).unwrap().expose_secret(), value().expose_secret());
        assert_eq!(both.seal(bound, &value()).unwrap().key_id, both.current().unwrap());
        // Under the name of another key it is still not its own.
        let renamed = Sealed { key_id: both.current().unwrap().to_owned(), ..sealed };
        assert_eq!(both.open(bound, &renamed).unwrap_err(), VaultError::Forged);
        assert_eq!(KeyRing::default().open(bound, &renamed).unwrap_err(), VaultError::NoKeys);
        assert_eq!(KeyRing::default().seal(bound, &value()).unwrap_err(), VaultError::NoKeys);
    }
}
