//! An embedded Kubernetes control plane with emulated nodes, for tests.
