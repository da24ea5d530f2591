use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn pod() -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "c", "image": "web:1"}]},
        "status": {"conditions": [{"type": "PodScheduled", "status": "True",
            "lastTransitionTime": "1970-01-01T00:00:01Z"}]}
    }))
    .unwrap()
}

fn ready_condition(status: &PodStatus) -> &PodCondition {
    status.conditions.as_ref().unwrap().iter().find(|it| it.type_ == "Ready").unwrap()
}

fn container(status: &PodStatus) -> &ContainerStatus {
    &status.container_statuses.as_ref().unwrap()[0]
}

#[test]
fn a_pod_goes_from_pending_to_ready() {
    let pod = pod();
    let mut report = Report::new(&pod, "127.64.1.1", &at(2));
    let status = report.render(&pod, &at(2));
    assert_eq!((status.phase.as_deref(), status.pod_ip.as_deref()), (Some("Pending"), None));
    let waiting = container(&status).state.clone().unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("ContainerCreating"));
    let scheduled = &status.conditions.as_ref().unwrap()[0];
    assert_eq!(scheduled.last_transition_time, Some(at(1)), "the scheduler's time is kept");

    report.set_address("127.64.1.2".into());
    report.running(at(3), false);
    let status = report.render(&pod, &at(3));
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("127.64.1.2"));
    assert_eq!(ready_condition(&status).status, "False");

    report.set_ready(true);
    let status = report.render(&pod, &at(4));
    let ready = ready_condition(&status);
    assert_eq!((ready.status.as_str(), &ready.last_transition_time), ("True", &Some(at(4))));
    assert_eq!(ready.reason, None);
    assert!(container(&status).ready);
    assert_eq!(ready_condition(&report.render(&pod, &at(9))).last_transition_time, Some(at(4)));
}

#[test]
fn a_container_that_ended_is_shown_with_its_end_and_its_restarts() {
    let pod = pod();
    let mut report = Report::new(&pod, "h", &at(1));
    report.running(at(2), true);
    report.ended(ProcessStatus::Signal(9), at(3), true);
    let status = report.render(&pod, &at(3));
    assert_eq!(status.phase.as_deref(), Some("Running"));
    let shown = container(&status);
    assert_eq!((shown.restart_count, shown.ready), (1, false));
    let last = shown.last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.exit_code, last.signal, last.started_at), (137, Some(9), Some(at(2))));

    report.running(at(4), true);
    report.ended(ProcessStatus::Code(0), at(5), false);
    let status = report.render(&pod, &at(5));
    assert_eq!(status.phase.as_deref(), Some("Succeeded"));
    let end = container(&status).state.clone().unwrap().terminated.unwrap();
    assert_eq!(end.reason.as_deref(), Some("Completed"));
}

#[test]
fn a_container_that_the_node_lost_is_restarted() {
    let mut pod = pod();
    let mut report = Report::new(&pod, "h", &at(1));
    report.running(at(2), true);
    pod.status = Some(report.render(&pod, &at(2)));
    let mut report = Report::new(&pod, "h", &at(9));
    let status = report.render(&pod, &at(9));
    assert_eq!(container(&status).restart_count, 1);
    let last = container(&status).last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (255, Some("Unknown")));
    assert_eq!(status.start_time, Some(at(1)));
}
