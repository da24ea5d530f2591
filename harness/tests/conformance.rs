//! Every kind of fault that the catalogue has, in every environment that claims it: it lands, has
//! evidence, heals, heals twice, survives that nobody waits for it, and leaves nothing.

mod program;

use harness::catalogue;
use program::{command, stormgauge, text};
use serde_json::Value;
use std::process::Stdio;

/// Most of the time is spent waiting, so that several environments at once are sooner done.
const AT_ONCE: usize = 3;

#[test]
fn every_kind_of_fault_keeps_what_injectors_promise() {
    let folder = tempfile::tempdir().unwrap();
    let entries = catalogue::entries().into_iter();
    let claimed = entries.filter(|entry| entry.environments.contains(&"local"));
    let claimed: Vec<&str> = claimed.map(|entry| entry.fault).collect();
    let part = |number: usize| {
        let out = number.to_string();
        let options = ["conformance", "--env", "local", "--out", out.as_str(), "-o", "json"];
        let kinds = claimed.iter().skip(number).step_by(AT_ONCE);
        let arguments: Vec<&str> = options.into_iter().chain(kinds.copied()).collect();
        let mut part = command(folder.path(), &arguments);
        part.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let parts: Vec<_> = (0..AT_ONCE).map(part).collect();
    let mut tried = Vec::new();
    for part in parts {
        let output = part.wait_with_output().expect("the program ends");
        let errors = text(&output.stderr);
        let held: Vec<Value> = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {errors}"));
        for outcome in &held {
            let broken = outcome["broken"].as_array().expect("promises are listed");
            assert!(broken.is_empty() && outcome["evidence"] != "", "{outcome:#}");
            tried.push(outcome["fault"].as_str().expect("kinds are named").to_owned());
        }
        assert_eq!(output.status.code(), Some(0), "{errors}");
    }
    tried.sort_unstable();
    let mut claimed = claimed;
    claimed.sort_unstable();
    assert_eq!(tried, claimed);
}

#[test]
fn an_unknown_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = stormgauge(folder.path(), &["conformance", "node_crush"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("node_crush: no such kind"));
}
