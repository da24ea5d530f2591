//! DescribeTransactions, ListTransactions and DescribeProducers.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::list_transactions_response::TransactionState as Listed;
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse, ProducerId,
    TopicName, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

use super::super::topics::check_name;
use super::super::{Cluster, Origin};
use crate::coordinator::compile;
use crate::transactions::{Listing, TransactionView};

impl Cluster {
    pub(super) fn describe_transactions(
        &self,
        origin: &Origin,
        request: &DescribeTransactionsRequest,
    ) -> DescribeTransactionsResponse {
        let states = request.transactional_ids.iter().map(|id| {
            let led =
                if id.is_empty() { Ok(()) } else { self.check_coordinator(origin.broker, id) };
            let found = led.and_then(|()| self.transactions.coordinator.describe(&id.0));
            let state = TransactionState::default().with_transactional_id(id.clone());
            match found {
                Ok(view) => self.described(state, view),
                Err(error) => state.with_error_code(error.code()),
            }
        });
        DescribeTransactionsResponse::default().with_transaction_states(states.collect())
    }

    fn described(&self, state: TransactionState, view: TransactionView) -> TransactionState {
        let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in view.partitions {
            topics.entry(topic).or_default().push(partition);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            let topic = TopicName(StrBytes::from_string(topic));
            TopicData::default().with_topic(topic).with_partitions(partitions)
        });
        state
            .with_transaction_state(StrBytes::from_static_str(view.state.name()))
            .with_transaction_timeout_ms(
                i32::try_from(view.timeout.as_millis()).unwrap_or(i32::MAX),
            )
            .with_transaction_start_time_ms(view.started.map_or(-1, |at| self.unix_ms(at)))
            .with_producer_id(ProducerId(view.producer_id))
            .with_producer_epoch(view.epoch)
            .with_topics(topics.collect())
    }

    /// A broker lists the transactional ids that it coordinates; clients ask all brokers.
    pub(super) fn list_transactions(
        &self,
        origin: &Origin,
        request: ListTransactionsRequest,
    ) -> ListTransactionsResponse {
        let longer_than = u64::try_from(request.duration_filter).ok();
        let listing = Listing {
            states: request.state_filters,
            producer_ids: request.producer_id_filters.iter().map(|id| id.0).collect(),
            longer_than: longer_than.filter(|_| origin.version >= 1).map(Duration::from_millis),
        };
        let pattern = request.transactional_id_pattern.filter(|it| !it.is_empty());
        let pattern = match pattern.map(|pattern| compile(&pattern)) {
            Some(None) => {
                let code = ResponseError::InvalidRegularExpression.code();
                return ListTransactionsResponse::default().with_error_code(code);
            }
            compiled => compiled.flatten(),
        };
        let named = |id: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(id));
        let views = self.transactions.coordinator.list_matching(self.now, &listing);
        let own = views
            .into_iter()
            .filter(|view| named(&view.id))
            .filter(|view| self.check_coordinator(origin.broker, &view.id).is_ok());
        let states = own.map(|view| {
            Listed::default()
                .with_transactional_id(TransactionalId(StrBytes::from_string(view.id)))
                .with_producer_id(ProducerId(view.producer_id))
                .with_transaction_state(StrBytes::from_static_str(view.state.name()))
        });
        ListTransactionsResponse::default()
            .with_unknown_state_filters(listing.unknown_states())
            .with_transaction_states(states.collect())
    }

    pub(super) fn describe_producers(
        &self,
        origin: &Origin,
        request: &DescribeProducersRequest,
    ) -> DescribeProducersResponse {
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partition_indexes.iter().map(|&index| {
                let answer = PartitionResponse::default().with_partition_index(index);
                match self.producers_of(origin.broker, &topic.name, index) {
                    Ok(producers) => answer.with_active_producers(producers),
                    Err((error, message)) => {
                        let message = message.map(StrBytes::from_string);
                        answer.with_error_code(error.code()).with_error_message(message)
                    }
                }
            });
            let partitions = partitions.collect();
            TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
        });
        DescribeProducersResponse::default().with_topics(topics.collect())
    }

    /// Any replica answers, a follower too.
    fn producers_of(
        &self,
        broker: i32,
        topic: &str,
        index: i32,
    ) -> Result<Vec<ProducerState>, (ResponseError, Option<String>)> {
        check_name(topic).map_err(|(error, message)| (error, Some(message)))?;
        let unknown = (ResponseError::UnknownTopicOrPartition, None);
        let topic = self.topics.named(topic).ok_or(unknown.clone())?;
        let position = usize::try_from(index).map_err(|_| unknown.clone())?;
        let partition = topic.partitions.get(position).ok_or(unknown)?;
        let absent = (ResponseError::NotLeaderOrFollower, None);
        let replica = partition.replica(broker).ok_or(absent)?;
        let producers = replica.log.producers().map(|(id, producer)| {
            ProducerState::default()
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(i32::from(producer.epoch))
                .with_last_sequence(producer.last_sequence())
                .with_last_timestamp(producer.last_timestamp_ms)
                .with_coordinator_epoch(producer.coordinator_epoch)
                .with_current_txn_start_offset(producer.transaction.unwrap_or(-1))
        });
        Ok(producers.collect())
    }
}
