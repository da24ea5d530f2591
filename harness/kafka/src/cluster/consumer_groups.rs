//! What groups that the coordinator assigns need of the cluster: its topics, and the way there.

use kafka_protocol::messages::ConsumerGroupDescribeRequest;
use kafka_protocol::messages::consumer_group_describe_response::DescribedGroup;

use super::groups::body_of;
use super::topics::Topic;
use super::{Cluster, Origin};
use crate::coordinator::{Catalog, CatalogTopic, Reply, ReplyBody};

impl Cluster {
    /// Tells the coordinator which topics there are, if it does not know.
    pub(super) fn tell_topics(&mut self) {
        let version = self.topics.version();
        if version != self.coordinator.catalog_version() {
            let describe = |topic: &Topic| {
                let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
                (topic.name.0.clone(), CatalogTopic { id: topic.id, partitions })
            };
            let topics = self.topics.iter().map(|(_, topic)| describe(topic));
            self.coordinator.know_topics(Catalog::new(version, topics));
        }
    }

    pub(super) fn describe_consumer_groups(
        &mut self,
        origin: &Origin,
        mut request: ConsumerGroupDescribeRequest,
        replies: &mut Vec<Reply>,
    ) {
        let mut refused = Vec::new();
        request.group_ids.retain(|group| match self.coordinates(origin.broker, group) {
            Ok(()) => true,
            // That there is no such group, any broker knows.
            Err(_) if group.is_empty() => true,
            Err(error) => {
                let result = DescribedGroup::default().with_group_id(group.clone());
                refused.push(result.with_error_code(error.code()));
                false
            }
        });
        self.coordinator.describe_consumer_groups(origin.ticket, &request, replies);
        if let Some(ReplyBody::ConsumerGroupDescribe(response)) = body_of(replies, origin.ticket) {
            response.groups.extend(refused);
        }
    }
}
