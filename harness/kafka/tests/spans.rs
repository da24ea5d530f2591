//! The spans of requests. Alone in its process: whether a span is wanted is asked once for all
//! threads, and a test beside it without a subscriber would answer.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "observing/support.rs"]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use support::asked;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_has_a_span_that_says_who_asked_and_what_became_of_it() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    asked(0).await.shutdown().await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let closed: Vec<&str> = text.lines().filter(|line| line.contains("close")).collect();
    assert_eq!(closed.len(), 3, "{text}");
    for part in ["broker=1", "api=Metadata", "version=0", "client_id=me", "correlation=7"] {
        assert!(closed[2].contains(part), "{part} in {}", closed[2]);
    }
    assert!(closed[2].contains("error=\"UNKNOWN_TOPIC_OR_PARTITION\" elapsed_us="), "{text}");
}
