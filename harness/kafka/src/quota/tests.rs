//! Quotas at times that the tests choose.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};
use kafka_protocol::protocol::StrBytes;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ZERO: Duration = Duration::ZERO;
const ME: (&str, &str) = ("ANONYMOUS", "me");

fn limited(target: QuotaTarget, bytes: f64) -> Quotas {
    let mut quotas = Quotas::default();
    let quota = Quota { producer_bytes: Some(bytes), ..Quota::default() };
    quotas.set(target, quota).unwrap();
    quotas
}

fn produce(quotas: &mut Quotas, now: Duration, who: (&str, &str), bytes: f64) -> Duration {
    quotas.record(now, 1, Kind::Produce, who, bytes)
}

/// Ten seconds of quota are free at the start, as ten empty windows count; what is beyond takes
/// its time. The window that has just begun counts by the part of it that is over, so that the
/// wait is a second again when it is whole.
#[test]
fn a_client_waits_until_its_rate_is_within_the_quota_again() {
    let mut quotas = limited(QuotaTarget::client("me"), 1_000.0);
    assert_eq!(produce(&mut quotas, ZERO, ME, 10_000.0), ZERO);
    assert_eq!(produce(&mut quotas, ZERO, ME, 1_000.0), SECOND);
    assert_eq!(produce(&mut quotas, SECOND / 2, ME, 0.0), SECOND / 2);
    assert_eq!(produce(&mut quotas, SECOND, ME, 0.0), SECOND);
    assert_eq!(produce(&mut quotas, 3 * SECOND / 2, ME, 500.0), SECOND);
    assert_eq!(produce(&mut quotas, 13 * SECOND, ME, 0.0), ZERO);
}

#[test]
fn who_obeys_gets_just_the_quota_in_the_long_run() {
    let mut quotas = limited(QuotaTarget::client("me"), 1_000.0);
    let (mut now, mut sent) = (ZERO, 0.0);
    while now < Duration::from_secs(300) {
        sent += 700.0;
        now += produce(&mut quotas, now, ME, 700.0) + Duration::from_millis(1);
    }
    let rate = sent / now.as_secs_f64();
    assert!((950.0..1_050.0).contains(&rate), "{rate}");
}

#[test]
fn what_came_long_ago_is_forgotten() {
    let mut quotas = limited(QuotaTarget::client("me"), 1_000.0);
    assert_eq!(produce(&mut quotas, ZERO, ME, 100_000.0), 90 * SECOND);
    assert_eq!(produce(&mut quotas, 11 * SECOND, ME, 10_000.0), ZERO);
}

#[test]
fn brokers_and_kinds_and_clients_are_measured_apart() {
    let mut quotas = limited(QuotaTarget::any_client(), 1_000.0);
    assert!(produce(&mut quotas, ZERO, ME, 20_000.0) > ZERO);
    assert_eq!(quotas.record(ZERO, 2, Kind::Produce, ME, 1.0), ZERO);
    assert_eq!(quotas.record(ZERO, 1, Kind::Fetch, ME, 1e9), ZERO);
    assert_eq!(produce(&mut quotas, ZERO, ("ANONYMOUS", "you"), 1.0), ZERO);
    assert_eq!(produce(&mut quotas, ZERO, ("ANONYMOUS", ""), 1e9), ZERO, "no client id");
}

#[test]
fn the_most_specific_quota_counts() {
    let named = |name: &str| Some(Some(name.to_owned()));
    let order = [
        QuotaTarget { user: named("u"), client_id: named("c") },
        QuotaTarget { user: named("u"), client_id: Some(None) },
        QuotaTarget { user: named("u"), client_id: None },
        QuotaTarget { user: Some(None), client_id: named("c") },
        QuotaTarget { user: Some(None), client_id: Some(None) },
        QuotaTarget { user: Some(None), client_id: None },
        QuotaTarget { user: None, client_id: named("c") },
        QuotaTarget { user: None, client_id: Some(None) },
    ];
    let mut quotas = Quotas::default();
    for (place, target) in order.iter().enumerate().rev() {
        let quota = Quota { consumer_bytes: Some(place as f64 + 1.0), ..Quota::default() };
        quotas.set(target.clone(), quota).unwrap();
        assert_eq!(quotas.largest(Kind::Fetch, "u", "c"), Some(10.0 * (place as f64 + 1.0)));
    }
    for target in order {
        quotas.set(target, Quota::default()).unwrap();
    }
    assert!(!quotas.any());
}

#[test]
fn the_clients_of_a_user_share_its_quota() {
    let mut quotas = limited(QuotaTarget::user("u"), 1_000.0);
    assert_eq!(produce(&mut quotas, ZERO, ("u", "a"), 10_000.0), ZERO);
    assert_eq!(produce(&mut quotas, ZERO, ("u", "b"), 1_000.0), SECOND);
}

#[test]
fn a_share_of_time_throttles_for_a_second_at_most() {
    let mut quotas = Quotas::default();
    let quota = Quota { request_percentage: Some(1.0), ..Quota::default() };
    quotas.set(QuotaTarget::client("me"), quota).unwrap();
    assert_eq!(quotas.record(ZERO, 1, Kind::Request, ME, 10_000.0), SECOND);
}

#[test]
fn what_is_taken_back_does_not_count() {
    let mut quotas = limited(QuotaTarget::client("me"), 1_000.0);
    assert!(produce(&mut quotas, ZERO, ME, 20_000.0) > ZERO);
    quotas.take_back(ZERO, 1, Kind::Produce, ME, 20_000.0);
    assert_eq!(produce(&mut quotas, ZERO, ME, 10_000.0), ZERO);
}

#[test]
fn many_client_ids_take_bounded_memory() {
    let mut quotas = limited(QuotaTarget::any_client(), 1.0);
    for number in 0..12_000 {
        produce(&mut quotas, ZERO, ("u", &number.to_string()), 1.0);
    }
    assert_eq!(quotas.rates.len(), ENTITIES_MAX);
    produce(&mut quotas, 20 * SECOND, ("u", "new"), 1.0);
    assert_eq!(quotas.rates.len(), 1);
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn entry(parts: &[(&str, Option<&str>)], ops: &[(&str, Option<f64>)]) -> EntryData {
    let entity = parts.iter().map(|(kind, name)| {
        let entity = EntityData::default().with_entity_type(text(kind));
        entity.with_entity_name(name.map(text))
    });
    let ops = ops.iter().map(|(key, value)| {
        let op = OpData::default().with_key(text(key)).with_remove(value.is_none());
        op.with_value(value.unwrap_or_default())
    });
    EntryData::default().with_entity(entity.collect()).with_ops(ops.collect())
}

fn alter(quotas: &mut Quotas, entries: Vec<EntryData>) -> Vec<i16> {
    let response = quotas.alter(AlterClientQuotasRequest::default().with_entries(entries));
    response.entries.iter().map(|entry| entry.error_code).collect()
}

#[test]
fn requests_set_and_remove_and_refuse() {
    let mut quotas = Quotas::default();
    let rate = ("producer_byte_rate", Some(1_000.0));
    let me = ("client-id", Some("me"));
    let codes = alter(
        &mut quotas,
        vec![
            entry(&[me], &[rate, ("controller_mutation_rate", Some(0.5))]),
            entry(&[me], &[rate]),
            entry(&[], &[rate]),
            entry(&[("ip", Some("::1"))], &[rate]),
            entry(&[me, me], &[rate]),
            entry(&[("user", None)], &[rate, rate]),
            entry(&[("user", None)], &[("nonsense", Some(1.0))]),
            entry(&[("user", Some("a"))], &[("producer_byte_rate", Some(0.0))]),
            entry(&[("user", Some("b"))], &[("producer_byte_rate", Some(1.5))]),
            entry(&[("user", Some("c"))], &[("request_percentage", Some(f64::NAN))]),
        ],
    );
    assert_eq!(codes, [0, 42, 42, 42, 42, 42, 42, 42, 42, 42]);
    assert_eq!(quotas.limits.len(), 1);
    assert_eq!(produce(&mut quotas, ZERO, ME, 11_000.0), SECOND);
    let gone = [("producer_byte_rate", None), ("controller_mutation_rate", None)];
    assert_eq!(alter(&mut quotas, vec![entry(&[me], &gone)]), [0]);
    assert!(!quotas.any());
}

#[test]
fn descriptions_fit_their_filter() {
    let mut quotas = Quotas::default();
    let rate = [("consumer_byte_rate", Some(5.0))];
    let (user, client) = (("user", Some("u")), ("client-id", Some("c")));
    let entries = [&[user][..], &[user, client], &[client], &[("user", None)]];
    alter(&mut quotas, entries.iter().map(|parts| entry(parts, &rate)).collect());
    let describe = |parts: &[(&str, i8, Option<&str>)], strict| {
        let components = parts.iter().map(|(kind, match_type, name)| {
            let component = ComponentData::default().with_entity_type(text(kind));
            component.with_match_type(*match_type).with_match(name.map(text))
        });
        let request = DescribeClientQuotasRequest::default().with_strict(strict);
        let response = quotas.describe(request.with_components(components.collect()));
        (response.error_code, response.entries.map_or(0, |entries| entries.len()))
    };
    assert_eq!(describe(&[], false), (0, 4));
    assert_eq!(describe(&[("user", 0, Some("u"))], false), (0, 2));
    assert_eq!(describe(&[("user", 0, Some("u"))], true), (0, 1));
    assert_eq!(describe(&[("user", 1, None)], false), (0, 1));
    assert_eq!(describe(&[("user", 2, None)], false), (0, 3));
    assert_eq!(describe(&[("client-id", 2, None), ("user", 2, None)], true), (0, 1));
    assert_eq!(describe(&[("user", 0, None)], false), (42, 0));
    assert_eq!(describe(&[("user", 3, None)], false), (42, 0));
    assert_eq!(describe(&[("user", 2, None), ("user", 2, None)], false), (42, 0));
    assert_eq!(describe(&[("shoe", 2, None)], false), (35, 0));
}
