use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);

fn start() -> Instant {
    crate::clock::instant()
}

#[test]
fn a_fault_ends_at_its_limit_whatever_it_is_asked() {
    let start = start();
    let mut rules = Rules::default();
    for fault in [ApiFault::Down, ApiFault::Slow(SECOND), ApiFault::ReadsStale(StaleReads::All)] {
        rules.install(fault, (start, LIMIT), 5, 0);
    }
    let last = start + LIMIT - Duration::from_nanos(1);
    assert_eq!(rules.down(last), Some(start + LIMIT));
    assert_eq!(rules.request(last, Asked::Read).waits.len(), 1);
    assert_eq!(rules.stale(last, false, 6), Some(5));
    assert_eq!(rules.down(start + LIMIT), None);
    assert_eq!(rules.stale(start + LIMIT, false, 6), None);
    assert!(rules.rules.is_empty());
}

#[test]
fn the_same_seed_lets_the_same_requests_fail() {
    let fate = |seed| {
        let start = start();
        let mut rules = Rules::default();
        let half = ApiFault::Errors(ApiFailure::InternalError, ApiRequests::Share(0.5));
        rules.install(half, (start, LIMIT), 0, seed);
        let asked = (0..64).map(|_| rules.request(start, Asked::Read).failure.is_some());
        asked.collect::<Vec<_>>()
    };
    assert_eq!(fate(7), fate(7));
    assert_ne!(fate(7), fate(8));
}

#[test]
fn only_watches_that_were_open_are_stalled_and_a_new_one_is_looked_at_when_its_time_comes() {
    let start = start();
    let mut rules = Rules::default();
    let old = rules.opened(start);
    let (stall, _) = rules.install(ApiFault::WatchesStalled, (start, LIMIT), 5, 0);
    let new = rules.opened(start);
    let course = rules.watch(start, old, 5);
    assert!(matches!(course, Course::Stall(_, until) if until == start + LIMIT));
    assert!(matches!(rules.watch(start, new, 5), Course::Open(_)));
    rules.end(stall);
    assert!(matches!(rules.watch(start, old, 5), Course::Open(_)));

    rules.install(ApiFault::WatchesCut(SECOND), (start, LIMIT), 5, 0);
    assert!(matches!(rules.watch(start, new, 5), Course::Cut(_)), "it was open");
    let newest = rules.opened(start);
    let Course::Open(window) = rules.watch(start, newest, 5) else { panic!("cut too early") };
    assert_eq!((window.newest, window.again), (5, Some(start + SECOND)));
    assert!(matches!(rules.watch(start + SECOND, newest, 5), Course::Cut(_)));
}

#[test]
fn the_oldest_state_wins_where_two_faults_make_reads_stale() {
    let start = start();
    let mut rules = Rules::default();
    rules.install(ApiFault::ReadsStale(StaleReads::All), (start, LIMIT), 9, 0);
    let (_, counts) =
        rules.install(ApiFault::ReadsStale(StaleReads::Allowing), (start, LIMIT), 4, 0);
    assert_eq!(rules.stale(start, false, 9), None, "it is the state of now");
    assert_eq!(rules.stale(start, true, 10), Some(4));
    assert_eq!(counts.read().versions_behind, 6);
    assert_eq!(rules.stale(start, false, 10), Some(9));
}
