//! Quotas of clients.

use super::checked;
use crate::environment::docker::wire::Connection;
use anyhow::Context as _;
use kafka_protocol::messages::AlterClientQuotasRequest;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::protocol::StrBytes;

/// How fast a client may be at each broker, in bytes a second; as fast as it can where nothing is
/// said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::environment::docker) struct Quota {
    pub(in crate::environment::docker) produce: Option<f64>,
    pub(in crate::environment::docker) fetch: Option<f64>,
}

/// Sets the quota of the clients with an id; without one, of each client that has none by its id.
pub(in crate::environment::docker) async fn alter(
    connection: &mut Connection,
    quotas: &[(Option<&'static str>, Quota)],
) -> anyhow::Result<()> {
    let operation = |key, rate: Option<f64>| {
        OpData::default()
            .with_key(StrBytes::from_static_str(key))
            .with_value(rate.unwrap_or(0.0))
            .with_remove(rate.is_none())
    };
    let entry = |(client, quota): &(Option<&'static str>, Quota)| {
        let entity = EntityData::default()
            .with_entity_type(StrBytes::from_static_str("client-id"))
            .with_entity_name(client.map(StrBytes::from_static_str));
        EntryData::default().with_entity(vec![entity]).with_ops(vec![
            operation("producer_byte_rate", quota.produce),
            operation("consumer_byte_rate", quota.fetch),
        ])
    };
    let request =
        AlterClientQuotasRequest::default().with_entries(quotas.iter().map(entry).collect());
    let answer = connection.ask(1, &request).await?;
    answer.entries.iter().try_for_each(|entry| {
        checked(entry.error_code, "alter a quota").with_context(|| {
            entry.error_message.as_ref().map_or_else(String::new, ToString::to_string)
        })
    })
}
