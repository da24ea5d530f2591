//! The error codes in a response, counted as Kafka counts them for its request metrics: one for
//! each element that has a code of its own, 0 for success.

use kafka_protocol::ResponseError;

use super::Response;

impl Response {
    /// Hands every error code of the response to `see`.
    pub(crate) fn errors(&self, mut see: impl FnMut(i16)) {
        let see = &mut see;
        match self {
            Self::Nothing | Self::Close => see(0),
            Self::ApiVersions(body) => see(body.error_code),
            Self::Metadata(body) => each(&body.topics, see, |topic, see| {
                see(topic.error_code);
                each(&topic.partitions, see, |partition, see| see(partition.error_code));
            }),
            Self::Produce(body) => each(&body.responses, see, |topic, see| {
                each(&topic.partition_responses, see, |partition, see| see(partition.error_code));
            }),
            Self::Fetch(body) => {
                see(body.error_code);
                each(&body.topics, see, |topic, see| {
                    each(&topic.partitions, see, |partition, see| see(partition.error_code));
                });
            }
            Self::ListOffsets(body) => each(&body.topics, see, |topic, see| {
                each(&topic.partitions, see, |partition, see| see(partition.error_code));
            }),
            Self::OffsetForLeaderEpoch(body) => each(&body.topics, see, |topic, see| {
                each(&topic.partitions, see, |partition, see| see(partition.error_code));
            }),
            Self::CreateTopics(body) => each(&body.topics, see, |topic, see| see(topic.error_code)),
            Self::DeleteTopics(body) => {
                each(&body.responses, see, |topic, see| see(topic.error_code));
            }
            Self::DeleteRecords(body) => each(&body.topics, see, |topic, see| {
                each(&topic.partitions, see, |partition, see| see(partition.error_code));
            }),
            Self::DescribeConfigs(body) => {
                each(&body.results, see, |resource, see| see(resource.error_code));
            }
            Self::Admin(body) => body.errors(see),
            Self::InitProducerId(body) => see(body.error_code),
            Self::SaslHandshake(body) => see(body.error_code),
            Self::SaslAuthenticate(body) => see(body.error_code),
            Self::SaslToken(_) => see(0),
            Self::AlterClientQuotas(body) => {
                each(&body.entries, see, |entry, see| see(entry.error_code));
            }
            Self::DescribeClientQuotas(body) => see(body.error_code),
            Self::AlterUserScramCredentials(body) => {
                each(&body.results, see, |user, see| see(user.error_code));
            }
            Self::DescribeUserScramCredentials(body) => {
                see(body.error_code);
                each(&body.results, see, |user, see| see(user.error_code));
            }
            Self::FindCoordinator(body) if body.coordinators.is_empty() => see(body.error_code),
            Self::FindCoordinator(body) => {
                each(&body.coordinators, see, |coordinator, see| see(coordinator.error_code));
            }
            Self::Transaction(body) => body.errors(see),
            group => group.group_errors(see),
        }
    }

    fn group_errors(&self, see: &mut impl FnMut(i16)) {
        match self {
            Self::JoinGroup(body) => see(body.error_code),
            Self::SyncGroup(body) => see(body.error_code),
            Self::Heartbeat(body) => see(body.error_code),
            Self::LeaveGroup(body) => {
                see(body.error_code);
                each(&body.members, see, |member, see| see(member.error_code));
            }
            Self::OffsetCommit(body) => each(&body.topics, see, |topic, see| {
                each(&topic.partitions, see, |partition, see| see(partition.error_code));
            }),
            Self::OffsetFetch(body) => {
                each(&body.groups, see, |group, see| {
                    see(group.error_code);
                    each(&group.topics, see, |topic, see| {
                        each(&topic.partitions, see, |partition, see| see(partition.error_code));
                    });
                });
                if body.groups.is_empty() {
                    see(body.error_code);
                }
                each(&body.topics, see, |topic, see| {
                    each(&topic.partitions, see, |partition, see| see(partition.error_code));
                });
            }
            Self::DescribeGroups(body) => {
                each(&body.groups, see, |group, see| see(group.error_code));
            }
            Self::ListGroups(body) => see(body.error_code),
            Self::DeleteGroups(body) => {
                each(&body.results, see, |group, see| see(group.error_code));
            }
            Self::OffsetDelete(body) => {
                see(body.error_code);
                each(&body.topics, see, |topic, see| {
                    each(&topic.partitions, see, |partition, see| see(partition.error_code));
                });
            }
            Self::ConsumerGroupHeartbeat(body) => see(body.error_code),
            Self::ConsumerGroupDescribe(body) => {
                each(&body.groups, see, |group, see| see(group.error_code));
            }
            _ => {}
        }
    }

    /// The first error code that is not success, or 0.
    pub(crate) fn first_error(&self) -> i16 {
        let mut first = 0;
        self.errors(|code| first = if first == 0 { code } else { first });
        first
    }
}

/// The name that Kafka's `Errors` gives a code.
pub(crate) fn error_name(code: i16) -> String {
    let error = match ResponseError::try_from_code(code) {
        None => return "NONE".into(),
        Some(ResponseError::Unknown(code)) => return format!("UNKNOWN_{code}"),
        Some(error) => error,
    };
    let mut name = String::new();
    for letter in format!("{error:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

fn each<T, S: FnMut(i16)>(elements: &[T], see: &mut S, visit: impl Fn(&T, &mut S)) {
    elements.iter().for_each(|element| visit(element, see));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_kafka() {
        let names: Vec<String> = [0, -1, 3, 6, 87, 31_000].map(error_name).into();
        let expected = [
            "NONE",
            "UNKNOWN_SERVER_ERROR",
            "UNKNOWN_TOPIC_OR_PARTITION",
            "NOT_LEADER_OR_FOLLOWER",
            "INVALID_RECORD",
            "UNKNOWN_31000",
        ];
        assert_eq!(names, expected);
    }
}
