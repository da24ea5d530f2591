//! Containers that end by themselves: what no fault asked for makes a trial invalid.

use super::brokers::Names;
use super::cluster::locked;
use super::engine::{Engine, State};
use crate::environment::local::brokers::name;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The brokers that faults have taken down, or may: their ends are no defects.
pub(super) type Down = Arc<Mutex<BTreeSet<i32>>>;

/// A running watch. Dropping it ends it.
pub(super) struct Defects {
    down: Down,
    seen: Arc<Mutex<BTreeSet<String>>>,
    _watch: JoinSet<()>,
}

impl Defects {
    pub(super) fn watch(engine: Engine, names: Names, ids: Vec<i32>) -> Self {
        let (down, seen) = (Down::default(), Arc::<Mutex<BTreeSet<String>>>::default());
        let mut watch = JoinSet::new();
        let (excused, notes) = (Arc::clone(&down), Arc::clone(&seen));
        watch.spawn(async move {
            loop {
                for id in &ids {
                    let state = engine.state(&names.container(*id)).await;
                    let sentence = match &state {
                        Ok(state) => defect(&name(*id), state),
                        Err(error) => Some(format!("{}: {error}.", name(*id))),
                    };
                    // A fault announces itself before it acts, so that this is asked afterwards.
                    if !locked(&excused).contains(id) {
                        locked(&notes).extend(sentence);
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { down, seen, _watch: watch }
    }

    pub(super) fn down(&self) -> Down {
        Arc::clone(&self.down)
    }

    pub(super) fn seen(&self) -> Vec<String> {
        locked(&self.seen).iter().cloned().collect()
    }
}

/// What is wrong with a container that no fault has touched.
fn defect(broker: &str, state: &State) -> Option<String> {
    let how = match state {
        State { running: true, paused: false, .. } => return None,
        State { running: true, .. } => "was paused".to_owned(),
        State { oom_killed: true, .. } => "ran out of its memory and was killed".to_owned(),
        State { exit_code, .. } => format!("ended with exit code {exit_code}"),
    };
    Some(format!("The container of {broker} {how}, and no fault asked for that."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_does_not_run_is_a_defect_and_says_how_it_ended() {
        let runs = State { running: true, ..State::default() };
        assert_eq!(defect("broker-1", &runs), None);
        let words = |state| defect("broker-1", &state).unwrap();
        assert!(words(State { paused: true, ..runs }).contains("was paused"));
        let ended = State { exit_code: 137, ..State::default() };
        assert!(words(ended.clone()).contains("exit code 137"));
        assert!(words(State { oom_killed: true, ..ended }).contains("ran out of its memory"));
    }
}
