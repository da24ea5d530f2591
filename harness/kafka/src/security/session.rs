//! A connection's way to being authenticated, as `SaslServerAuthenticator` of Kafka walks it:
//! perhaps ApiVersions, then SaslHandshake, then the messages of the mechanism.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::credentials::Credentials;
use super::scram::{Exchange, Hash};
use super::{SaslMechanism, plain};
use crate::cluster::refusal;
use crate::wire::request::{Decoded, RequestError, decode, key_of};
use crate::wire::response::Question;
use crate::wire::{Request, Response};

/// A request before the end of authentication holds at most so many bytes
/// (`sasl.server.max.receive.size`).
pub(crate) const REQUEST_BYTES_MAX: usize = 524_288;

/// A connection to a listener with SASL.
#[derive(Debug)]
pub(crate) struct Session {
    mechanisms: Vec<SaslMechanism>,
    state: State,
    /// Whether the mechanism's messages come in SaslAuthenticate requests (handshake version 1)
    /// or bare (version 0).
    wrapped: bool,
}

#[derive(Debug)]
enum State {
    VersionsOrHandshake,
    Handshake,
    First(SaslMechanism),
    Final(SaslMechanism, Exchange),
    Complete { user: String },
    Failed,
}

/// Why a client does not come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    /// The client may know the reason.
    Told(String),
    /// The reason would say what users there are.
    Untold,
    /// Kafka meets what it does not expect itself, and closes the connection.
    Unanswered,
}

/// What becomes of a frame.
#[derive(Debug)]
pub(crate) enum Step {
    /// The cluster answers it.
    Pass(Box<Decoded>),
    /// It is answered here; after a failure the connection ends.
    Answer(Question, Box<Response>),
    /// The connection ends without an answer.
    End(String),
}

impl Session {
    pub(crate) fn new(mechanisms: Vec<SaslMechanism>) -> Self {
        Self { mechanisms, state: State::VersionsOrHandshake, wrapped: false }
    }

    /// The user, once the client is authenticated.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.state {
            State::Complete { user } => Some(user),
            _ => None,
        }
    }

    /// Whether the connection must end when its answers are written.
    pub(crate) fn failed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    /// Takes a frame of a client that is not authenticated yet.
    pub(crate) fn step(&mut self, frame: Bytes, users: &mut Credentials) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Failed) {
            State::First(mechanism) if !self.wrapped => self.bare(mechanism, None, &frame, users),
            State::Final(mechanism, exchange) if !self.wrapped => {
                self.bare(mechanism, Some(exchange), &frame, users)
            }
            State::First(mechanism) => self.wrapped(mechanism, None, frame, users),
            State::Final(mechanism, exchange) => {
                self.wrapped(mechanism, Some(exchange), frame, users)
            }
            State::VersionsOrHandshake => self.versions_or_handshake(frame, true),
            State::Handshake => self.versions_or_handshake(frame, false),
            State::Complete { .. } | State::Failed => Ok(Step::End("no more is read".into())),
        };
        step.unwrap_or_else(|error| Step::End(error.to_string()))
    }

    fn versions_or_handshake(
        &mut self,
        frame: Bytes,
        versions: bool,
    ) -> Result<Step, RequestError> {
        let key = key_of(&frame)?;
        let allowed =
            key == ApiKey::SaslHandshake as i16 || versions && key == ApiKey::ApiVersions as i16;
        if !allowed {
            return Ok(Step::End(format!("request {key} during SASL handshake")));
        }
        let decoded = decode(frame, 0)?;
        let question = decoded.question();
        match decoded.request {
            Request::SaslHandshake(request) => {
                let found = self.mechanisms.iter().find(|one| *one.name() == *request.mechanism);
                let error = match found {
                    Some(&mechanism) => {
                        (self.wrapped, self.state) =
                            (question.version >= 1, State::First(mechanism));
                        0
                    }
                    None => ResponseError::UnsupportedSaslMechanism.code(),
                };
                let names = self.mechanisms.iter().map(|one| StrBytes::from_static_str(one.name()));
                let response = SaslHandshakeResponse::default()
                    .with_error_code(error)
                    .with_mechanisms(names.collect());
                Ok(Step::Answer(question, Box::new(Response::SaslHandshake(response))))
            }
            Request::ApiVersionsUnsupported => {
                self.state = State::VersionsOrHandshake;
                Ok(Step::Pass(Box::new(decoded)))
            }
            ref request => {
                let nameless = matches!(request, Request::ApiVersions { nameless: true });
                self.state = if nameless { State::VersionsOrHandshake } else { State::Handshake };
                Ok(Step::Pass(Box::new(decoded)))
            }
        }
    }

    /// A message without a request around it.
    fn bare(
        &mut self,
        mechanism: SaslMechanism,
        exchange: Option<Exchange>,
        frame: &Bytes,
        users: &mut Credentials,
    ) -> Result<Step, RequestError> {
        let question = Question { key: ApiKey::SaslAuthenticate, version: 0, correlation: 0 };
        Ok(match self.message(mechanism, exchange, frame, users) {
            Ok(answer) => Step::Answer(question, Box::new(Response::SaslToken(answer))),
            Err(Denied::Told(reason)) => Step::End(reason),
            Err(Denied::Untold | Denied::Unanswered) => Step::End("authentication failed".into()),
        })
    }

    fn wrapped(
        &mut self,
        mechanism: SaslMechanism,
        exchange: Option<Exchange>,
        frame: Bytes,
        users: &mut Credentials,
    ) -> Result<Step, RequestError> {
        let decoded = decode(frame, REQUEST_BYTES_MAX)?;
        let question = decoded.question();
        let response = match decoded.request {
            Request::SaslAuthenticate(request) => {
                let message = self.message(mechanism, exchange, &request.auth_bytes, users);
                answer(mechanism, message).map(Response::SaslAuthenticate)
            }
            other => illegal(question.version, &other),
        };
        Ok(match response {
            Some(response) => Step::Answer(question, Box::new(response)),
            None => Step::End(format!("{:?} during SASL authentication", question.key)),
        })
    }

    /// A message of the mechanism. Gives the server's.
    fn message(
        &mut self,
        mechanism: SaslMechanism,
        exchange: Option<Exchange>,
        message: &[u8],
        users: &mut Credentials,
    ) -> Result<Bytes, Denied> {
        let (state, answer) = match (exchange, Hash::of(mechanism)) {
            (Some(exchange), _) => {
                let (user, answer) = exchange.finish(message)?;
                (State::Complete { user }, answer)
            }
            (None, None) => {
                let user = plain::authenticate(message, users)?;
                (State::Complete { user }, String::new())
            }
            (None, Some(hash)) => {
                let nonce = users.nonce();
                let (exchange, answer) = Exchange::begin(hash, message, users, &nonce)?;
                (State::Final(mechanism, exchange), answer)
            }
        };
        self.state = state;
        Ok(answer.into())
    }
}

fn answer(
    mechanism: SaslMechanism,
    message: Result<Bytes, Denied>,
) -> Option<SaslAuthenticateResponse> {
    let response = SaslAuthenticateResponse::default();
    let reason = match message {
        Ok(message) => return Some(response.with_auth_bytes(message)),
        Err(Denied::Unanswered) => return None,
        Err(Denied::Told(reason)) => reason,
        Err(Denied::Untold) => format!(
            "Authentication failed during authentication due to invalid credentials with SASL \
             mechanism {}",
            mechanism.name()
        ),
    };
    let response = response.with_error_code(ResponseError::SaslAuthenticationFailed.code());
    Some(response.with_error_message(Some(StrBytes::from_string(reason))))
}

/// The answer to a request that comes in place of a message of the mechanism.
fn illegal(version: i16, request: &Request) -> Option<Response> {
    let error = ResponseError::IllegalSaslState;
    let code = error.code();
    match request {
        Request::SaslHandshake(_) => {
            Some(Response::SaslHandshake(SaslHandshakeResponse::default().with_error_code(code)))
        }
        Request::ApiVersions { .. } | Request::ApiVersionsUnsupported => {
            Some(Response::ApiVersions(ApiVersionsResponse::default().with_error_code(code)))
        }
        // It waits for no answer.
        Request::Produce(work) if work.acks == 0 => None,
        other => refusal(version, other, error),
    }
}
