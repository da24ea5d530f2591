//! Credentials for SCRAM, changed and described by requests (KIP-554).

use anyhow::ensure;
use kafka_protocol::messages::DescribeUserScramCredentialsRequest;
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;

use super::{Case, case};
use crate::conformance::context::Context;
use crate::conformance::names::{error, text};
use crate::conformance::sasl::said;
use crate::conformance::scram::Scram::{Sha256, Sha512};

/// What is said of a user: an error, or the credentials.
fn words(user: &DescribeUserScramCredentialsResult) -> String {
    let message = said(user.error_message.as_deref());
    let infos = user.credential_infos.iter();
    let mut infos: Vec<_> = infos.map(|info| (info.mechanism, info.iterations)).collect();
    infos.sort_unstable();
    format!("{} {}{message} {infos:?}", &*user.user, error(user.error_code))
}

/// What is said of a change.
fn altered(result: &AlterUserScramCredentialsResult) -> String {
    let message = said(result.error_message.as_deref());
    format!("{} {}{message}", &*result.user, error(result.error_code))
}

/// What is said of these users, of all for `None`, by name.
fn described(
    c: &mut Context<'_>,
    users: Option<&[&str]>,
) -> anyhow::Result<Vec<DescribeUserScramCredentialsResult>> {
    let name = |name: &&str| UserName::default().with_name(text(name));
    let users = users.map(|users| users.iter().map(name).collect());
    let answer = c.ask(1, 0, &DescribeUserScramCredentialsRequest::default().with_users(users))?;
    ensure!(answer.error_code == 0, "{}", error(answer.error_code));
    ensure!(answer.error_message.as_deref() == Some(""), "says {:?}", answer.error_message);
    let mut results = answer.results;
    results.sort_by(|one, other| one.user.cmp(&other.user));
    Ok(results)
}

fn describe(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha512, "user", "secret")?;
    c.alter_credentials(Vec::new(), vec![Sha256.upsertion(&user, "secret", 8192)?])?;
    c.comes_in(Sha256, &user, "secret")?;
    for result in described(c, Some(&[&user, "nobody", "twice", "twice", ""]))? {
        c.see(words(&result));
    }
    for users in [None, Some(&[][..])] {
        let all = described(c, users)?;
        let own = all.iter().filter(|result| *result.user == *user);
        let own: Vec<String> = own.map(words).collect();
        own.into_iter().for_each(|line| c.see(line));
    }
    Ok(())
}

fn alter(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    let upsertion = |name: &str, iterations| {
        let right = Sha256.upsertion(name, "secret", 4096)?;
        anyhow::Ok(right.with_iterations(iterations))
    };
    let deletions = vec![
        Sha256.deletion(&user),
        Sha512.deletion("nobody"),
        Sha256.deletion("nobody at all"),
        Sha256.deletion("nobody at all"),
        Sha256.deletion("nobody who is made"),
        Sha256.deletion("odd").with_mechanism(0),
    ];
    let upsertions = vec![
        upsertion(&user, 4096)?,
        upsertion("", 4096)?,
        upsertion("few", 4095)?,
        upsertion("many", 16_385)?,
        upsertion("odd one", 4096)?.with_mechanism(3),
        upsertion("nobody who is made", 4096)?,
        upsertion("few and twice", 4095)?,
        upsertion("few and twice", 4096)?,
    ];
    let answer = c.alter_credentials(deletions, upsertions)?;
    let mut results = answer.results;
    results.sort_by(|one, other| one.user.cmp(&other.user));
    results.iter().for_each(|result| c.see(altered(result)));
    // What was refused has changed nothing.
    c.comes_in(Sha256, &user, "secret")
}

fn done(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    let other = Sha512.upsertion(&c.name("other"), "secret", 16_384)?;
    let answer = c.alter_credentials(vec![Sha256.deletion(&user)], vec![other])?;
    answer.results.iter().for_each(|result| c.see(altered(result)));
    Ok(())
}

fn twice(c: &mut Context<'_>) -> anyhow::Result<()> {
    let name = c.name("new");
    let twice = vec![Sha256.upsertion(&name, "one", 4096)?, Sha512.upsertion(&name, "two", 4096)?];
    let answer = c.alter_credentials(Vec::new(), twice)?;
    answer.results.iter().for_each(|result| c.see(altered(result)));
    for result in described(c, Some(&[&name]))? {
        c.see(words(&result));
    }
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "credentials/described",
        describe,
        &[
            " RESOURCE_NOT_FOUND: Attempt to describe a user credential that does not exist:  []",
            "nobody RESOURCE_NOT_FOUND: Attempt to describe a user credential that does not exist: \
             nobody []",
            "twice DUPLICATE_RESOURCE: Cannot describe SCRAM credentials for the same user twice \
             in a single request: twice []",
            "user NONE [(1, 8192), (2, 4096)]",
            "user NONE [(1, 8192), (2, 4096)]",
            "user NONE [(1, 8192), (2, 4096)]",
        ],
    ),
    case("credentials/changes that are made", done, &["user NONE: null", "other NONE: null"]),
    case(
        "credentials/changes that are refused",
        alter,
        &[
            " UNACCEPTABLE_CREDENTIAL: Username must not be empty",
            "few UNACCEPTABLE_CREDENTIAL: Too few iterations",
            "few and twice UNACCEPTABLE_CREDENTIAL: Too few iterations",
            "many UNACCEPTABLE_CREDENTIAL: Too many iterations",
            "nobody RESOURCE_NOT_FOUND: Attempt to delete a user credential that does not exist",
            "nobody at all RESOURCE_NOT_FOUND: Attempt to delete a user credential that does not exist",
            "nobody who is made RESOURCE_NOT_FOUND: Attempt to delete a user credential that does \
             not exist",
            "odd UNSUPPORTED_SASL_MECHANISM: Unknown SCRAM mechanism",
            "odd one UNSUPPORTED_SASL_MECHANISM: Unknown SCRAM mechanism",
            "user DUPLICATE_RESOURCE: A user credential cannot be altered twice in the same request",
        ],
    ),
    case(
        "credentials/a user twice in one request",
        twice,
        &[
            "new DUPLICATE_RESOURCE: A user credential cannot be altered twice in the same request",
            "new RESOURCE_NOT_FOUND: Attempt to describe a user credential that does not exist: new []",
        ],
    ),
];
