use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn resolved(env: Value, env_from: Value, maps: &[(&str, Value)]) -> Result<Value, String> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {
            "name": "web-1", "namespace": "shop",
            "annotations": {"prometheus.io/port": "9464"}, "labels": {"app": "web"}
        },
        "spec": {"nodeName": "node-1", "containers": [
            {"name": "c", "env": env, "envFrom": env_from}]}
    }))
    .unwrap();
    let container = &pod.spec.as_ref().unwrap().containers[0];
    let mut found: ConfigMaps =
        config_maps(container).into_iter().map(|name| (name, None)).collect();
    for (name, data) in maps {
        found.insert((*name).into(), Some(serde_json::from_value(data.clone()).unwrap()));
    }
    let addresses = PodAddresses { pod: "127.64.1.2".into(), host: "127.64.1.1".into() };
    resolve(&pod, container, &addresses, &found).map(|all| json!(all))
}

#[test]
fn fields_of_the_pod_are_found() {
    let field = |path: &str| json!({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}});
    for (path, expected) in [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.annotations['prometheus.io/port']", "9464"),
        ("metadata.annotations['absent']", ""),
        ("metadata.labels['app']", "web"),
        ("spec.nodeName", "node-1"),
        ("status.podIP", "127.64.1.2"),
        ("status.hostIP", "127.64.1.1"),
    ] {
        let env = json!([field(path)]);
        assert_eq!(resolved(env, json!([]), &[]), Ok(json!({"X": expected})), "{path}");
    }
    let problem = resolved(json!([field("metadata.finalizers")]), json!([]), &[]).unwrap_err();
    assert!(problem.contains("env X") && problem.contains("metadata.finalizers"), "{problem}");
}

#[test]
fn a_value_refers_to_what_was_defined_before_it() {
    let env = json!([
        {"name": "LATE", "value": "$(NODE)"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "CLIENT", "value": "$(NODE)/$(POD)"},
        {"name": "TOPIC", "value": "$(TOPIC_FROM_MAP)"},
        {"name": "NODE", "value": "again-$(NODE)"}
    ]);
    let from = json!([{"configMapRef": {"name": "m"}}]);
    let maps = [("m", json!({"TOPIC_FROM_MAP": "ticks"}))];
    assert_eq!(
        resolved(env, from, &maps),
        Ok(json!({
            "LATE": "$(NODE)", "NODE": "again-node-1", "POD": "web-1",
            "CLIENT": "node-1/web-1", "TOPIC": "ticks", "TOPIC_FROM_MAP": "ticks"
        }))
    );
}

#[test]
fn expansion_follows_the_kubelet() {
    let variables: BTreeMap<String, String> =
        [("A".to_owned(), "a".to_owned()), ("D".to_owned(), "$(A)".to_owned())].into();
    for (text, expected) in [
        ("$(A)", "a"),
        ("x$(A)y$(A)z", "xayaz"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(B)", "$(B)"),
        ("$(A", "$(A"),
        ("$A $", "$A $"),
        ("$()", "$()"),
        ("$(D)", "$(A)"),
        ("$é$(A)", "$éa"),
    ] {
        assert_eq!(expand(text, &variables), expected, "{text}");
    }
}

#[test]
fn config_maps_are_taken_whole_or_by_key() {
    let maps = [("m", json!({"K": "v", "a=b": "dropped"}))];
    let from = json!([{"configMapRef": {"name": "m"}, "prefix": "P_"}]);
    assert_eq!(resolved(json!([]), from, &maps), Ok(json!({"P_K": "v"})));
    let key = |name: &str, key: &str, optional: bool| {
        json!([{"name": "X", "valueFrom": {"configMapKeyRef": {
            "name": name, "key": key, "optional": optional}}}])
    };
    assert_eq!(resolved(key("m", "K", false), json!([]), &maps), Ok(json!({"X": "v"})));
    assert_eq!(resolved(key("m", "absent", true), json!([]), &maps), Ok(json!({})));
    assert_eq!(resolved(key("absent", "K", true), json!([]), &maps), Ok(json!({})));
    for (env, part) in
        [(key("m", "absent", false), "no key \"absent\""), (key("gone", "K", false), "\"gone\"")]
    {
        let problem = resolved(env, json!([]), &maps).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
    let missing = json!([{"configMapRef": {"name": "gone"}}]);
    assert!(resolved(json!([]), missing, &maps).is_err());
    let optional = json!([{"configMapRef": {"name": "gone", "optional": true}}]);
    assert_eq!(resolved(json!([]), optional, &maps), Ok(json!({})));
}

#[test]
fn what_cannot_be_given_is_refused_by_name() {
    let secret = json!([{"secretRef": {"name": "s"}}]);
    assert!(resolved(json!([]), secret, &[]).unwrap_err().contains("secretRef"));
    let key = json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
    assert!(resolved(key, json!([]), &[]).unwrap_err().contains("env X"));
    let nul = json!([{"name": "X", "value": "a\u{0}b"}]);
    assert!(resolved(nul, json!([]), &[]).unwrap_err().contains("NUL"));
}

proptest! {
    #[test]
    fn expansion_never_fails_and_leaves_text_without_dollars_alone(text in ".{0,40}") {
        let variables = BTreeMap::from([("A".to_owned(), "a".to_owned())]);
        let expanded = expand(&text, &variables);
        if !text.contains('$') {
            prop_assert_eq!(expanded, text);
        }
    }
}
