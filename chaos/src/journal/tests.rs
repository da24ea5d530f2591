use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn read_bytes(bytes: &[u8]) -> (Vec<Result<JournalLine, JournalProblem>>, bool) {
    let mut reader = JournalReader::new(Cursor::new(bytes));
    let lines: Vec<_> = reader.by_ref().collect();
    (lines, reader.torn())
}

fn landed(name: &str) -> JournalEntry {
    JournalEntry::FaultLanded { name: name.to_owned(), evidence: "3 processes gone".to_owned() }
}

fn installing(name: &str) -> JournalEntry {
    JournalEntry::FaultInstalling {
        name: name.to_owned(),
        kind: "node_crash".to_owned(),
        targets: vec!["node-1".to_owned()],
        limit_us: 20_000_000,
    }
}

#[test]
fn what_is_written_is_read_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::create(&path).unwrap();
    journal.append(installing("a")).unwrap();
    journal.clone().append_noted(landed("a"), "as planned").unwrap();
    let lines: Vec<JournalLine> = Journal::read(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(lines[0].entry, installing("a"));
    assert_eq!(lines[1].entry, landed("a"));
    assert_eq!(lines[1].note.as_deref(), Some("as planned"));
    assert!(lines[0].unix_us > 1_600_000_000_000_000 && lines[0].unix_us <= lines[1].unix_us);
}

#[test]
fn one_owner_at_a_time_has_a_journal_and_is_named_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let first = Journal::create(&path).unwrap();
    let refused = Journal::create(&path).unwrap_err();
    assert_eq!(refused.to_string(), "a running harness owns it", "its run has not begun");
    first.append(JournalEntry::RunStarted { pid: 7, start_ticks: 1, run: "r".to_owned() }).unwrap();
    let clone = first.clone();
    drop(first);
    let refused = Journal::create(&path).unwrap_err();
    assert_eq!(refused.to_string(), "a running harness owns it: process 7");
    assert!(Journal::read(&path).unwrap().all(|line| line.is_ok()), "anyone may read");
    drop(clone);
    Journal::create(&path).expect("an owner that is gone owns nothing");
}

#[test]
fn a_torn_last_line_is_left_out_and_does_not_spoil_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    Journal::create(&path).unwrap().append(installing("a")).unwrap();
    Journal::create(&path).unwrap().append(installing("b")).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();

    let mut reader = Journal::read(&path).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().entry, installing("a"));
    assert!(reader.next().is_none() && reader.torn());

    Journal::create(&path).unwrap().append(installing("c")).unwrap();
    let (lines, torn) = read_bytes(&std::fs::read(&path).unwrap());
    assert!(!torn);
    assert_eq!(lines[0].as_ref().unwrap().entry, installing("a"));
    assert!(matches!(lines[1], Err(JournalProblem::Malformed { line: 2, .. })));
    assert_eq!(lines[2].as_ref().unwrap().entry, installing("c"));
}

#[test]
fn a_last_line_that_lacks_only_its_newline_is_given() {
    let line = JournalLine { unix_us: 1, entry: landed("a"), note: None };
    let (lines, torn) = read_bytes(&serde_json::to_vec(&line).unwrap());
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].as_ref().unwrap(), &line);
    assert!(!torn);
}

#[test]
fn a_line_over_the_bound_is_passed_over_and_refused_on_writing() {
    let good = serde_json::to_vec(&JournalLine { unix_us: 1, entry: landed("a"), note: None });
    let mut bytes = vec![b'x'; LINE_BYTES_MAX * 3];
    bytes.push(b'\n');
    bytes.extend(good.unwrap());
    let (lines, _) = read_bytes(&bytes);
    assert!(matches!(lines[0], Err(JournalProblem::TooLong { line: 1 })));
    assert_eq!(lines[1].as_ref().unwrap().entry, landed("a"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::create(&path).unwrap();
    let refused = journal.append(landed(&"x".repeat(LINE_BYTES_MAX))).unwrap_err();
    assert!(matches!(refused, JournalError::LineTooLong { bytes } if bytes > LINE_BYTES_MAX));
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn leftovers_are_what_was_begun_and_not_ended() {
    let process = |pid, start_ticks| JournalEntry::ProcessStarted {
        pid,
        group: pid,
        start_ticks,
        what: "worker".to_owned(),
    };
    let healed = |name: &str| JournalEntry::FaultHealed {
        name: name.to_owned(),
        measured: "back".to_owned(),
    };
    let failed = JournalEntry::FaultHealFailed { name: "c".to_owned(), error: "no".to_owned() };
    let entries = [
        JournalEntry::RunStarted { pid: 5, start_ticks: 50, run: "r".to_owned() },
        process(10, 1),
        process(11, 1),
        JournalEntry::ProcessEnded { pid: 10, start_ticks: 1 },
        JournalEntry::ProcessEnded { pid: 11, start_ticks: 2 },
        installing("a"),
        healed("a"),
        installing("b"),
        landed("b"),
        installing("c"),
        failed,
    ];
    let lines = entries.into_iter().map(|entry| Ok(JournalLine { unix_us: 7, entry, note: None }));
    let mut lines: Vec<Result<JournalLine, JournalProblem>> = lines.collect();
    lines.push(Err(JournalProblem::TooLong { line: 12 }));
    let left = Leftovers::from_lines(lines.into_iter());
    assert_eq!((left.owner, left.run.as_deref()), (Some((5, 50)), Some("r")));
    assert!(!left.ended && !left.truncated);
    assert_eq!(left.problems, 1);
    assert_eq!(left.processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [11]);
    assert_eq!(left.faults.iter().map(|fault| &fault.name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(left.faults[0].healed_by_unix_us, 20_000_007);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end_without_harm(
        bytes in proptest::collection::vec(
            prop_oneof![4 => any::<u8>(), 1 => Just(b'\n'), 1 => Just(b'{')],
            0..2000,
        )
    ) {
        let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let (lines, _) = read_bytes(&bytes);
        prop_assert!(lines.len() <= newlines + 1);
    }

    #[test]
    fn a_journal_cut_anywhere_gives_the_lines_before_the_cut(cut in 0_usize..500) {
        let mut whole = Vec::new();
        for name in ["a", "b", "c"] {
            let line = JournalLine { unix_us: 1, entry: landed(name), note: None };
            whole.extend(serde_json::to_vec(&line).unwrap());
            whole.push(b'\n');
        }
        let cut = cut.min(whole.len());
        let newlines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let (lines, torn) = read_bytes(&whole[..cut]);
        prop_assert!(lines.iter().all(Result::is_ok));
        // One more if the cut took nothing but the newline.
        prop_assert!(lines.len() == newlines || (lines.len() == newlines + 1 && !torn));
    }
}
