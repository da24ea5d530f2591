//! SCRAM: the whole exchange, and each way to fail at it.

use super::{Case, case};
use crate::conformance::context::Context;
use crate::conformance::sasl::{handshake, outcome};
use crate::conformance::scram::{Deviation, NONCE, Scram, exchange};

use Scram::{Sha256, Sha512};

const SASL: &str = "SASL_PLAINTEXT";

/// One exchange of a new user with the password `secret`, and what comes after.
fn attempt(
    c: &mut Context<'_>,
    scram: Scram,
    password: &str,
    deviation: &Deviation<'_>,
) -> anyhow::Result<()> {
    let user = c.scram_user(scram, "user", "secret")?;
    let mut connection = c.shake_hands(scram.name())?;
    let last = exchange(&mut connection, scram, (&user, password), deviation)?;
    if last.error_code != 0 {
        return c.see_end(&mut connection, &last);
    }
    c.see(outcome(&last));
    c.see_served(&mut connection, SASL)
}

/// A first message of a client that is refused.
fn refused(c: &mut Context<'_>, message: &[u8]) -> anyhow::Result<()> {
    let mut connection = c.shake_hands(Sha256.name())?;
    let answer = connection.token(message)?;
    c.see_end(&mut connection, &answer)
}

fn bad_firsts(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    for message in [
        String::new(),
        "garbage".into(),
        format!("n={user},r={NONCE}"),
        format!("y,,n={user},r={NONCE}"),
        format!("p=tls-unique,,n={user},r={NONCE}"),
        format!("n,,n={user},r="),
        format!("n,,n={user},r={NONCE},not an extension"),
        format!("n,,n=={user},r={NONCE}"),
    ] {
        refused(c, message.as_bytes())?;
    }
    Ok(())
}

fn bad_lasts(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    for message in ["", "garbage", "c=biws", "c=biws,r=other", "c=biws,r=other,p=!"] {
        let mut connection = c.shake_hands(Sha256.name())?;
        connection.token(format!("n,,n={user},r={NONCE}").as_bytes())?;
        let answer = connection.token(message.as_bytes())?;
        c.see_end(&mut connection, &answer)?;
    }
    Ok(())
}

fn authorizations(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    let mut connection = c.shake_hands(Sha256.name())?;
    let answer = connection.token(format!("n,a={user},n={user},r={NONCE}").as_bytes())?;
    c.see(outcome(&answer));
    refused(c, format!("n,a=other,n={user},r={NONCE}").as_bytes())
}

fn short_proof(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    for proof in ["", "AAAA"] {
        let mut connection = c.shake_hands(Sha256.name())?;
        let deviation = Deviation { proof: Some(proof), ..Deviation::default() };
        let last = exchange(&mut connection, Sha256, (&user, "secret"), &deviation);
        c.see(last.map_or_else(|_| "closed".to_owned(), |answer| outcome(&answer)));
    }
    Ok(())
}

fn changed(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    let mut before = c.shake_hands(Sha256.name())?;
    exchange(&mut before, Sha256, (&user, "secret"), &Deviation::default())?;
    let credential = Sha256.upsertion(&user, "another", 8192)?;
    c.alter_credentials(Vec::new(), vec![credential])?;
    c.comes_in(Sha256, &user, "another")?;
    let mut connection = c.shake_hands(Sha256.name())?;
    let last = exchange(&mut connection, Sha256, (&user, "secret"), &Deviation::default())?;
    c.see_end(&mut connection, &last)?;
    c.see_served(&mut before, SASL)
}

fn deleted(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha512, "user", "secret")?;
    c.alter_credentials(vec![Sha512.deletion(&user)], Vec::new())?;
    let refused = c.until("the user is gone", |c| {
        let mut connection = c.shake_hands(Sha512.name())?;
        let as_user = (&*user, "secret");
        let last = exchange(&mut connection, Sha512, as_user, &Deviation::default())?;
        Ok((last.error_code != 0).then_some((connection, last)))
    })?;
    let (mut connection, last) = refused;
    c.see_end(&mut connection, &last)
}

fn bare_messages(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Sha256, "user", "secret")?;
    for name in [&*user, "nobody"] {
        let mut connection = c.connect_secured(SASL)?;
        connection.ask(0, &handshake(Sha256.name()))?;
        connection.send_frame(format!("n,,n={name},r={NONCE}").as_bytes())?;
        if name == "nobody" {
            c.see_next(&mut connection)?;
        } else {
            let challenge = connection.receive_frame()?;
            c.see(format!("challenged {}", challenge.starts_with(format!("r={NONCE}").as_bytes())));
        }
    }
    Ok(())
}

/// What both mechanisms say of everything that is wrong, but for the name of the mechanism.
macro_rules! failed {
    ($mechanism:literal) => {
        concat!(
            "SASL_AUTHENTICATION_FAILED: Authentication failed during authentication due to ",
            "invalid credentials with SASL mechanism ",
            $mechanism,
            ", then closed"
        )
    };
}

const FAILED: &str = failed!("SCRAM-SHA-256");
const FAILED_512: &str = failed!("SCRAM-SHA-512");
const SERVED: &str = "served, addresses of the listener true";

pub(crate) const CASES: &[Case] = &[
    case(
        "scram/a user comes in by SCRAM-SHA-256, the server by its signature",
        |c| attempt(c, Sha256, "secret", &Deviation::default()),
        &["NONE", SERVED],
    ),
    case(
        "scram/a user comes in by SCRAM-SHA-512, the server by its signature",
        |c| attempt(c, Sha512, "secret", &Deviation::default()),
        &["NONE", SERVED],
    ),
    case(
        "scram/a wrong password",
        |c| {
            attempt(c, Sha256, "wrong", &Deviation::default())?;
            attempt(c, Sha512, "wrong", &Deviation::default())
        },
        &[FAILED, FAILED_512],
    ),
    case(
        "scram/an unknown user",
        |c| refused(c, format!("n,,n=nobody,r={NONCE}").as_bytes()),
        &[FAILED],
    ),
    case(
        "scram/a user of the other mechanism",
        |c| {
            let user = c.scram_user(Sha512, "user", "secret")?;
            refused(c, format!("n,,n={user},r={NONCE}").as_bytes())
        },
        &[FAILED],
    ),
    case(
        "scram/a wrong nonce",
        |c| attempt(c, Sha256, "secret", &Deviation { nonce: Some(NONCE), ..Deviation::default() }),
        &[FAILED],
    ),
    case("scram/first messages that are none", bad_firsts, &[FAILED; 8]),
    case("scram/final messages that are none", bad_lasts, &[FAILED; 5]),
    case("scram/a proof of another length", short_proof, &["closed", "closed"]),
    case(
        "scram/another channel binding, signed",
        |c| {
            attempt(
                c,
                Sha256,
                "secret",
                &Deviation { binding: Some("y,,"), ..Deviation::default() },
            )
        },
        &["NONE", SERVED],
    ),
    case(
        "scram/an extension that nobody knows",
        |c| {
            let deviation = Deviation { extensions: ",ext=1", ..Deviation::default() };
            attempt(c, Sha256, "secret", &deviation)
        },
        &["NONE", SERVED],
    ),
    case(
        "scram/a delegation token that nobody has",
        |c| {
            let user = c.scram_user(Sha256, "user", "secret")?;
            refused(c, format!("n,,n={user},r={NONCE},tokenauth=true").as_bytes())
        },
        &[FAILED],
    ),
    case(
        "scram/an authorization id",
        authorizations,
        &[
            "NONE",
            "SASL_AUTHENTICATION_FAILED: Authentication failed: Client requested an authorization \
             id that is different from username, then closed",
        ],
    ),
    case(
        "scram/a name with commas and equal signs",
        |c| c.scram_user(Sha256, "a,b=c", "secret").map(drop),
        &[],
    ),
    case("scram/a password that was changed", changed, &[FAILED, SERVED]),
    case("scram/a user who was deleted", deleted, &[FAILED_512]),
    case("scram/bare messages", bare_messages, &["challenged true", "closed"]),
];
