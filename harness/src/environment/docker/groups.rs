//! Control groups for nodes and workers, where the system lets us make some, and what killed runs
//! left of them.

use super::owner::Owner;
use embedded_kube::{ControlGroup, Hierarchy, Limits};
use std::fmt;
use std::io;
use std::sync::Arc;

/// What holds limits: the group above those of an environment's nodes, or why there is none.
pub(super) type Held = Result<Arc<ControlGroup>, String>;

/// Makes the group of the owner's `number`th environment, which weighs as much as so many containers
/// as there are nodes. It goes when nobody holds it any more.
pub(super) fn make(owner: &Owner, number: u32, nodes: usize) -> Held {
    let hierarchy = Hierarchy::find().ok_or("this system has no control groups")?;
    let made = || -> io::Result<ControlGroup> {
        let group = hierarchy.group(&owner.group(number), nodes as u64)?;
        // Whether groups below it can be limited shows at once.
        let limits = Limits { cpu_millis: Some(1_000), memory_bytes: Some(64 << 20) };
        drop(group.child("probe", limits)?);
        Ok(group)
    };
    made().map(Arc::new).map_err(|error| error.to_string())
}

/// How limits would be held here.
pub fn look() -> String {
    // No environment has this number.
    match make(&Owner::this(), u32::MAX, 1) {
        Ok(group) => format!("held by the kernel, in control groups ({})", group.version()),
        Err(reason) => {
            format!("memory looked at every 20 ms, CPU not held: no control groups ({reason})")
        }
    }
}

/// A control group whose process has ended.
#[derive(Debug)]
pub struct LeftGroup {
    hierarchy: Hierarchy,
    name: String,
}

/// Finds the groups that nobody owns any more.
pub fn left() -> Vec<LeftGroup> {
    let Some(hierarchy) = Hierarchy::find() else { return Vec::new() };
    let abandoned = |name: &String| Owner::of_group(name).is_some_and(|owner| !owner.may_live());
    let names = hierarchy.names().into_iter().filter(abandoned);
    names.map(|name| LeftGroup { hierarchy: hierarchy.clone(), name }).collect()
}

impl LeftGroup {
    /// Kills what is in it, and removes it with all groups below it.
    ///
    /// # Errors
    /// When something stays.
    pub fn remove(&self) -> io::Result<()> {
        self.hierarchy.left(&self.name).remove()
    }
}

impl fmt::Display for LeftGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "control group {}: its process has ended", self.name)
    }
}
