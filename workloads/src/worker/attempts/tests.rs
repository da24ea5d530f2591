use super::*;

/// What the brokers keep of a partition.
#[derive(Clone, Copy)]
struct Committed {
    position: i64,
    note: Note,
}

/// A log of two partitions, read in turn, and the workers that take them on one after the other.
struct Group {
    deadly: Vec<(i32, i64)>,
    end: i64,
    committed: [Committed; 2],
    died: u32,
    aside: Vec<(i32, i64)>,
    /// The most notes that a worker made.
    notes_max: i64,
}

impl Group {
    /// Lets workers try until one lives; nothing is committed but what they must.
    fn run(max: u32, end: i64, deadly: &[(i32, i64)]) -> Self {
        let fresh = Committed { position: 0, note: Note { from: 0, until: OPEN, times: 0 } };
        let mut group = Self {
            deadly: deadly.to_vec(),
            end,
            committed: [fresh; 2],
            died: 0,
            aside: Vec::new(),
            notes_max: 0,
        };
        while !group.worker(max) {
            group.died += 1;
            assert!(group.died < 50, "workers die for ever");
        }
        group
    }

    /// Whether this one lives.
    fn worker(&mut self, max: u32) -> bool {
        let mut attempts = Attempts::new(max);
        for (partition, committed) in (0..).zip(&mut self.committed) {
            if self.died > 0 {
                attempts.suspect(partition, committed.note, self.end);
            }
            committed.note = attempts.settle(partition, committed.position);
        }
        let first = self.committed.map(|committed| committed.position);
        let mut notes = 0;
        for record in 0..self.end {
            for (partition, first) in (0..).zip(first) {
                if record < first {
                    continue;
                }
                match attempts.begin(partition, record) {
                    Care::None => {}
                    Care::Note => {
                        notes += 1;
                        self.commit(&attempts);
                    }
                    Care::PutAside => {
                        self.aside.push((partition, record));
                        continue;
                    }
                    Care::Past => self.settle(&mut attempts, partition, record),
                }
                self.notes_max = self.notes_max.max(notes);
                if self.deadly.contains(&(partition, record)) {
                    return false;
                }
            }
        }
        true
    }

    fn commit(&mut self, attempts: &Attempts) {
        for (partition, committed) in (0..).zip(&mut self.committed) {
            let (position, note) = attempts.state(partition).unwrap();
            *committed = Committed { position, note: note.unwrap_or(committed.note) };
        }
    }

    fn settle(&mut self, attempts: &mut Attempts, partition: i32, position: i64) {
        let note = attempts.settle(partition, position);
        self.committed[usize::try_from(partition).unwrap()] = Committed { position, note };
    }
}

#[test]
fn a_record_that_kills_is_put_aside_after_its_attempts_and_no_other_is() {
    for max in 1..4 {
        // The first worker, and one for each division by the number of parts.
        for (end, more) in [(20, 1), (32, 1), (34, 2), (1_000, 2), (3_000, 3)] {
            for deadly in [0, 1, end / 2, end - 1] {
                let group = Group::run(max, end, &[(1, deadly)]);
                let expected = (max + more, vec![(1, deadly)]);
                assert_eq!((group.died, group.aside), expected, "{max} of {end}, {deadly}");
            }
        }
    }
}

#[test]
fn a_worker_waits_for_few_notes_however_far_it_is_behind() {
    for end in [10, 1_000, 100_000] {
        let group = Group::run(2, end, &[(0, end - 1)]);
        assert!(group.notes_max <= 2 * PARTS, "{} of {end}", group.notes_max);
    }
}

#[test]
fn one_deadly_record_after_another_is_got_over() {
    for (second, third) in [((0, 8), (1, 8)), ((1, 8), (1, 9)), ((1, 500), (0, 501))] {
        let group = Group::run(2, 1_000, &[(0, 7), second, third]);
        let aside = [(0, 7), second, third];
        assert!(aside.iter().all(|record| group.aside.contains(record)), "{:?}", group.aside);
        assert!(group.aside.iter().all(|record| aside.contains(record)), "{:?}", group.aside);
        assert!(group.died <= 3 * 4, "{}", group.died);
    }
}

#[test]
fn nothing_is_asked_of_a_partition_that_was_given_up_in_order() {
    let mut attempts = Attempts::new(1);
    assert_eq!(attempts.begin(0, 5), Care::None);
    assert_eq!(attempts.settle(0, 6), Note { from: 6, until: OPEN, times: 0 });
    attempts.suspect(0, Note { from: 6, until: 7, times: 1 }, 9);
    assert_eq!(attempts.begin(0, 6), Care::PutAside);
    assert_eq!(attempts.begin(0, 7), Care::Past);
    assert_eq!(attempts.begin(0, 7), Care::None);
    assert_eq!(attempts.partitions(), [0]);
    attempts.forget(0);
    assert_eq!(attempts.state(0), None);
    assert_eq!(attempts.begin(0, 6), Care::None);
}

#[test]
fn a_note_is_read_as_it_was_written_and_other_words_are_none() {
    for note in [
        Note { from: 41, until: OPEN, times: 0 },
        Note { from: 41, until: 42, times: 2 },
        Note { from: 0, until: 100, times: 0 },
    ] {
        assert_eq!(note.text().parse(), Ok(note));
    }
    for other in ["", "at", "at x", "at 1 to 2", "at 1 to x begun 2", "at 1 to 2 begun -1", "at 1 "]
    {
        assert_eq!(other.parse::<Note>(), Err(()), "{other:?}");
    }
    let mut attempts = Attempts::new(1);
    attempts.suspect(0, Note { from: i64::MIN, until: OPEN, times: u32::MAX }, i64::MAX);
    assert_eq!(attempts.begin(0, i64::MAX - 1), Care::Note);
}
