//! argon2 in memory that is kept from one hash to the next. An allocator that gets 19 MiB back from ever other threads keeps them for
//! each of these threads: the process would grow with every burst of sign-ins and never shrink.
//! Must never be handed out more often at a time than hashes have turns: then no more than these are ever there.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self, CustomizedPasswordHasher, PasswordHasher,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

/// OWASP's minimum for argon2id.
pub(super) const MEMORY_KIB: u32 = 19_456;
pub(super) const ITERATIONS: u32 = 2;
pub(super) const LANES: u32 = 1;
/// Blocks of a KiB that are kept. A stored hash may want more; what it took is given back.
const N_KEPT: usize = MEMORY_KIB as usize;

/// What is not in use.
#[derive(Clone, Default)]
pub(super) struct Memories(Arc<Mutex<Vec<Vec<Block>>>>);

/// The memory of one hash; kept for the next one when dropped. It is a hasher with today's parameters, and checks hashes with theirs.
pub(super) struct Memory {
    blocks: RefCell<Vec<Block>>,
    memories: Memories,
}

impl Memories {
    pub(super) fn take(&self) -> Memory {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Memory { blocks: RefCell::new(blocks), memories: self.clone() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let blocks = self.blocks.take();
        if (1..=N_KEPT).contains(&blocks.len()) {
            self.memories.0.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        }
    }
}

impl PasswordHasher<PasswordHash> for Memory {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> password_hash::Result<PasswordHash> {
        let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None)?;
        self.hash_password_customized(password, salt, None, None, params)
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Memory {
    type Params = Params;

    /// As argon2's own does it, but for where the memory comes from.
    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or(Algorithm::Argon2id);
        let version = version.map(Version::try_from).transpose()?.unwrap_or(Version::V0x13);
        let salt = Salt::new(salt)?;
        let params_text = ParamsString::try_from(&params)?;
        let mut buffer = [0; Output::MAX_LENGTH];
        let n_bytes = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = buffer.get_mut(..n_bytes).ok_or(password_hash::Error::OutputSize)?;
        // What an earlier hash left in there is written over before it is read.
        let mut blocks = self.blocks.borrow_mut();
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, &salt, output, blocks.as_mut_slice())?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: params_text,
            salt: Some(salt),
            hash: Some(Output::new(output)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;

    use super::*;

    #[test]
    fn hashes_in_used_memory_are_those_of_argon2_and_only_so_much_is_kept() {
        let memories = Memories::default();
        for (kib, algorithm, version) in [
            (64, Algorithm::Argon2id, Version::V0x13),
            (8, Algorithm::Argon2i, Version::V0x10),
            (MEMORY_KIB, Algorithm::Argon2id, Version::V0x13),
            (32, Algorithm::Argon2d, Version::V0x13),
        ] {
            let plain = Argon2::new(algorithm, version, Params::new(kib, 1, 1, None).unwrap());
            let hash: PasswordHash = plain.hash_password(b"one").unwrap();
            let memory = memories.take();
            assert!(memory.verify_password(b"one", &hash).is_ok(), "{hash}");
            assert!(memory.verify_password(b"two", &hash).is_err(), "{hash}");
            let ours: PasswordHash = memory.hash_password(b"one").unwrap();
            assert!(Argon2::default().verify_password(b"one", &ours).is_ok(), "{ours}");
        }
        let kept = || memories.0.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(kept(), [N_KEPT]);
        let costly = Params::new(MEMORY_KIB + 8, 1, 1, None).unwrap();
        memories.take().hash_password_customized(b"one", b"some salt", None, None, costly).unwrap();
        assert_eq!(kept(), Vec::<usize>::new());
    }
}
