//! A self-signed certificate, put together by hand: X.509 version 3 (RFC 5280) with an ECDSA key
//! on P-256. It is not marked as an authority, so that it can be both the certificate of a peer
//! and what the other side trusts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::Tls;
use crate::error::ClusterError;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Object identifiers with tag and length: ecdsa-with-SHA256, id-ecPublicKey, prime256v1, the
/// common name, the alternative names of the subject.
const ECDSA_WITH_SHA256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const PRIME256V1: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
const SUBJECT_ALT_NAME: &[u8] = &[6, 3, 0x55, 0x1d, 0x11];

/// Within a list of alternative names: a host name, an address.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// A new key and its certificate.
pub(super) fn create() -> Result<Tls, ClusterError> {
    let failed = |_| ClusterError::Config { field: "tls", fix: "needs system randomness".into() };
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).map_err(|error| {
        ClusterError::Config { field: "tls", fix: format!("key refused: {error}") }
    })?;
    let mut serial = [0; 16];
    random.fill(&mut serial).map_err(failed)?;
    let body = to_be_signed(serial, pair.public_key().as_ref());
    let signature = pair.sign(&random, &body).map_err(failed)?;
    let signed = [
        body,
        encode(SEQUENCE, &[ECDSA_WITH_SHA256]),
        encode(BIT_STRING, &[&[0], signature.as_ref()]),
    ];
    let certificate = encode(SEQUENCE, &signed.each_ref().map(Vec::as_slice));
    Ok(Tls {
        certificate_pem: pem("CERTIFICATE", &certificate),
        key_pem: pem("PRIVATE KEY", key.as_ref()),
        client_ca_pem: None,
    })
}

fn to_be_signed(mut serial: [u8; 16], public_key: &[u8]) -> Vec<u8> {
    // Positive and without leading zeros, as DER wants it.
    serial[0] = serial[0] & 0x7f | 0x40;
    let version = encode(0xa0, &[&encode(INTEGER, &[&[2]])]);
    let common_name = encode(SEQUENCE, &[COMMON_NAME, &encode(UTF8_STRING, &[b"embedded-kafka"])]);
    let name = encode(SEQUENCE, &[&encode(SET, &[&common_name])]);
    let validity = encode(
        SEQUENCE,
        &[&encode(UTC_TIME, &[b"200101000000Z"]), &encode(GENERALIZED_TIME, &[b"20991231235959Z"])],
    );
    let algorithm = encode(SEQUENCE, &[EC_PUBLIC_KEY, PRIME256V1]);
    let key = encode(SEQUENCE, &[&algorithm, &encode(BIT_STRING, &[&[0], public_key])]);
    let loopback = std::net::Ipv6Addr::LOCALHOST.octets();
    let hosts = encode(
        SEQUENCE,
        &[
            &encode(DNS_NAME, &[b"localhost"]),
            &encode(IP_ADDRESS, &[&[127, 0, 0, 1]]),
            &encode(IP_ADDRESS, &[&loopback]),
        ],
    );
    let extension = encode(SEQUENCE, &[SUBJECT_ALT_NAME, &encode(OCTET_STRING, &[&hosts])]);
    let extensions = encode(0xa3, &[&encode(SEQUENCE, &[&extension])]);
    let serial = encode(INTEGER, &[&serial]);
    let signature = encode(SEQUENCE, &[ECDSA_WITH_SHA256]);
    let parts = [&version, &serial, &signature, &name, &validity, &name, &key, &extensions];
    encode(SEQUENCE, &parts.map(Vec::as_slice))
}

/// A value in DER: tag, length, content.
fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut encoded = vec![tag];
    match length {
        ..0x80 => encoded.push(length as u8),
        0x80..0x100 => encoded.extend([0x81, length as u8]),
        _ => encoded.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    parts.iter().for_each(|part| encoded.extend_from_slice(part));
    encoded
}

fn pem(label: &str, content: &[u8]) -> String {
    let text = STANDARD.encode(content);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|start| &text[start..text.len().min(start + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
