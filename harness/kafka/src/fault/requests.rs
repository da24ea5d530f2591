//! Requests that fail, by API: refused with an error code, or carried out and never answered.

/// How requests of one API fail at one broker.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiFailure {
    /// Kafka's number of the API: 0 is Produce, 1 is Fetch.
    pub api_key: i16,
    /// What becomes of them.
    pub outcome: RequestOutcome,
    /// Which of them.
    pub affected: Affected,
    /// The requests of clients with one of these `client.id`s never fail.
    pub spared: Vec<String>,
}

/// What becomes of a request that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It is answered with this error code (6 is `NOT_LEADER_OR_FOLLOWER`), for every partition,
    /// topic or group that it names, or once where the API has one code. Nothing is done, except
    /// where Kafka gives the code after the write only: Produce with `REQUEST_TIMED_OUT` (7) or
    /// `NOT_ENOUGH_REPLICAS_AFTER_APPEND` (20).
    Error(i16),
    /// It is carried out, and in place of its answer the connection is closed. A Produce of
    /// `acks=0` is not concerned: it has no answer.
    AnswerLost,
}

/// Which requests fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Affected {
    /// Every one.
    All,
    /// Each with this probability, above 0 and at most 1, drawn from the cluster's seed.
    Share(f64),
    /// The next so many.
    Next(u64),
}

/// How many requests have failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedRequests {
    /// All that were answered with the error, or not at all. What cannot be answered with it is
    /// not counted: a Metadata that names no topics, a Fetch whose session is not known.
    pub requests: u64,
    /// Those among them that were carried out, and would have been answered without any error.
    pub carried_out: u64,
}
