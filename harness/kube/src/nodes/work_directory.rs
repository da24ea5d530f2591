//! Directories for pods to run in: one for the instance, one in it for each pod.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is removed, with all in it, when this is dropped.
#[derive(Debug)]
pub(super) struct WorkDirectory {
    path: PathBuf,
}

impl WorkDirectory {
    /// A new directory `embedded-kube-PID-N` below the system's directory for temporary files. What
    /// a killed program left behind can be told by its PID.
    pub(super) fn for_instance() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("embedded-kube-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let place = path.display();
                    return Err(io::Error::new(error.kind(), format!("{place}: {error}")));
                }
            }
        }
    }

    /// The directory of the pod with this identity.
    pub(super) fn for_pod(&self, uid: &str) -> io::Result<Self> {
        let name = uid.replace(['/', '\\', '.'], "_");
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Removes it now, if it is there.
    pub(super) fn remove(&self) {
        match std::fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "a directory was left behind");
            }
            _ => {}
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_directory_goes_with_what_is_in_it_and_lies_in_the_instances() {
        let instance = WorkDirectory::for_instance().unwrap();
        let other = WorkDirectory::for_instance().unwrap();
        assert_ne!(instance.path(), other.path());
        let pod = instance.for_pod("../x").unwrap();
        assert_eq!(pod.path().parent(), Some(instance.path()));
        std::fs::write(pod.path().join("file"), "x").unwrap();
        let path = pod.path().to_owned();
        drop(pod);
        assert!(!path.exists() && instance.path().exists());
    }
}
