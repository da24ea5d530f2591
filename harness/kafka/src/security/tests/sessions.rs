//! Connections that authenticate, or do not.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, ApiKey, ApiVersionsRequest,
    DescribeUserScramCredentialsRequest, FetchRequest, ListGroupsRequest, MetadataRequest,
    ProduceRequest, RequestHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, TopicName,
};
use kafka_protocol::protocol::{Encodable, Request as Message, StrBytes};

use super::*;
use crate::wire::Response;

struct Client {
    session: Session,
    users: Credentials,
}

fn frame<R: Message>(version: i16, request: &R) -> Bytes {
    let key = ApiKey::try_from(R::KEY).unwrap();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(7);
    let mut frame = BytesMut::new();
    header.encode(&mut frame, key.request_header_version(version)).unwrap();
    request.encode(&mut frame, version).unwrap();
    frame.freeze()
}

impl Client {
    fn new() -> Self {
        let users = Credentials::new(&[User::new("alice", "secret")], 1);
        Self { session: Session::new(Security::sasl().sasl), users }
    }

    fn send<R: Message>(&mut self, version: i16, request: &R) -> Step {
        self.session.step(frame(version, request), &mut self.users)
    }

    /// Asks for a mechanism and gives the error code.
    fn handshake(&mut self, version: i16, mechanism: &'static str) -> i16 {
        let request = SaslHandshakeRequest::default();
        let request = request.with_mechanism(StrBytes::from_static_str(mechanism));
        match self.send(version, &request) {
            Step::Answer(_, response) => response.first_error(),
            other => panic!("{other:?}"),
        }
    }

    fn authenticate(&mut self, message: &[u8]) -> SaslAuthenticateResponse {
        let request = SaslAuthenticateRequest::default();
        let request = request.with_auth_bytes(Bytes::copy_from_slice(message));
        match self.send(2, &request) {
            Step::Answer(_, response) => match *response {
                Response::SaslAuthenticate(response) => response,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// The client's half of SCRAM, with SHA-256 and the extensions of its first message.
    fn scram(&mut self, user: &str, password: &str, extensions: &str) -> SaslAuthenticateResponse {
        let bare = format!("n={user},r=client{extensions}");
        let first = self.authenticate(format!("n,,{bare}").as_bytes());
        if first.error_code != 0 {
            return first;
        }
        let server = String::from_utf8(first.auth_bytes.to_vec()).unwrap();
        let mut fields = server.split(',').map(|field| &field[2..]);
        let (nonce, salt) = (fields.next().unwrap(), fields.next().unwrap());
        assert!(nonce.starts_with("client") && nonce.len() > 20);
        assert_eq!(fields.next().unwrap(), "4096");
        let salted = salted(Hash::Sha256, password, &STANDARD.decode(salt).unwrap(), 4_096);
        let hmac = |key: &[u8], data: &[u8]| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
            ring::hmac::sign(&key, data).as_ref().to_vec()
        };
        let client_key = hmac(&salted, b"Client Key");
        let stored = ring::digest::digest(&ring::digest::SHA256, &client_key);
        let signed = format!("{bare},{server},c=biws,r={nonce}");
        let signature = hmac(stored.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let last =
            self.authenticate(format!("c=biws,r={nonce},p={}", STANDARD.encode(proof)).as_bytes());
        if last.error_code == 0 {
            let server_key = hmac(&salted, b"Server Key");
            let expected = STANDARD.encode(hmac(&server_key, signed.as_bytes()));
            assert_eq!(last.auth_bytes, format!("v={expected}").as_bytes());
        }
        last
    }
}

const UNSUPPORTED_MECHANISM: i16 = 33;
const ILLEGAL_STATE: i16 = 34;
const FAILED: i16 = 58;

#[test]
fn a_password_lets_its_user_in() {
    let mut client = Client::new();
    assert_eq!(client.handshake(1, "PLAIN"), 0);
    let response = client.authenticate(b"\0alice\0secret");
    assert_eq!((response.error_code, response.session_lifetime_ms), (0, 0));
    assert_eq!(client.session.user(), Some("alice"));
}

#[test]
fn every_way_to_fail_at_plain_has_the_message_of_kafka() {
    for (message, reason) in [
        (&b"\0alice\0wrong"[..], "Authentication failed: Invalid username or password"),
        (b"\0bob\0secret", "Authentication failed: Invalid username or password"),
        (b"\0\0secret", "Authentication failed: username not specified"),
        (b"\0alice\0", "Authentication failed: password not specified"),
        (b"alice", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        (b"\0alice\0secret\0x", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        (
            b"bob\0alice\0secret",
            "Authentication failed: Client requested an authorization id that is different from \
             username",
        ),
    ] {
        let mut client = Client::new();
        client.handshake(1, "PLAIN");
        let response = client.authenticate(message);
        assert_eq!(
            (response.error_code, response.error_message.as_deref()),
            (FAILED, Some(reason))
        );
        assert!(client.session.failed() && client.session.user().is_none());
    }
}

#[test]
fn scram_lets_in_who_knows_the_password() {
    for (user, password, extensions, let_in) in [
        ("alice", "secret", "", true),
        ("alice", "secret", ",ext=1", true),
        ("alice", "wrong", "", false),
        ("bob", "secret", "", false),
    ] {
        let mut client = Client::new();
        assert_eq!(client.handshake(1, "SCRAM-SHA-256"), 0);
        let response = client.scram(user, password, extensions);
        assert_eq!(client.session.user().is_some(), let_in);
        if !let_in {
            let reason = "Authentication failed during authentication due to invalid credentials \
                          with SASL mechanism SCRAM-SHA-256";
            assert_eq!(response.error_code, FAILED);
            assert_eq!(response.error_message.as_deref(), Some(reason));
        }
    }
}

#[test]
fn an_unknown_mechanism_is_answered_with_those_that_are_known_and_ends_the_connection() {
    let mut client = Client::new();
    let request = SaslHandshakeRequest::default();
    let request = request.with_mechanism(StrBytes::from_static_str("GSSAPI"));
    let Step::Answer(_, response) = client.send(0, &request) else { panic!() };
    let Response::SaslHandshake(response) = *response else { panic!() };
    assert_eq!(response.error_code, UNSUPPORTED_MECHANISM);
    let names: Vec<&str> = response.mechanisms.iter().map(|name| &**name).collect();
    assert_eq!(names, ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"]);
    assert!(client.session.failed());
}

fn versions() -> ApiVersionsRequest {
    let named = ApiVersionsRequest::default().with_client_software_name("client".into());
    named.with_client_software_version("1".into())
}

#[test]
fn versions_may_be_asked_once_before_the_handshake() {
    let mut client = Client::new();
    assert!(matches!(client.send(3, &versions()), Step::Pass(_)));
    assert!(matches!(client.send(3, &versions()), Step::End(_)));
    assert!(client.session.failed());
}

#[test]
fn versions_that_are_refused_leave_a_second_try() {
    let mut client = Client::new();
    let mut unknown = BytesMut::from(&frame(3, &versions())[..]);
    unknown[3] = 99;
    let step = client.session.step(unknown.freeze(), &mut client.users);
    assert!(matches!(step, Step::Pass(_)));
    let nameless = versions().with_client_software_name(StrBytes::default());
    assert!(matches!(client.send(3, &nameless), Step::Pass(_)));
    assert!(matches!(client.send(3, &versions()), Step::Pass(_)));
    assert_eq!(client.handshake(1, "PLAIN"), 0);
}

#[test]
fn other_requests_before_authentication_end_the_connection() {
    let mut client = Client::new();
    assert!(matches!(client.send(1, &MetadataRequest::default()), Step::End(_)));
    let mut client = Client::new();
    client.handshake(1, "PLAIN");
    assert_eq!(client.handshake(1, "PLAIN"), ILLEGAL_STATE);
    assert!(client.session.failed());
    for bytes in [&b""[..], b"\x60\x01", b"GET / HTTP/1.1"] {
        let mut client = Client::new();
        let step = client.session.step(Bytes::copy_from_slice(bytes), &mut client.users);
        assert!(matches!(step, Step::End(_)));
    }
}

#[test]
fn other_requests_in_place_of_a_message_are_told_that_they_are_illegal() {
    let after_handshake = || {
        let mut client = Client::new();
        client.handshake(1, "PLAIN");
        client
    };
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName("t".into())));
    let metadata = MetadataRequest::default().with_topics(Some(vec![topic]));
    let mut client = after_handshake();
    let Step::Answer(_, response) = client.send(12, &metadata) else { panic!() };
    let Response::Metadata(response) = *response else { panic!() };
    assert_eq!((response.topics[0].error_code, response.brokers.len()), (ILLEGAL_STATE, 0));
    assert!(client.session.failed());
    let partition = FetchPartition::default().with_partition(3);
    let topic = FetchTopic::default().with_topic(TopicName("t".into()));
    let fetch = FetchRequest::default().with_topics(vec![topic.with_partitions(vec![partition])]);
    for (version, partitions) in [(12, 1), (13, 0)] {
        let Step::Answer(_, response) = after_handshake().send(version, &fetch) else { panic!() };
        let Response::Fetch(response) = *response else { panic!() };
        assert_eq!(response.error_code, ILLEGAL_STATE);
        let told = response.topics.iter().flat_map(|topic| &topic.partitions);
        let told: Vec<_> = told.map(|partition| (partition.index, partition.error_code)).collect();
        assert_eq!(told, vec![(3, ILLEGAL_STATE); partitions]);
    }
    let unanswered = ProduceRequest::default().with_acks(0);
    assert!(matches!(after_handshake().send(9, &unanswered), Step::End(_)));
    assert!(matches!(after_handshake().send(1, &ListGroupsRequest::default()), Step::End(_)));
}

#[test]
fn after_a_handshake_of_version_0_messages_come_bare() {
    let mut client = Client::new();
    assert_eq!(client.handshake(0, "PLAIN"), 0);
    let message = Bytes::from_static(b"\0alice\0secret");
    let Step::Answer(question, response) = client.session.step(message, &mut client.users) else {
        panic!()
    };
    let mut output = crate::wire::Output::default();
    crate::wire::response::encode(*response, question, &mut output).unwrap();
    let mut written = output.take(4).unwrap();
    assert_eq!((written.get_u32(), output.len()), (0, 0));
    assert_eq!(client.session.user(), Some("alice"));
    let mut client = Client::new();
    client.handshake(0, "PLAIN");
    let wrong = Bytes::from_static(b"\0alice\0wrong");
    assert!(matches!(client.session.step(wrong, &mut client.users), Step::End(_)));
}

fn upsertion(name: &'static str, mechanism: i8, iterations: i32) -> ScramCredentialUpsertion {
    let salt = Bytes::from_static(b"salt");
    let salted = salted(Hash::Sha256, "new", &salt, 4_096);
    ScramCredentialUpsertion::default()
        .with_name(StrBytes::from_static_str(name))
        .with_mechanism(mechanism)
        .with_iterations(iterations)
        .with_salt(salt)
        .with_salted_password(salted.into())
}

#[test]
fn credentials_change_by_request() {
    let mut client = Client::new();
    let deletion = |name, mechanism| {
        let name = StrBytes::from_static_str(name);
        ScramCredentialDeletion::default().with_name(name).with_mechanism(mechanism)
    };
    let request = AlterUserScramCredentialsRequest::default()
        .with_deletions(vec![deletion("alice", 2), deletion("nobody", 1)])
        .with_upsertions(vec![
            upsertion("bob", 1, 4_096),
            upsertion("", 1, 4_096),
            upsertion("few", 1, 4_095),
            upsertion("many", 1, 16_385),
            upsertion("odd", 3, 4_096),
            upsertion("nobody", 1, 4_096),
            upsertion("twice", 1, 4_096),
            upsertion("twice", 2, 4_096),
        ]);
    let results = client.users.alter(request).results;
    let codes: Vec<(&str, i16)> =
        results.iter().map(|result| (&*result.user, result.error_code)).collect();
    let expected = [
        ("alice", 0),
        ("bob", 0),
        ("", 93),
        ("few", 93),
        ("many", 93),
        ("nobody", 91),
        ("odd", 33),
        ("twice", 92),
    ];
    assert_eq!(codes, expected);
    client.handshake(1, "SCRAM-SHA-256");
    assert_eq!(client.scram("bob", "new", "").error_code, 0);

    let describe = |names: &[&'static str]| {
        let user = |name: &&'static str| UserName::default().with_name((*name).into());
        let names = Some(names.iter().map(user).collect());
        client.users.describe(DescribeUserScramCredentialsRequest::default().with_users(names))
    };
    let all = describe(&[]).results;
    let found: Vec<_> = all
        .iter()
        .map(|user| {
            let infos = user.credential_infos.iter().map(|info| (info.mechanism, info.iterations));
            (&*user.user, infos.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(found, [("alice", vec![(1, 4_096)]), ("bob", vec![(1, 4_096)])]);
    let codes: Vec<i16> = describe(&["bob", "nobody", "alice", "alice"])
        .results
        .iter()
        .map(|user| user.error_code)
        .collect();
    assert_eq!(codes, [92, 0, 91], "in the order of names");
}
