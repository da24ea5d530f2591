//! Who made a container: named in its labels, so that `clean` knows what nobody owns any more and
//! two runs at once do not meet.

use crate::clock;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Label with the owner of a container, network or volume.
pub(super) const OWNER: &str = "dev.stormgauge.owner";
/// Label with the name of the environment that it belongs to.
pub(super) const NAME: &str = "dev.stormgauge.environment";

/// A process that made containers: the machine, its number, and when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    machine: String,
    pid: u32,
    start_ticks: u64,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> Self {
        let pid = std::process::id();
        let start_ticks = clock::start_ticks(pid).unwrap_or(0);
        Self { machine: machine(), pid, start_ticks }
    }

    /// Whether the process may still run: it does, or it is of another machine that uses the same
    /// daemon, which cannot be told from here.
    pub(super) fn may_live(&self) -> bool {
        self.machine != machine() || clock::start_ticks(self.pid) == Some(self.start_ticks)
    }

    /// A name for the process's `number`th environment, that no other has on this daemon.
    pub(super) fn environment(&self, number: u32) -> String {
        format!("stormgauge-{}-{}-{number}", self.pid, self.start_ticks)
    }

    /// The name of the control group of the process's `number`th environment.
    pub(super) fn group(&self, number: u32) -> String {
        format!("{}@{}", self.environment(number), self.machine)
    }

    /// The owner of the control group with this name; none for a group that is not ours.
    pub(super) fn of_group(name: &str) -> Option<Self> {
        let (environment, machine) = name.split_once('@')?;
        let mut numbers = environment.strip_prefix("stormgauge-")?.splitn(3, '-');
        let pid = numbers.next()?.parse().ok()?;
        let start_ticks = numbers.next()?.parse().ok()?;
        numbers.next()?.parse::<u32>().ok()?;
        Some(Self { machine: machine.to_owned(), pid, start_ticks })
    }

    /// The labels of what belongs to an environment.
    pub(super) fn labels(&self, environment: &str) -> HashMap<String, String> {
        [(OWNER, self.to_string()), (NAME, environment.to_owned())]
            .map(|(key, value)| (key.to_owned(), value))
            .into()
    }
}

fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.machine, self.pid, self.start_ticks)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.rsplitn(3, '/');
        let start_ticks = parts.next().and_then(|ticks| ticks.parse().ok()).ok_or(())?;
        let pid = parts.next().and_then(|pid| pid.parse().ok()).ok_or(())?;
        let machine = parts.next().ok_or(())?.to_owned();
        Ok(Self { machine, pid, start_ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_back_and_dead_only_where_that_can_be_known() {
        let this = Owner::this();
        assert_eq!(this.to_string().parse(), Ok(this.clone()));
        assert!(this.may_live());
        let gone = Owner { start_ticks: this.start_ticks + 1, ..this.clone() };
        assert!(!gone.may_live());
        let elsewhere = Owner { machine: "elsewhere".to_owned(), ..gone };
        assert!(elsewhere.may_live());
        assert_eq!("a/b/c".parse::<Owner>(), Err(()));
        assert_eq!("1/2".parse::<Owner>(), Err(()));
    }

    #[test]
    fn a_control_group_names_its_owner() {
        let this = Owner::this();
        assert_eq!(Owner::of_group(&this.group(7)), Some(this));
        for other in ["docker", "stormgauge-1-2-3", "stormgauge-1-2@vm", "stormgauge-1-2-x@vm"] {
            assert_eq!(Owner::of_group(other), None, "{other}");
        }
    }

    #[test]
    fn no_two_environments_have_one_name() {
        let this = Owner::this();
        assert_ne!(this.environment(1), this.environment(2));
    }
}
