//! Kubernetes operator that allocates workers to streaming jobs.
