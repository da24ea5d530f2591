//! Who leads what, as a client last heard.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use super::super::context::Context;
use super::super::invariant::Note;
use super::super::links::Token;
use super::topic;

/// The leader and epoch of each partition.
#[derive(Debug)]
pub(super) struct Routes {
    leaders: Vec<Option<(i32, i32)>>,
    asked: Option<Token>,
    stale: bool,
}

impl Routes {
    pub(super) fn new(partitions: i32) -> Self {
        Self { leaders: vec![None; partitions as usize], asked: None, stale: true }
    }

    /// Leader and epoch, if they are known and not in doubt.
    pub(super) fn leader(&self, partition: usize) -> Option<(i32, i32)> {
        self.leaders[partition].filter(|_| !self.stale)
    }

    /// Something went wrong at a leader: ask again.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
    }

    /// Asks any broker if what is known is in doubt or incomplete.
    pub(super) fn refresh(&mut self, context: &mut Context) {
        let complete = self.leaders.iter().all(Option::is_some);
        if self.asked.is_some() || complete && !self.stale {
            return;
        }
        let wanted = MetadataRequestTopic::default().with_name(Some(topic()));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
        let broker = context.any_broker();
        let timeout = Duration::from_millis(400);
        self.asked = Some(context.ask(broker, 12, &request, Note::Metadata, timeout));
    }

    /// Takes the answer to its question.
    pub(super) fn learn(&mut self, token: Token, response: &MetadataResponse) {
        if self.asked != Some(token) {
            return;
        }
        self.asked = None;
        self.stale = false;
        for part in response.topics.iter().flat_map(|topic| &topic.partitions) {
            let leads = part.error_code == 0 && part.leader_id.0 >= 0;
            let leader = leads.then_some((part.leader_id.0, part.leader_epoch));
            if let Some(known) = self.leaders.get_mut(part.partition_index as usize)
                && known.is_none_or(|(_, epoch)| epoch <= part.leader_epoch)
            {
                *known = leader;
            }
        }
    }

    /// Whether this was its question, which will not be answered.
    pub(super) fn lost(&mut self, token: Token) -> bool {
        let own = self.asked == Some(token);
        if own {
            self.asked = None;
        }
        own
    }
}
