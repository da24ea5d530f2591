//! An embedded Kafka cluster with a failure model, for tests.

mod coordinator;
