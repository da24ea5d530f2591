//! What a group may take, and the files that say so.

use super::Version;

/// The period of CPU quotas, the kernel's default, in microseconds.
const PERIOD_US: u64 = 100_000;
/// The smallest quota that the kernel takes, in microseconds.
const QUOTA_MIN_US: u64 = 1_000;
/// The limits of memory with swap, and of swap alone.
pub(super) const SWAP_FILES: [&str; 2] = ["memory.memsw.limit_in_bytes", "memory.swap.max"];

/// What a group may take; nothing where it may take what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of a processor.
    pub cpu_millis: Option<u64>,
    /// Bytes of memory. At more the kernel kills a process of the group.
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// The files that hold these limits, with what is written to them. Those of swap are not there
    /// where the kernel does not account for it.
    pub(super) fn settings(self, version: Version) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        if let Some(millis) = self.cpu_millis {
            let quota = millis.saturating_mul(PERIOD_US / 1_000).max(QUOTA_MIN_US);
            match version {
                Version::One => {
                    settings.push(("cpu.cfs_period_us", PERIOD_US.to_string()));
                    settings.push(("cpu.cfs_quota_us", quota.to_string()));
                }
                Version::Two => settings.push(("cpu.max", format!("{quota} {PERIOD_US}"))),
            }
        }
        if let Some(bytes) = self.memory_bytes {
            let (memory, swap, swap_bytes) = match version {
                Version::One => ("memory.limit_in_bytes", SWAP_FILES[0], bytes),
                Version::Two => ("memory.max", SWAP_FILES[1], 0),
            };
            settings.push((memory, bytes.to_string()));
            settings.push((swap, swap_bytes.to_string()));
        }
        settings
    }

    /// These limits where a parent has others: version 1 refuses a quota above the parent's.
    pub(super) fn within(self, parent: Self) -> Self {
        let quota = self.cpu_millis.map(|own| own.min(parent.cpu_millis.unwrap_or(own)));
        Self { cpu_millis: quota, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_no_way_around_a_limit() {
        let limits = Limits { cpu_millis: None, memory_bytes: Some(64 << 20) };
        let of_swap = |(file, _): &(&str, String)| SWAP_FILES.contains(file);
        let swap = |version| limits.settings(version).into_iter().find(of_swap);
        assert_eq!(
            swap(Version::One),
            Some(("memory.memsw.limit_in_bytes", "67108864".to_owned()))
        );
        assert_eq!(swap(Version::Two), Some(("memory.swap.max", "0".to_owned())));
    }

    #[test]
    fn a_quota_is_at_most_the_parents_and_one_that_the_kernel_takes() {
        let cpu = |millis| Limits { cpu_millis: millis, memory_bytes: None };
        assert_eq!(cpu(Some(900)).within(cpu(Some(500))), cpu(Some(500)));
        assert_eq!(cpu(Some(300)).within(cpu(Some(500))), cpu(Some(300)));
        assert_eq!(cpu(Some(900)).within(cpu(None)), cpu(Some(900)));
        assert_eq!(cpu(None).within(cpu(Some(500))), cpu(None));
        let smallest = cpu(Some(1)).settings(Version::Two);
        assert_eq!(smallest, [("cpu.max", "1000 100000".to_owned())]);
    }
}
