//! The `StreamingJob` resource, version `v1alpha1` of `streaming.stormgauge.dev`.
//!
//! Types are lenient where the schema is strict: an object that slipped past admission (an
//! older schema, a server that does not validate) must still be readable, so that it can be
//! marked as degraded while other jobs are served. That is why durations are kept as text, and
//! unknown fields, which the API server prunes, are not refused here.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use duration::DurationText;
pub use spec::{
    EnvironmentVariable, KafkaSink, KafkaSource, ObjectivesSpec, PaceSpec, ScalingSpec, SinkSpec,
    SourceSpec, StrategySpec, StreamingJob, StreamingJobSpec, WorkerSpec,
};
pub use status::{DecisionRecord, ObservationSummary, StreamingJobStatus};

mod duration;
mod spec;
mod status;

/// Group of the resource.
pub const GROUP: &str = "streaming.stormgauge.dev";

/// The definition to install on a cluster; `deploy/crd.yaml` is made from it.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    StreamingJob::crd()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DEPLOY=1 cargo test -p operator` writes the file anew.
    #[test]
    fn the_checked_in_definition_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/crd.yaml");
        let generated = serde_saphyr::to_string(&crd()).unwrap();
        if std::env::var_os("UPDATE_DEPLOY").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == generated, "deploy/crd.yaml is stale: run with UPDATE_DEPLOY=1");
        let read: serde_json::Value = serde_saphyr::from_str(&kept).unwrap();
        assert_eq!(read, serde_json::to_value(crd()).unwrap());
    }

    #[test]
    fn the_definition_has_its_subresources_columns_and_names() {
        let definition = crd();
        let names = &definition.spec.names;
        assert_eq!(names.plural, "streamingjobs");
        assert_eq!(names.short_names.as_deref(), Some(&["sj".to_owned()][..]));
        let version = &definition.spec.versions[0];
        let subresources = version.subresources.as_ref().unwrap();
        assert!(subresources.status.is_some());
        let scale = subresources.scale.as_ref().unwrap();
        assert_eq!(scale.spec_replicas_path, ".spec.scaling.replicas");
        assert_eq!(scale.label_selector_path.as_deref(), Some(".status.selector"));
        let columns = version.additional_printer_columns.as_ref().unwrap();
        let columns: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let expected = ["Strategy", "Replicas", "Desired", "Ready", "Lag", "Healthy", "Age"];
        assert_eq!(columns, expected);
    }

    #[test]
    fn a_minimal_job_reads_with_its_defaults() {
        let job: StreamingJob = serde_json::from_value(serde_json::json!({
            "apiVersion": "streaming.stormgauge.dev/v1alpha1",
            "kind": "StreamingJob",
            "metadata": {"name": "prices"},
            "spec": {
                "source": {"kafka": {"bootstrapServers": "b:9092", "topic": "t", "group": "g"}},
                "worker": {"command": ["worker"]},
                "strategy": {"name": "LowLatency"},
                "scaling": {"maxReplicas": 4},
            },
        }))
        .unwrap();
        assert_eq!(job.spec.worker.metrics_port, 9464);
        assert_eq!(job.spec.scaling.min_replicas, 1);
        assert_eq!(job.spec.scaling.sync_period.as_str(), "15s");
        assert_eq!(job.spec.objectives, ObjectivesSpec::default());
    }

    #[test]
    fn the_example_is_a_valid_job() {
        let text = include_str!("../deploy/example.yaml");
        let job: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        let mut job: StreamingJob = serde_json::from_value(job).unwrap();
        job.metadata.uid = Some("u".to_owned());
        let found = crate::reconcile::dereference::Found::default();
        crate::reconcile::validate::validate(&job, &found).unwrap();
    }
}
