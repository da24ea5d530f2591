//! SCRAM (RFC 5802, with SHA-256 after RFC 7677): the server's half of the exchange.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use super::SaslMechanism;
use super::credentials::Credentials;
use super::session::Denied;

/// The hash of a mechanism in ring's three guises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// What the server keeps of a password. It cannot be used to log in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verifier {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: i32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Hash {
    pub(super) fn of(mechanism: SaslMechanism) -> Option<Self> {
        match mechanism {
            SaslMechanism::Plain => None,
            SaslMechanism::ScramSha256 => Some(Self::Sha256),
            SaslMechanism::ScramSha512 => Some(Self::Sha512),
        }
    }

    /// `Hi` of the RFC. `iterations` must be bounded by the caller.
    pub(super) fn salted_password(
        self,
        password: &str,
        salt: &[u8],
        iterations: NonZeroU32,
    ) -> Vec<u8> {
        let (algorithm, bytes) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
        };
        let mut salted = vec![0; bytes];
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        salted
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }
}

impl Verifier {
    pub(super) fn new(hash: Hash, salted_password: &[u8], salt: Vec<u8>, iterations: i32) -> Self {
        let client_key = hash.hmac(salted_password, b"Client Key");
        let stored_key = hash.hash(&client_key);
        let server_key = hash.hmac(salted_password, b"Server Key");
        Self { salt, iterations, stored_key, server_key }
    }
}

/// An exchange between the client's two messages.
#[derive(Debug)]
pub(super) struct Exchange {
    hash: Hash,
    user: String,
    verifier: Verifier,
    nonce: String,
    /// The client's first message without its header, a comma, the server's first message.
    so_far: String,
}

impl Exchange {
    /// Takes the client's first message and appends to its nonce. Gives the server's first message too.
    pub(super) fn begin(
        hash: Hash,
        message: &[u8],
        users: &Credentials,
        server_nonce: &str,
    ) -> Result<(Self, String), Denied> {
        let first = parse_first(message).ok_or(Denied::Untold)?;
        if first.names_token() {
            return Err(Denied::Untold);
        }
        let user = first.name.replace("=2C", ",").replace("=3D", "=");
        let verifier = users.verifier(&user, hash).ok_or(Denied::Untold)?.clone();
        if !first.authorization.is_empty() && first.authorization != user {
            let reason = "Client requested an authorization id that is different from username";
            return Err(Denied::Told(format!("Authentication failed: {reason}")));
        }
        let nonce = format!("{}{server_nonce}", first.nonce);
        let (salt, iterations) = (STANDARD.encode(&verifier.salt), verifier.iterations);
        let answer = format!("r={nonce},s={salt},i={iterations}");
        let so_far = format!("n={},r={}{},{answer}", first.name, first.nonce, first.extensions);
        Ok((Self { hash, user, verifier, nonce, so_far }, answer))
    }

    /// Takes the client's final message. Gives the user and the server's final message.
    pub(super) fn finish(self, message: &[u8]) -> Result<(String, String), Denied> {
        let last = parse_final(message).ok_or(Denied::Untold)?;
        if last.nonce != self.nonce {
            return Err(Denied::Untold);
        }
        let Self { hash, verifier, .. } = &self;
        let binding = STANDARD.encode(last.binding);
        let signed = format!("{},c={binding},r={}", self.so_far, last.nonce);
        let signature = hash.hmac(&verifier.stored_key, signed.as_bytes());
        if last.proof.len() != signature.len() {
            return Err(Denied::Unanswered);
        }
        let pairs = signature.iter().zip(&last.proof);
        let client_key: Vec<u8> = pairs.map(|(signature, proof)| signature ^ proof).collect();
        let same = hash.hash(&client_key).ct_eq(&verifier.stored_key);
        if !bool::from(same) {
            return Err(Denied::Untold);
        }
        let proof = STANDARD.encode(hash.hmac(&verifier.server_key, signed.as_bytes()));
        Ok((self.user, format!("v={proof}")))
    }
}

struct First<'a> {
    authorization: &'a str,
    name: &'a str,
    nonce: &'a str,
    /// With the comma in front, or empty.
    extensions: &'a str,
}

impl First<'_> {
    /// Whether the name is that of a delegation token, of which there are none.
    fn names_token(&self) -> bool {
        let mut extensions = self.extensions.split(',').filter_map(|it| it.split_once('='));
        extensions.any(|(name, value)| name == "tokenauth" && value.eq_ignore_ascii_case("true"))
    }
}

/// `n,[a=authorization],[m=reserved,]n=name,r=nonce[,extensions]`; no channel binding, as in
/// Kafka.
fn parse_first(message: &[u8]) -> Option<First<'_>> {
    let text = std::str::from_utf8(message).ok().filter(|text| text.is_ascii())?;
    let (authorization, rest) = text.strip_prefix("n,")?.split_once(',')?;
    let authorization = match authorization {
        "" => "",
        named => named.strip_prefix("a=").filter(|name| is_name(name))?,
    };
    let rest = match rest.strip_prefix("m=") {
        Some(reserved) => reserved.split_once(',')?.1,
        None => rest,
    };
    let (name, rest) = rest.strip_prefix("n=")?.split_once(',')?;
    let rest = rest.strip_prefix("r=")?;
    let (nonce, extensions) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
    let well = is_name(name) && is_printable(nonce) && extensions_are_well(extensions);
    well.then_some(First { authorization, name, nonce, extensions })
}

struct Final<'a> {
    binding: Vec<u8>,
    nonce: &'a str,
    proof: Vec<u8>,
}

/// `c=binding,r=nonce[,extensions],p=proof`. The proof does not cover the extensions in Kafka.
fn parse_final(message: &[u8]) -> Option<Final<'_>> {
    let text = std::str::from_utf8(message).ok()?;
    let (binding, rest) = text.strip_prefix("c=")?.split_once(',')?;
    let (rest, proof) = rest.strip_prefix("r=")?.rsplit_once(",p=")?;
    let (nonce, extensions) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
    let (binding, proof) = (STANDARD.decode(binding).ok()?, STANDARD.decode(proof).ok()?);
    let well = is_printable(nonce) && extensions_are_well(extensions);
    well.then_some(Final { binding, nonce, proof })
}

/// Not empty; `=` only where it stands for a comma or itself.
fn is_name(name: &str) -> bool {
    let mut pieces = name.split('=');
    let head = pieces.next().is_some();
    let escapes = pieces.all(|piece| piece.starts_with("2C") || piece.starts_with("3D"));
    !name.is_empty() && head && escapes && !name.contains(['\0', ','])
}

fn is_printable(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

fn extensions_are_well(extensions: &str) -> bool {
    extensions.split(',').skip(1).all(|extension| {
        extension.split_once('=').is_some_and(|(name, value)| {
            let letters = name.bytes().all(|byte| byte.is_ascii_alphabetic());
            !name.is_empty() && letters && !value.is_empty()
        })
    })
}
