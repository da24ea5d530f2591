//! Listeners with TLS and SASL, asked by a client that is as small as it can be.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use embedded_kafka::{ClusterConfig, EmbeddedKafka, SaslMechanism, Security, Tls, User};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// A TLS connection that trusts the cluster's certificate, perhaps with one of its own.
fn connect_tls(address: SocketAddr, trusted: &Tls, own: Option<&Tls>) -> impl Read + Write {
    let certificate = |tls: &Tls| CertificateDer::from_pem_slice(tls.certificate_pem.as_bytes());
    let mut roots = RootCertStore::empty();
    roots.add(certificate(trusted).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).unwrap();
            config.with_client_auth_cert(vec![certificate(own).unwrap()], key).unwrap()
        }
    };
    let name = "127.0.0.1".try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(address))
}

/// A request of version 1 (version 0 of ApiVersions) with correlation id 7 and no client id.
fn request(key: u8, body: &[u8]) -> Vec<u8> {
    let version = u8::from(key != API_VERSIONS);
    let mut frame = vec![0, key, 0, version, 0, 0, 0, 7, 255, 255];
    frame.extend_from_slice(body);
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

fn answer(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    assert_eq!(body[..4], [0, 0, 0, 7]);
    Ok(body.split_off(4))
}

fn ask(stream: &mut (impl Read + Write), key: u8, body: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(&request(key, body))?;
    answer(stream)
}

const METADATA: u8 = 3;
const HANDSHAKE: u8 = 17;
const API_VERSIONS: u8 = 18;
const AUTHENTICATE: u8 = 36;
const ALL_TOPICS: &[u8] = &[255, 255, 255, 255];
const FAILED: [u8; 2] = [0, 58];

fn plain(password: &str) -> Vec<u8> {
    let message = format!("\0alice\0{password}");
    [&(message.len() as u32).to_be_bytes()[..], message.as_bytes()].concat()
}

async fn secured(security: Security) -> EmbeddedKafka {
    let users = vec![User::new("alice", "secret")];
    let config = ClusterConfig { security, users, ..ClusterConfig::with_brokers(2) };
    EmbeddedKafka::start_with(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_comes_in_over_tls_by_password() {
    let tls = Tls::self_signed().unwrap();
    let sasl = vec![SaslMechanism::Plain];
    let kafka = secured(Security { tls: Some(tls.clone()), sasl }).await;
    for broker in kafka.brokers() {
        let mut stream = connect_tls(broker.address, &tls, None);
        assert_eq!(ask(&mut stream, API_VERSIONS, &[]).unwrap()[..2], [0, 0]);
        assert_eq!(ask(&mut stream, HANDSHAKE, b"\0\x05PLAIN").unwrap()[..2], [0, 0]);
        assert_eq!(ask(&mut stream, AUTHENTICATE, &plain("secret")).unwrap()[..2], [0, 0]);
        assert_eq!(ask(&mut stream, METADATA, ALL_TOPICS).unwrap()[..4], [0, 0, 0, 2]);
    }
    let text = kafka.metrics();
    assert!(text.contains("successful_authentication_total{broker=\"2\"} 1\n"), "{text}");
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_answered_after_a_while_and_the_connection_closed() {
    let kafka = secured(Security::sasl()).await;
    let mut stream = connect(kafka.brokers()[0].address);
    ask(&mut stream, HANDSHAKE, b"\0\x05PLAIN").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test of real time")]
    let start = Instant::now();
    let refused = ask(&mut stream, AUTHENTICATE, &plain("guess")).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(refused[..2], FAILED);
    assert!(String::from_utf8_lossy(&refused).contains("Invalid username or password"));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(kafka.metrics().contains("failed_authentication_total{broker=\"1\"} 1\n"));
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_authentication_and_large_frames_close_the_connection() {
    let kafka = secured(Security::sasl()).await;
    let address = kafka.brokers()[0].address;
    assert!(ask(&mut connect(address), METADATA, ALL_TOPICS).is_err());
    let mut stream = connect(address);
    stream.write_all(&600_000u32.to_be_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_one_cluster_differ_in_what_they_ask() {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    let tls = Tls::self_signed().unwrap();
    let security = Security { tls: Some(tls.clone()), sasl: Vec::new() };
    let secure = kafka.add_secure_listener("SSL", &security).await.unwrap();
    ask(&mut connect(kafka.brokers()[0].address), METADATA, ALL_TOPICS).unwrap();
    ask(&mut connect_tls(secure[0], &tls, None), METADATA, ALL_TOPICS).unwrap();
    assert!(ask(&mut connect(secure[0]), METADATA, ALL_TOPICS).is_err());
    let stranger = Tls::self_signed().unwrap();
    assert!(ask(&mut connect_tls(secure[0], &stranger, None), METADATA, ALL_TOPICS).is_err());
    let broken = Security { tls: Some(Tls { key_pem: String::new(), ..tls }), sasl: Vec::new() };
    assert!(kafka.add_secure_listener("broken", &broken).await.is_err());
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_present_certificates_where_that_is_asked() {
    let (mine, yours) = (Tls::self_signed().unwrap(), Tls::self_signed().unwrap());
    let mutual = Tls { client_ca_pem: Some(yours.certificate_pem.clone()), ..mine.clone() };
    let kafka = secured(Security { tls: Some(mutual), sasl: Vec::new() }).await;
    let address = kafka.brokers()[0].address;
    ask(&mut connect_tls(address, &mine, Some(&yours)), METADATA, ALL_TOPICS).unwrap();
    assert!(ask(&mut connect_tls(address, &mine, Some(&mine)), METADATA, ALL_TOPICS).is_err());
    assert!(ask(&mut connect_tls(address, &mine, None), METADATA, ALL_TOPICS).is_err());
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn much_passes_over_tls_in_both_directions() {
    let tls = Tls::self_signed().unwrap();
    let kafka = secured(Security { tls: Some(tls.clone()), sasl: Vec::new() }).await;
    kafka.create_topic("wide", 5_000).unwrap();
    let mut stream = connect_tls(kafka.brokers()[0].address, &tls, None);
    // 2,000 topics with names of 200 bytes are 400 KB on the way in.
    let name = |number: u32| [&[0, 200][..], format!("{number:0>200}").as_bytes()].concat();
    let names: Vec<u8> = (0..2_000).flat_map(name).collect();
    let many = [&2_000u32.to_be_bytes()[..], &names].concat();
    stream.write_all(&request(METADATA, &many)).unwrap();
    (0..20).for_each(|_| stream.write_all(&request(METADATA, ALL_TOPICS)).unwrap());
    assert!(answer(&mut stream).unwrap().len() > 400_000);
    for _ in 0..20 {
        assert!(answer(&mut stream).unwrap().len() > 100_000);
    }
    kafka.shutdown().await;
}
