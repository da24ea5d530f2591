//! Authentication without sockets: published vectors, and every way in and out.

use super::scram::{Exchange, Hash, Verifier};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::num::NonZeroU32;

mod sessions;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn salted(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
    hash.salted_password(password, salt, NonZeroU32::new(iterations).unwrap())
}

/// A user with this verifier and nobody else.
fn users(name: &str, password: &str, salt: &str, hash: Hash) -> Credentials {
    let salt = STANDARD.decode(salt).unwrap();
    let salted = salted(hash, password, &salt, 4_096);
    let mut users = Credentials::new(&[], 0);
    let verifier = Verifier::new(hash, &salted, salt, 4_096);
    users.verifiers.insert((name.to_owned(), hash), verifier);
    users
}

/// The exchange of RFC 7677, section 3.
#[test]
fn scram_sha_256_is_that_of_the_rfc() {
    let users = users("user", "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", Hash::Sha256);
    let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let (exchange, answer) = Exchange::begin(Hash::Sha256, first, &users, nonce).unwrap();
    let expected = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    assert_eq!(answer, expected);
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let (user, answer) = exchange.finish(last).unwrap();
    assert_eq!(user, "user");
    assert_eq!(answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

/// The vectors that are widely used for PBKDF2 with HMAC-SHA-512.
#[test]
fn passwords_are_salted_as_published_for_sha_512() {
    let expected = [
        (
            1,
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252\
             c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
        ),
        (
            4_096,
            "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5\
             143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5",
        ),
    ];
    for (iterations, key) in expected {
        assert_eq!(hex(&salted(Hash::Sha512, "password", b"salt", iterations)), key);
    }
}

#[test]
fn a_wrong_proof_nonce_or_form_is_refused_without_a_reason() {
    let users = users("user", "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", Hash::Sha256);
    let begin = |message: &[u8]| Exchange::begin(Hash::Sha256, message, &users, "server");
    let firsts: [&[u8]; 10] = [
        b"",
        b"n,,n=user",
        b"y,,n=user,r=abc",
        b"p=tls-unique,,n=user,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=abc,x",
        b"n,,n=nobody,r=abc",
        b"n,,n=user,r=abc,tokenauth=true",
    ];
    for first in firsts {
        assert_eq!(begin(first).unwrap_err(), session::Denied::Untold, "{first:?}");
    }
    let other = begin(b"n,a=other,n=user,r=abc").unwrap_err();
    assert!(matches!(other, session::Denied::Told(reason) if reason.contains("different from")));
    let lasts: [&[u8]; 5] = [
        b"",
        b"c=biws,r=abcserver",
        b"c=biws,r=abcother,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"c=biws,r=abcserver,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"c=biws,r=abcserver,p=!",
    ];
    for last in lasts {
        let (exchange, _) = begin(b"n,,n=user,r=abc").unwrap();
        assert_eq!(exchange.finish(last).unwrap_err(), session::Denied::Untold, "{last:?}");
    }
    let (exchange, _) = begin(b"n,,n=user,r=abc").unwrap();
    let short = exchange.finish(b"c=biws,r=abcserver,p=").unwrap_err();
    assert_eq!(short, session::Denied::Unanswered);
}

#[test]
fn commas_and_equal_signs_in_names_are_escaped() {
    let users = users("a,b=c", "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", Hash::Sha256);
    assert!(Exchange::begin(Hash::Sha256, b"n,,n=a=2Cb=3Dc,r=abc", &users, "x").is_ok());
}

#[test]
fn nonces_follow_from_the_seed_and_never_repeat() {
    let nonces = |seed| -> Vec<String> {
        let mut users = Credentials::new(&[], seed);
        (0..100).map(|_| users.nonce()).collect()
    };
    assert_eq!(nonces(7), nonces(7));
    assert_ne!(nonces(7), nonces(8));
    let mut all = nonces(7);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 100);
}

#[test]
fn passwords_and_keys_are_not_printed() {
    let user = User::new("u", "sesame");
    let tls = Tls::self_signed().unwrap();
    assert!(!format!("{user:?} {tls:?}").contains("sesame"));
    assert!(!format!("{tls:?}").contains("BEGIN"));
}

#[test]
fn certificates_that_cannot_be_used_are_refused_with_their_field() {
    let good = Tls::self_signed().unwrap();
    assert!(tls::server_config(&good).is_ok());
    let other = Tls::self_signed().unwrap();
    for (bad, field) in [
        (Tls { certificate_pem: String::new(), ..good.clone() }, "certificate_pem"),
        (Tls { key_pem: "x".into(), ..good.clone() }, "key_pem"),
        (Tls { key_pem: other.key_pem, ..good.clone() }, "certificate_pem"),
        (Tls { client_ca_pem: Some("x".into()), ..good }, "client_ca_pem"),
    ] {
        let refused = tls::server_config(&bad).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
}
