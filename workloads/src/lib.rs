//! Streaming workloads: event models, arrivals, schemas and the reference worker.
