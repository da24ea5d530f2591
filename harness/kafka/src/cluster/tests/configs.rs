//! Settings of topics and brokers, described and altered.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::{
    AlterConfigsRequest, CreateTopicsRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest, alter_configs_request as legacy,
    incremental_alter_configs_request as incremental,
};

use super::conversation::text;
use super::*;
use ResponseError::*;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

impl World {
    /// Changes one setting of topic "t" or of brokers, and gives the error code.
    fn set(&mut self, kind: i8, resource: &'static str, steps: &[(&str, i8, &str)]) -> i16 {
        let configs = steps.iter().map(|&(name, operation, value)| {
            incremental::AlterableConfig::default()
                .with_name(StrBytes::from_string(name.into()))
                .with_config_operation(operation)
                .with_value((operation != DELETE).then(|| StrBytes::from_string(value.into())))
        });
        let resource = incremental::AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(resource))
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        self.ask(1, 1, &request).responses[0].error_code
    }

    fn configs(&mut self, kind: i8, name: &'static str) -> Vec<DescribeConfigsResourceResult> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let mut answer = self.ask(1, 4, &request.with_include_synonyms(true));
        assert_eq!(answer.results[0].error_code, 0);
        answer.results.remove(0).configs
    }

    /// Value, source and the sources of all synonyms of one setting.
    fn config(&mut self, kind: i8, resource: &'static str, name: &str) -> (String, i8, Vec<i8>) {
        let all = self.configs(kind, resource);
        let found = all.into_iter().find(|config| &*config.name == name).expect("described");
        let sources = found.synonyms.iter().map(|synonym| synonym.source).collect();
        (found.value.unwrap().to_string(), found.config_source, sources)
    }
}

#[test]
fn a_topic_has_all_of_kafkas_settings_and_says_where_they_come_from() {
    let mut world = World::with_topic();
    assert_eq!(world.configs(TOPIC, "t").len(), 33);
    let kafkas = world.config(TOPIC, "t", "segment.bytes");
    assert_eq!(kafkas, ("1073741824".into(), 5, vec![5]));
    assert_eq!(world.set(TOPIC, "t", &[("retention.ms", SET, "8000")]), 0);
    let no_default = world.config(TOPIC, "t", "retention.ms");
    assert_eq!(no_default, ("8000".into(), 1, vec![1]), "log.retention.hours has the default");
    let started = world.config(TOPIC, "t", "min.insync.replicas");
    assert_eq!(started, ("2".into(), 3, vec![3, 4]));
    assert_eq!(world.set(TOPIC, "t", &[("min.insync.replicas", SET, "3")]), 0);
    assert_eq!(world.set(BROKER, "", &[("min.insync.replicas", SET, "1")]), 0);
    let own = world.config(TOPIC, "t", "min.insync.replicas");
    assert_eq!(own, ("3".into(), 1, vec![1, 3, 4]));
    assert_eq!(world.set(BROKER, "1", &[("message.max.bytes", SET, "2000")]), 0);
    let broker = world.config(BROKER, "1", "message.max.bytes");
    assert_eq!((broker.0, broker.1), ("2000".into(), 2));
    assert_eq!(world.config(BROKER, "", "min.insync.replicas"), ("1".into(), 3, vec![3]));
}

#[test]
fn there_is_one_min_insync_replicas_for_all_brokers() {
    let mut world = World::with_topic();
    let own = world.set(BROKER, "1", &[("min.insync.replicas", SET, "2")]);
    assert_eq!(own, InvalidConfig.code(), "no broker has one for itself");
    let removed = world.set(BROKER, "", &[("min.insync.replicas", DELETE, "")]);
    assert_eq!(removed, InvalidConfig.code());
    let eligible =
        |world: &World| world.cluster.partitions("t").unwrap()[0].eligible_leaders.clone();
    for broker in [3, 2] {
        world.cluster.crash(world.now, broker).unwrap();
        world.pass(SECOND);
    }
    assert_eq!(eligible(&world), [2]);
    assert_eq!(world.set(BROKER, "", &[("message.max.bytes", SET, "2000")]), 0);
    assert_eq!(eligible(&world), [2]);
    assert_eq!(world.set(TOPIC, "t", &[("min.insync.replicas", SET, "1")]), 0);
    assert_eq!(eligible(&world), [0; 0], "they were counted by another minimum");
}

#[test]
fn what_is_altered_takes_effect() {
    let mut world = World::with_topic();
    assert_eq!(world.set(TOPIC, "t", &[("max.message.bytes", SET, "90")]), 0);
    let refused = world.produce(1, 1, sample(1, None, 40)).error_code;
    assert_eq!(refused, MessageTooLarge.code());
    assert_eq!(world.set(TOPIC, "t", &[("max.message.bytes", DELETE, "")]), 0);
    assert_eq!(world.produce(1, 1, sample(1, None, 40)).error_code, 0);
    assert_eq!(world.set(TOPIC, "t", &[("retention.ms", SET, "5000")]), 0);
    world.pass(8 * SECOND);
    assert_eq!(world.cluster.partitions("t").unwrap()[0].log_start, 1);
    assert_eq!(world.set(TOPIC, "t", &[("cleanup.policy", SET, "compact")]), 0);
    assert_eq!(world.produce(1, 1, sample(1, None, 40)).error_code, 0);
    world.pass(8 * SECOND);
    assert_eq!(world.cluster.partitions("t").unwrap()[0].log_start, 1, "no age for compaction");
}

#[test]
fn a_default_for_all_brokers_reaches_the_topics_that_do_not_say() {
    let mut world = World::with_topic();
    assert_eq!(world.set(BROKER, "", &[("message.max.bytes", SET, "90")]), 0);
    let refused = world.produce(1, 1, sample(1, None, 40)).error_code;
    assert_eq!(refused, MessageTooLarge.code());
    assert_eq!(world.set(TOPIC, "t", &[("max.message.bytes", SET, "1000")]), 0);
    assert_eq!(world.produce(1, 1, sample(1, None, 40)).error_code, 0);
}

#[test]
fn lists_grow_and_shrink() {
    let mut world = World::with_topic();
    let policy = |world: &mut World| world.config(TOPIC, "t", "cleanup.policy").0;
    assert_eq!(world.set(TOPIC, "t", &[("cleanup.policy", APPEND, "compact")]), 0);
    assert_eq!(policy(&mut world), "delete,compact");
    assert_eq!(world.set(TOPIC, "t", &[("cleanup.policy", SUBTRACT, "delete")]), 0);
    assert_eq!(policy(&mut world), "compact");
    assert_eq!(world.set(TOPIC, "t", &[("retention.ms", APPEND, "5")]), InvalidConfig.code());
}

#[test]
fn refusals_are_kafkas() {
    type Steps = &'static [(&'static str, i8, &'static str)];
    let cases: &[(i8, &'static str, Steps, ResponseError)] = &[
        (TOPIC, "t", &[("retention.ms", SET, "soon")], InvalidConfig),
        (TOPIC, "t", &[("no.such", SET, "1")], InvalidConfig),
        (TOPIC, "absent", &[("no.such", SET, "1")], InvalidConfig),
        (TOPIC, "absent", &[("retention.ms", SET, "1")], UnknownTopicOrPartition),
        (TOPIC, "not legal", &[("retention.ms", SET, "1")], InvalidTopicException),
        (TOPIC, "", &[("retention.ms", SET, "1")], InvalidRequest),
        (TOPIC, "t", &[("retention.ms", SET, "1"), ("retention.ms", SET, "2")], InvalidRequest),
        (TOPIC, "t", &[("retention.ms", 9, "1")], UnknownServerError),
        (BROKER, "2", &[("log.retention.ms", SET, "1")], InvalidRequest),
        (BROKER, "one", &[("log.retention.ms", SET, "1")], InvalidRequest),
        (BROKER, "", &[("log.retention.ms", SET, "soon")], InvalidRequest),
        (BROKER, "1", &[("num.partitions", SET, "3")], InvalidRequest),
        (99, "t", &[("retention.ms", SET, "1")], InvalidRequest),
    ];
    for (kind, resource, steps, expected) in cases {
        let mut world = World::with_topic();
        let before = world.configs(TOPIC, "t");
        assert_eq!(world.set(*kind, resource, steps), expected.code(), "{resource:?} {steps:?}");
        assert_eq!(world.configs(TOPIC, "t"), before);
    }
}

#[test]
fn the_legacy_request_replaces_everything_unless_it_only_checks() {
    let mut world = World::with_topic();
    assert_eq!(world.set(TOPIC, "t", &[("segment.ms", SET, "7")]), 0);
    let mut alter = |only_check: bool, twice: bool| {
        let config = legacy::AlterableConfig::default().with_name(text("flush.ms"));
        let resource = legacy::AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text("t"))
            .with_configs(vec![config.with_value(Some(text("9")))]);
        let resources = vec![resource; if twice { 2 } else { 1 }];
        let request = AlterConfigsRequest::default().with_resources(resources);
        let answer = world.ask(1, 2, &request.with_validate_only(only_check));
        let own = world.cluster.topics.named("t").unwrap().settings.own();
        (answer.responses[0].error_code, own.keys().copied().collect::<Vec<_>>())
    };
    assert_eq!(alter(true, false), (0, vec!["segment.ms"]));
    assert_eq!(alter(false, true), (InvalidRequest.code(), vec!["segment.ms"]));
    assert_eq!(alter(false, false), (0, vec!["flush.ms"]));
}

#[test]
fn a_broker_describes_itself_only_and_unknown_kinds_spoil_the_request() {
    let mut world = World::with_topic();
    let mut ask = |kind: i8, name: &'static str| {
        let resource = DescribeConfigsResource::default().with_resource_type(kind);
        let resource = resource.with_resource_name(text(name)).with_configuration_keys(None);
        let topic = DescribeConfigsResource::default().with_resource_type(TOPIC);
        let topic = topic.with_resource_name(text("t")).with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource, topic]);
        let answer = world.ask(1, 4, &request);
        (answer.results[0].error_code, answer.results[1].error_code)
    };
    assert_eq!(ask(BROKER, "1"), (0, 0));
    assert_eq!(ask(BROKER, ""), (0, 0));
    assert_eq!(ask(BROKER, "2"), (InvalidRequest.code(), 0));
    assert_eq!(ask(8, "1"), (0, 0));
    assert_eq!(ask(8, ""), (InvalidRequest.code(), 0));
    assert_eq!(ask(TOPIC, "absent"), (UnknownTopicOrPartition.code(), 0));
    assert_eq!(ask(99, "x"), (InvalidRequest.code(), InvalidRequest.code()));
}

#[test]
fn a_topic_is_created_with_settings() {
    let mut world = World::with_topic();
    let mut create = |config: &'static str, value: Option<&'static str>| {
        let config = CreatableTopicConfig::default().with_name(text(config));
        let topic = CreatableTopic::default()
            .with_name(name("new"))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(vec![config.with_value(value.map(text))]);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        world.ask(1, 7, &request).topics.remove(0)
    };
    assert_eq!(create("retention.ms", None).error_code, InvalidConfig.code());
    assert_eq!(create("retention", Some("1")).error_code, InvalidConfig.code());
    let created = create("retention.ms", Some("1"));
    assert_eq!(created.error_code, 0);
    let configs = created.configs.unwrap();
    let own: Vec<_> = configs.iter().filter(|config| config.config_source == 1).collect();
    assert_eq!((configs.len(), own.len()), (33, 1));
}
