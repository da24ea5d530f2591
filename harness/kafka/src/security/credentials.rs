//! The users of a cluster and what is known of their passwords.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use subtle::ConstantTimeEq;

use super::User;
use super::scram::{Hash, Verifier};

/// The fewest and most iterations that Kafka allows; new users get the fewest.
pub(super) const ITERATIONS_MIN: i32 = 4_096;
pub(super) const ITERATIONS_MAX: i32 = 16_384;

const SALT_BYTES: usize = 16;

/// Characters of a nonce. 26 digits of base 36 are 134 bits.
const NONCE_DIGITS: usize = 26;

/// Passwords for PLAIN, verifiers for SCRAM. As in Kafka the two are apart: requests change only
/// the verifiers.
#[derive(Debug)]
pub(crate) struct Credentials {
    passwords: BTreeMap<String, String>,
    pub(super) verifiers: BTreeMap<(String, Hash), Verifier>,
    random: ChaCha8Rng,
}

impl Credentials {
    /// Nonces and salts follow from `seed`.
    pub(crate) fn new(users: &[User], seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // A stream of its own: ids and member ids come from the same seed.
        random.set_stream(1);
        let mut verifiers = BTreeMap::new();
        for user in users {
            for hash in [Hash::Sha256, Hash::Sha512] {
                let mut salt = vec![0; SALT_BYTES];
                random.fill_bytes(&mut salt);
                let iterations = NonZeroU32::MIN.saturating_add(ITERATIONS_MIN as u32 - 1);
                let salted = hash.salted_password(&user.password, &salt, iterations);
                let verifier = Verifier::new(hash, &salted, salt, ITERATIONS_MIN);
                verifiers.insert((user.name.clone(), hash), verifier);
            }
        }
        let passwords = users.iter().map(|user| (user.name.clone(), user.password.clone()));
        Self { passwords: passwords.collect(), verifiers, random }
    }

    /// Whether this is the user's password. Takes as long for a password that is nearly right.
    pub(super) fn has_password(&self, user: &str, password: &str) -> bool {
        let known = self.passwords.get(user);
        known.is_some_and(|known| known.as_bytes().ct_eq(password.as_bytes()).into())
    }

    pub(super) fn verifier(&self, user: &str, hash: Hash) -> Option<&Verifier> {
        self.verifiers.get(&(user.to_owned(), hash))
    }

    /// The server's part of a nonce.
    pub(super) fn nonce(&mut self) -> String {
        let mut random = [0; NONCE_DIGITS];
        self.random.fill_bytes(&mut random);
        random
            .iter()
            .map(|byte| char::from_digit(u32::from(byte % 36), 36).unwrap_or('0'))
            .collect()
    }
}
