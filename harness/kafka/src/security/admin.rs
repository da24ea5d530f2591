//! SCRAM credentials changed and described by requests (KIP-554).

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::Credentials;
use super::credentials::{ITERATIONS_MAX, ITERATIONS_MIN};
use super::scram::{Hash, Verifier};

/// Bounds that Kafka does not have: credentials in all, bytes of a name, bytes of a salt.
const CREDENTIALS_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 1_024;
const SALT_BYTES_MAX: usize = 1_024;

type Refusal = (ResponseError, &'static str);

enum Change {
    Delete((String, Hash)),
    Insert((String, Hash), Verifier),
}

impl Credentials {
    /// Sets and deletes credentials; each user at most once in a request.
    pub(crate) fn alter(
        &mut self,
        request: AlterUserScramCredentialsRequest,
    ) -> AlterUserScramCredentialsResponse {
        let mut outcomes: BTreeMap<StrBytes, Result<Change, Refusal>> = BTreeMap::new();
        let deletions = request.deletions.into_iter();
        let deletions = deletions.map(|one| (one.name.clone(), self.deletion(&one)));
        let upsertions = request.upsertions.into_iter();
        let upsertions = upsertions.map(|one| (one.name.clone(), self.upsertion(&one)));
        for (name, outcome) in deletions.chain(upsertions) {
            let twice = "A user credential cannot be altered twice in the same request";
            let outcome = match outcomes.remove(&name) {
                None => outcome,
                Some(Ok(_)) => Err((ResponseError::DuplicateResource, twice)),
                // What was refused before stays so, for its first reason.
                Some(refused) => refused,
            };
            outcomes.insert(name, outcome);
        }
        // As Kafka tells of them: what is deleted, what is set, what is refused.
        let mut outcomes: Vec<_> = outcomes.into_iter().collect();
        outcomes.sort_by_key(|(_, outcome)| match outcome {
            Ok(Change::Delete(_)) => 0,
            Ok(Change::Insert(..)) => 1,
            Err(_) => 2,
        });
        let results = outcomes.into_iter().map(|(user, outcome)| {
            let result = AlterUserScramCredentialsResult::default().with_user(user);
            match outcome.and_then(|change| self.apply(change)) {
                Ok(()) => result.with_error_message(None),
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_static_str(message))),
            }
        });
        AlterUserScramCredentialsResponse::default().with_results(results.collect())
    }

    fn deletion(&self, one: &ScramCredentialDeletion) -> Result<Change, Refusal> {
        let key = key(&one.name, one.mechanism)?;
        let absent = "Attempt to delete a user credential that does not exist";
        match self.verifiers.contains_key(&key) {
            true => Ok(Change::Delete(key)),
            false => Err((ResponseError::ResourceNotFound, absent)),
        }
    }

    fn upsertion(&self, one: &ScramCredentialUpsertion) -> Result<Change, Refusal> {
        let key = key(&one.name, one.mechanism)?;
        let refused = |reason| Err((ResponseError::UnacceptableCredential, reason));
        if one.iterations < ITERATIONS_MIN {
            return refused("Too few iterations");
        }
        if one.iterations > ITERATIONS_MAX {
            return refused("Too many iterations");
        }
        if one.name.len() > NAME_BYTES_MAX || one.salt.len() > SALT_BYTES_MAX {
            return refused("Name or salt too long");
        }
        let salt = one.salt.to_vec();
        let verifier = Verifier::new(key.1, &one.salted_password, salt, one.iterations);
        Ok(Change::Insert(key, verifier))
    }

    fn apply(&mut self, change: Change) -> Result<(), Refusal> {
        match change {
            Change::Delete(key) => {
                self.verifiers.remove(&key);
            }
            Change::Insert(key, verifier) => {
                if self.verifiers.len() >= CREDENTIALS_MAX && !self.verifiers.contains_key(&key) {
                    return Err((ResponseError::PolicyViolation, "Too many credentials"));
                }
                self.verifiers.insert(key, verifier);
            }
        }
        Ok(())
    }

    /// The mechanisms and iterations of users; of all for no names.
    pub(crate) fn describe(
        &self,
        request: DescribeUserScramCredentialsRequest,
    ) -> DescribeUserScramCredentialsResponse {
        let asked = request.users.unwrap_or_default();
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for user in &asked {
            *users.entry(user.name.to_string()).or_default() += 1;
        }
        if asked.is_empty() {
            users = self.verifiers.keys().map(|(user, _)| (user.clone(), 1)).collect();
        }
        let results = users.into_iter().map(|(user, times)| self.describe_user(user, times));
        DescribeUserScramCredentialsResponse::default().with_results(results.collect())
    }

    fn describe_user(&self, user: String, times: usize) -> DescribeUserScramCredentialsResult {
        let infos: Vec<CredentialInfo> = [(1, Hash::Sha256), (2, Hash::Sha512)]
            .into_iter()
            .filter_map(|(mechanism, hash)| {
                let iterations = self.verifier(&user, hash)?.iterations;
                let info = CredentialInfo::default().with_mechanism(mechanism);
                Some(info.with_iterations(iterations))
            })
            .collect();
        let refusal = match times {
            2.. => Some((
                ResponseError::DuplicateResource,
                "Cannot describe SCRAM credentials for the same user twice in a single request: ",
            )),
            _ if infos.is_empty() => Some((
                ResponseError::ResourceNotFound,
                "Attempt to describe a user credential that does not exist: ",
            )),
            _ => None,
        };
        let result = DescribeUserScramCredentialsResult::default();
        match refusal {
            None => result.with_credential_infos(infos),
            Some((error, message)) => result
                .with_error_code(error.code())
                .with_error_message(Some(StrBytes::from_string(format!("{message}{user}")))),
        }
        .with_user(StrBytes::from_string(user))
    }
}

fn key(name: &str, mechanism: i8) -> Result<(String, Hash), Refusal> {
    if name.is_empty() {
        return Err((ResponseError::UnacceptableCredential, "Username must not be empty"));
    }
    let hash = match mechanism {
        1 => Hash::Sha256,
        2 => Hash::Sha512,
        _ => {
            return Err((ResponseError::UnsupportedSaslMechanism, "Unknown SCRAM mechanism"));
        }
    };
    Ok((name.to_owned(), hash))
}
