//! Where this machine has its control groups.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ControlGroup, Limits};

/// The controllers that groups here need.
const CONTROLLERS: [&str; 2] = ["cpu", "memory"];

/// The version of a hierarchy of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A tree for each controller.
    One,
    /// One tree.
    Two,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "v1",
            Self::Two => "v2",
        })
    }
}

/// The top of the machine's control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    version: Version,
    /// Where the controllers are mounted: that of processors first, that of memory last.
    roots: Vec<PathBuf>,
}

impl Hierarchy {
    /// The machine's hierarchy, if it has one with controllers of processors and memory.
    pub fn find() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        Self::mounted(&mounts, |root| {
            fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default()
        })
    }

    /// The hierarchy that these mounts show. Version 2 may be there without controllers, when
    /// those are in trees of version 1.
    fn mounted(mounts: &str, controllers: impl Fn(&Path) -> String) -> Option<Self> {
        let mounts: Vec<Vec<&str>> =
            mounts.lines().map(|line| line.split_whitespace().collect()).collect();
        let of_type = |kind: &'static str| {
            mounts.iter().filter_map(move |fields| match fields[..] {
                [_, place, found, options, ..] if found == kind => {
                    Some((Path::new(place), options))
                }
                _ => None,
            })
        };
        for (root, _) in of_type("cgroup2") {
            let found = controllers(root);
            if CONTROLLERS.iter().all(|it| found.split_whitespace().any(|name| name == *it)) {
                return Some(Self { version: Version::Two, roots: vec![root.to_owned()] });
            }
        }
        let root_of = |controller: &str| {
            let has = |options: &str| options.split(',').any(|option| option == controller);
            of_type("cgroup").find(|(_, options)| has(options)).map(|(root, _)| root.to_owned())
        };
        let mut roots: Vec<PathBuf> = CONTROLLERS.into_iter().filter_map(root_of).collect();
        let complete = roots.len() == CONTROLLERS.len();
        roots.dedup();
        complete.then_some(Self { version: Version::One, roots })
    }

    /// Makes a group at the top. Where processors are short it weighs as much as `weight` groups of
    /// which nothing is said.
    ///
    /// # Errors
    /// When there is one of that name, or the system refuses.
    pub fn group(&self, name: &str, weight: u64) -> io::Result<ControlGroup> {
        let mut group = ControlGroup::empty(self.version, Limits::default());
        group.make(&self.roots, name)?;
        group.weigh(weight)?;
        Ok(group)
    }

    /// The names of the groups at the top.
    pub fn names(&self) -> Vec<String> {
        let entries = self.roots.iter().flat_map(fs::read_dir).flatten().flatten();
        let groups = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = groups.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// A group at the top that is there: to be removed.
    pub fn left(&self, name: &str) -> ControlGroup {
        let mut group = ControlGroup::empty(self.version, Limits::default());
        group.directories = self.roots.iter().map(|root| root.join(name)).collect();
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMD_V2: &str = "sysfs /sys sysfs rw 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0
";
    const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
";
    const TOGETHER: &str = "cgroup /cg cgroup rw,cpu,memory 0 0\n";

    #[test]
    fn each_version_is_found_where_it_has_both_controllers() {
        let all = |_: &Path| "cpuset cpu io memory\n".to_owned();
        let none = |_: &Path| "hugetlb\n".to_owned();
        let found = |mounts, controllers: fn(&Path) -> String| {
            let hierarchy = Hierarchy::mounted(mounts, controllers)?;
            let roots = hierarchy.roots.iter().map(|root| root.display().to_string());
            Some((hierarchy.version, roots.collect::<Vec<_>>()))
        };
        let two = (Version::Two, vec!["/sys/fs/cgroup".to_owned()]);
        assert_eq!(found(SYSTEMD_V2, all), Some(two));
        assert_eq!(found(SYSTEMD_V2, none), None);
        let places = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"].map(str::to_owned);
        assert_eq!(found(HYBRID, none), Some((Version::One, places.to_vec())));
        assert_eq!(found(TOGETHER, none), Some((Version::One, vec!["/cg".to_owned()])));
        assert_eq!(found("cgroup /cg cgroup rw,cpuset,memory 0 0\n", none), None);
        assert_eq!(found("", all), None);
    }
}
