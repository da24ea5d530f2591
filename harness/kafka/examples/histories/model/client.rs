//! Clients as state machines of requests and answers.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use super::TOPIC;
use super::context::Context;
use super::links::Token;
use super::wire::Reply;

mod consumer;
mod consuming;
mod member;
mod offsets;
mod producer;
mod routes;
mod transactional;

pub(crate) use consumer::Consumer;
pub(crate) use consuming::Consuming;
pub(crate) use member::{Member, read_share};
pub(crate) use producer::Producer;
pub(crate) use transactional::Transactional;

/// A client. It is called when its timer is due, when an answer has reached it, and when it learns
/// that an answer will never come.
pub(crate) trait Client {
    fn wake(&mut self, context: &mut Context);
    fn answered(&mut self, context: &mut Context, token: Token, reply: Reply);
    fn lost(&mut self, context: &mut Context, token: Token);
    /// From now on it finishes what it has begun and begins nothing else.
    fn finish(&mut self);
    /// Whether all that it began has come to an end.
    fn is_done(&self) -> bool;
    /// Its state, for people.
    fn describe(&self) -> String;
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str(TOPIC))
}

fn is(code: i16, error: ResponseError) -> bool {
    code == error.code()
}
