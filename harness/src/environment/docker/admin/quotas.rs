//! Quotas of clients. Any broker passes the questions on to the controller, if it reaches that: each
//! is asked in turn, and none for long.

use super::{checked, explained};
use crate::environment::docker::cluster::Cluster;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};
use kafka_protocol::protocol::{Request, StrBytes};
use std::time::Duration;
use tokio::time::timeout;

/// The longest that one broker is waited for: all of them together less than a conductor waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// The version of both questions.
const VERSION: i16 = 1;

/// How fast a client may be at each broker, in bytes a second; as fast as it can where nothing is
/// said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::environment::docker) struct Quota {
    pub(in crate::environment::docker) produce: Option<f64>,
    pub(in crate::environment::docker) fetch: Option<f64>,
}

/// Sets the quota of the clients with an id; without one, of each client that has none by its id.
pub(in crate::environment::docker) async fn alter(
    cluster: &Cluster,
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
    let answer = ask_anybody(cluster, &request).await?;
    answer
        .entries
        .iter()
        .try_for_each(|entry| explained(entry.error_code, "alter a quota", &entry.error_message))
}

/// Every quota that is set, a line each.
pub(in crate::environment::docker) async fn in_force(
    cluster: &Cluster,
) -> anyhow::Result<Vec<String>> {
    let answer = ask_anybody(cluster, &DescribeClientQuotasRequest::default()).await?;
    checked(answer.error_code, "describe quotas")?;
    let entries = answer.entries.unwrap_or_default();
    let mut lines: Vec<String> = entries
        .iter()
        .flat_map(|entry| {
            let name = |name: &Option<StrBytes>| {
                name.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string)
            };
            let whose = entry.entity.iter();
            let whose =
                whose.map(|one| format!("{} {}", one.entity_type.as_str(), name(&one.entity_name)));
            let whose = whose.collect::<Vec<_>>().join(", ");
            let values = entry.values.iter();
            values.map(move |value| {
                format!("quota of {whose}: {} {}", value.key.as_str(), value.value)
            })
        })
        .collect();
    lines.sort_unstable();
    Ok(lines)
}

/// The first answer that any broker gives in time, to a question in the version that is used here.
async fn ask_anybody<R: Request>(cluster: &Cluster, request: &R) -> anyhow::Result<R::Response> {
    let mut why = anyhow::anyhow!("there is no broker");
    for id in cluster.ids() {
        let asked = async { cluster.connect_to(id).await?.ask(VERSION, request).await };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => why = error,
            Err(_) => why = anyhow::anyhow!("broker {id} was silent for {PATIENCE:?}"),
        }
    }
    Err(why)
}
