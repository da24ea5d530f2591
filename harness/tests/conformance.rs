//! Every kind of fault that the catalogue has, in every environment that claims it: it lands, has
//! evidence, heals, heals twice, survives that nobody waits for it, and leaves nothing.

use harness::catalogue;
use serde_json::Value;
use std::process::Command;

#[test]
fn every_kind_of_fault_keeps_what_injectors_promise() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_stormgauge"))
        .args(["conformance", "--env", "local", "--out", "out", "-o", "json"])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let held: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    for outcome in &held {
        let broken = outcome["broken"].as_array().expect("promises are listed");
        assert!(broken.is_empty() && outcome["evidence"] != "", "{outcome:#}");
    }
    let entries = catalogue::entries().into_iter();
    let claimed = entries.filter(|entry| entry.environments.contains(&"local"));
    let mut claimed: Vec<&str> = claimed.map(|entry| entry.fault).collect();
    let mut tried: Vec<&str> =
        held.iter().filter_map(|outcome| outcome["fault"].as_str()).collect();
    claimed.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, claimed, "{errors}");
    assert_eq!(output.status.code(), Some(0), "{errors}");

    let unknown = Command::new(env!("CARGO_BIN_EXE_stormgauge"))
        .args(["conformance", "node_crush"])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("node_crush: no such kind"));
}
