//! Chaos and benchmarking harness for streaming workloads on Kubernetes.
