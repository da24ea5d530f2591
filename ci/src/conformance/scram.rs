//! The client's half of SCRAM (RFC 5802, RFC 7677), and its users.

use std::num::NonZeroU32;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, SaslAuthenticateResponse,
};
use ring::{digest, hmac, pbkdf2};

use super::connection::Connection;
use super::context::Context;
use super::names::{error, text};

/// The hash of the mechanism.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scram {
    Sha256,
    Sha512,
}

const SALT: &[u8] = b"salt of a user";

/// The nonce of every client here.
pub(crate) const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

impl Scram {
    /// The mechanism's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// The mechanism's number in requests.
    pub(crate) fn number(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    fn algorithm(self) -> (pbkdf2::Algorithm, hmac::Algorithm) {
        match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(self.algorithm().1, key);
        hmac::sign(&key, data).as_ref().to_vec()
    }

    fn salted(self, password: &str, salt: &[u8], iterations: u32) -> anyhow::Result<Vec<u8>> {
        let (algorithm, hash) = self.algorithm();
        let iterations = NonZeroU32::new(iterations).context("no iterations")?;
        let mut salted = vec![0; hash.digest_algorithm().output_len()];
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        Ok(salted)
    }

    /// A request's part that gives a user this password.
    pub(crate) fn upsertion(
        self,
        user: &str,
        password: &str,
        iterations: i32,
    ) -> anyhow::Result<ScramCredentialUpsertion> {
        let salted = self.salted(password, SALT, u32::try_from(iterations)?)?;
        Ok(ScramCredentialUpsertion::default()
            .with_name(text(user))
            .with_mechanism(self.number())
            .with_iterations(iterations)
            .with_salt(SALT.into())
            .with_salted_password(salted.into()))
    }

    /// A request's part that takes a user's password.
    pub(crate) fn deletion(self, user: &str) -> ScramCredentialDeletion {
        ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(self.number())
    }
}

/// What a client says in place of what is right.
#[derive(Debug, Default)]
pub(crate) struct Deviation<'a> {
    /// After the first message, with a comma in front.
    pub(crate) extensions: &'a str,
    /// In place of the channel binding `n,,`.
    pub(crate) binding: Option<&'a str>,
    /// In place of the server's nonce.
    pub(crate) nonce: Option<&'a str>,
    /// In place of the proof, in base 64.
    pub(crate) proof: Option<&'a str>,
}

/// Both messages of a client. What is wrong with the server's answers is an error.
pub(crate) fn exchange(
    connection: &mut Connection,
    scram: Scram,
    (user, password): (&str, &str),
    deviation: &Deviation<'_>,
) -> anyhow::Result<SaslAuthenticateResponse> {
    let user = user.replace('=', "=3D").replace(',', "=2C");
    let bare = format!("n={user},r={NONCE}{}", deviation.extensions);
    let first = connection.token(format!("n,,{bare}").as_bytes())?;
    if first.error_code != 0 {
        return Ok(first);
    }
    let challenge = std::str::from_utf8(&first.auth_bytes)?;
    let Some([nonce, salt, iterations]) = fields(challenge) else {
        bail!("the challenge {challenge}");
    };
    ensure!(nonce.starts_with(NONCE) && nonce.len() > NONCE.len(), "the nonce {nonce}");
    let salted = scram.salted(password, &STANDARD.decode(salt)?, iterations.parse()?)?;
    let binding = STANDARD.encode(deviation.binding.unwrap_or("n,,"));
    let without_proof = format!("c={binding},r={}", deviation.nonce.unwrap_or(nonce));
    let signed = format!("{bare},{challenge},{without_proof}");
    let client_key = scram.hmac(&salted, b"Client Key");
    let hash = scram.algorithm().1.digest_algorithm();
    let stored = digest::digest(hash, &client_key);
    let signature = scram.hmac(stored.as_ref(), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    let proof = deviation.proof.map_or_else(|| STANDARD.encode(proof), str::to_owned);
    let last = connection.token(format!("{without_proof},p={proof}").as_bytes())?;
    if last.error_code == 0 {
        let server_key = scram.hmac(&salted, b"Server Key");
        let signature = STANDARD.encode(scram.hmac(&server_key, signed.as_bytes()));
        let said = std::str::from_utf8(&last.auth_bytes)?;
        ensure!(said == format!("v={signature}"), "the server's signature is {said}");
    }
    Ok(last)
}

/// The values of a challenge: nonce, salt, iterations.
fn fields(challenge: &str) -> Option<[&str; 3]> {
    let (nonce, rest) = challenge.strip_prefix("r=")?.split_once(",s=")?;
    let (salt, iterations) = rest.split_once(",i=")?;
    Some([nonce, salt, iterations])
}

impl Context<'_> {
    /// Changes credentials.
    pub(crate) fn alter_credentials(
        &mut self,
        deletions: Vec<ScramCredentialDeletion>,
        upsertions: Vec<ScramCredentialUpsertion>,
    ) -> anyhow::Result<AlterUserScramCredentialsResponse> {
        let request = AlterUserScramCredentialsRequest::default();
        self.ask(1, 0, &request.with_deletions(deletions).with_upsertions(upsertions))
    }

    /// A new user of this case alone, whom broker 1 knows.
    pub(crate) fn scram_user(
        &mut self,
        scram: Scram,
        name: &str,
        password: &str,
    ) -> anyhow::Result<String> {
        let user = self.name(name);
        let credential = scram.upsertion(&user, password, 4096)?;
        let answer = self.alter_credentials(Vec::new(), vec![credential])?;
        let code = answer.results[0].error_code;
        ensure!(code == 0, "{user}: {}", error(code));
        self.comes_in(scram, &user, password)?;
        Ok(user)
    }

    /// Waits until broker 1 lets a user in by this password: it hears of users after a while.
    pub(crate) fn comes_in(
        &mut self,
        scram: Scram,
        user: &str,
        password: &str,
    ) -> anyhow::Result<()> {
        self.until(&format!("{user} comes in"), |c| {
            let mut connection = c.shake_hands(scram.name())?;
            let as_user = (user, password);
            let last = exchange(&mut connection, scram, as_user, &Deviation::default())?;
            Ok((last.error_code == 0).then_some(()))
        })
    }
}
