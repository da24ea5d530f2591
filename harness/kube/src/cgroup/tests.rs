use super::*;

const LIMITS: Limits = Limits { cpu_millis: Some(250), memory_bytes: Some(64 << 20) };

/// A group at the top of an imitated hierarchy: plain folders, in which files are what was written.
fn imitated(version: Version, folder: &Path) -> ControlGroup {
    let names = match version {
        Version::One => vec!["cpu", "memory"],
        Version::Two => vec!["all"],
    };
    let directories: Vec<PathBuf> = names.into_iter().map(|name| folder.join(name)).collect();
    directories.iter().for_each(|directory| fs::create_dir(directory).unwrap());
    let mut group = ControlGroup::empty(version, Limits::default());
    group.directories = directories;
    group
}

#[test]
fn limits_are_written_to_the_files_of_each_version() {
    for (version, expected) in [
        (
            Version::One,
            vec![
                ("cpu/pod/cpu.cfs_period_us", "100000"),
                ("cpu/pod/cpu.cfs_quota_us", "25000"),
                ("memory/pod/memory.limit_in_bytes", "67108864"),
            ],
        ),
        (
            Version::Two,
            vec![
                ("all/cgroup.subtree_control", "+cpu +memory"),
                ("all/pod/cpu.max", "25000 100000"),
                ("all/pod/memory.max", "67108864"),
            ],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let top = imitated(version, folder.path());
        let pod = top.child("pod", LIMITS).unwrap();
        for (file, value) in expected {
            assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), value, "{file}");
        }
        assert!(top.child("pod", LIMITS).is_err(), "one of that name is there");
        let words = pod.joining();
        let files =
            words.iter().filter(|word| word.to_string_lossy().ends_with("pod/cgroup.procs"));
        assert_eq!(files.count(), top.directories.len());
    }
}

#[test]
fn a_weight_is_one_that_the_kernel_takes() {
    for (version, file, expected) in [
        (Version::One, "cpu/cpu.shares", ["1024", "3072", "262144"]),
        (Version::Two, "all/cpu.weight", ["100", "300", "10000"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let top = imitated(version, folder.path());
        for (weight, value) in [0, 3, u64::MAX].into_iter().zip(expected) {
            top.weigh(weight).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), value);
        }
    }
}

#[test]
fn what_the_kernel_counts_is_read_in_each_version() {
    for (version, stat, events) in [
        (
            Version::One,
            "nr_periods 17\nnr_throttled 16\nthrottled_time 1500000000\n",
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ),
        (
            Version::Two,
            "usage_usec 5\nnr_periods 17\nnr_throttled 16\nthrottled_usec 1500000\n",
            ("memory.events", "max 3\noom 2\noom_kill 2\noom_group_kill 0\n"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let top = imitated(version, folder.path());
        assert_eq!((top.oom_kills(), top.throttled()), (0, Throttled::default()));
        let pod = top.child("pod", Limits::default()).unwrap();
        fs::write(pod.directories.first().unwrap().join("cpu.stat"), stat).unwrap();
        fs::write(pod.directories.last().unwrap().join(events.0), events.1).unwrap();
        assert_eq!(pod.oom_kills(), 2);
        let expected = Throttled { periods: 16, time: Duration::from_millis(1500) };
        assert_eq!(top.throttled(), expected, "those below count too");
    }
}

#[test]
fn a_group_goes_with_all_below_it_and_may_be_gone_already() {
    let folder = tempfile::tempdir().unwrap();
    let top = imitated(Version::One, folder.path());
    let node = top.child("node", Limits::default()).unwrap();
    node.child("pod", Limits::default()).map(std::mem::forget).unwrap();
    drop(node);
    assert!(tree(folder.path()).len() == 3, "{:?}", tree(folder.path()));
    top.remove().unwrap();
    top.remove().unwrap();
    assert_eq!(tree(folder.path()).len(), 1);
}

/// In a hierarchy of this machine, where it may be written to.
#[cfg(target_os = "linux")]
#[test]
fn a_process_joins_before_it_runs_and_ends_with_its_group() {
    let Some(hierarchy) = Hierarchy::find() else { return };
    let name = format!("embedded-kube-test-{}", std::process::id());
    let Ok(group) = hierarchy.group(&name, 1) else { return };
    let words = group.joining();
    let mut child = std::process::Command::new(&words[0])
        .args(&words[1..])
        .args(["sh", "-c", "cat /proc/self/cgroup; exec sleep 1000"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while seen.matches(&name).count() < group.directories.len() {
        assert!(std::io::BufRead::read_line(&mut output, &mut seen).unwrap() > 0, "{seen}");
    }
    drop(group);
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(!hierarchy.names().contains(&name));
}
