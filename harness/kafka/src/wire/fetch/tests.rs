//! The hand-written encoding against the codec's own.

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use kafka_protocol::messages::{BrokerId, ProducerId};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::super::chain::Output;
use super::*;
use crate::log::batch::tests::sample;

#[test]
fn every_version_is_encoded_as_the_codec_does() {
    let batches: Vec<Batch> = [20, 5_000, 1]
        .iter()
        .flat_map(|&padding| Batch::split(sample(2, None, padding), 1 << 20).unwrap())
        .collect();
    let records: Vec<u8> =
        batches.iter().flat_map(|batch| [&batch.prefix()[..], &batch.rest()].concat()).collect();
    let whole = records.len() - batches[2].len();
    let name = TopicName(StrBytes::from_static_str("a topic"));
    let id = Uuid::from_u128(99);
    let aborted = [None, Some(Vec::new()), Some(vec![Aborted::of(7, 60), Aborted::of(8, 62)])];
    for (version, aborted) in
        (4..=18).flat_map(|version| aborted.iter().map(move |aborted| (version, aborted.clone())))
    {
        // From nothing to most of the last batch, so that the cut is before and after its prefix.
        let torn = version as usize * 3;
        let answer = FetchAnswer {
            session_id: 0,
            throttle_time_ms: 250,
            error_code: if version >= 7 { 3 } else { 0 },
            topics: vec![FetchedTopic {
                name: name.clone(),
                id,
                partitions: vec![FetchedPartition {
                    index: 5,
                    error_code: 6,
                    high_watermark: 70,
                    last_stable: 64,
                    log_start: 8,
                    aborted: aborted.clone(),
                    diverging: (version >= 12).then_some((3, 61)),
                    current_leader: (version >= 12).then_some((2, 9)),
                    batches: batches[..2].to_vec(),
                    torn: Some((batches[2].clone(), torn)),
                }],
            }],
            endpoints: vec![(2, "127.0.0.1".into(), 9_092)],
        };
        let mut frame = Frame::new();
        answer.encode(&mut frame, version);
        let mut output = Output::default();
        frame.finish(&mut output).unwrap();
        let ours: Vec<u8> = output.slices().iter().flat_map(|piece| piece.to_vec()).collect();
        let mut theirs = BytesMut::new();
        let mut response = codec(version, &name, id, records[..whole + torn].to_vec().into());
        response.responses[0].partitions[0].aborted_transactions = aborted.map(listed);
        response.encode(&mut theirs, version).unwrap();
        assert_eq!(ours[4..], theirs[..], "version {version}");
    }
}

fn listed(aborted: Vec<Aborted>) -> Vec<AbortedTransaction> {
    let listed = aborted.into_iter().map(|aborted| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer_id))
            .with_first_offset(aborted.first_offset)
    });
    listed.collect()
}

fn codec(version: i16, name: &TopicName, id: Uuid, records: Bytes) -> FetchResponse {
    let leader = LeaderIdAndEpoch::default().with_leader_id(BrokerId(2)).with_leader_epoch(9);
    let leader = if version >= 12 { leader } else { LeaderIdAndEpoch::default() };
    let diverging = kafka_protocol::messages::fetch_response::EpochEndOffset::default();
    let diverging = match version {
        12.. => diverging.with_epoch(3).with_end_offset(61),
        _ => diverging,
    };
    let partition = PartitionData::default()
        .with_diverging_epoch(diverging)
        .with_partition_index(5)
        .with_error_code(6)
        .with_high_watermark(70)
        .with_last_stable_offset(64)
        .with_log_start_offset(8)
        .with_current_leader(leader)
        .with_records(Some(records));
    let topic = FetchableTopicResponse::default()
        .with_topic(name.clone())
        .with_topic_id(id)
        .with_partitions(vec![partition]);
    let endpoint = NodeEndpoint::default()
        .with_node_id(BrokerId(2))
        .with_host(StrBytes::from_static_str("127.0.0.1"))
        .with_port(9_092);
    FetchResponse::default()
        .with_throttle_time_ms(250)
        .with_error_code(if version >= 7 { 3 } else { 0 })
        .with_responses(vec![topic])
        .with_node_endpoints(vec![endpoint])
}
