//! Whether this machine is ready for brokers in containers.

use super::engine::{Engine, EngineError};

/// The daemon's version and whether it has an image.
///
/// # Errors
/// When no daemon answers.
pub async fn look(image: &str) -> Result<(String, bool), EngineError> {
    let engine = Engine::connect().await?;
    Ok((engine.describe().await?.0, engine.has_image(image).await))
}

/// Memory that programs may still take, in bytes, where the system tells.
pub fn memory_available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Refuses where brokers would not fit.
///
/// # Errors
/// When less is available than they take.
pub(super) fn enough_memory(bytes: u64) -> Result<(), String> {
    match memory_available() {
        Some(available) if available < bytes => Err(format!(
            "the brokers take {} MiB of memory, and {} MiB are available; free some, or lower \
             `brokers` in the scenario",
            bytes >> 20,
            available >> 20
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_do_not_fit_are_refused_with_both_numbers() {
        enough_memory(0).unwrap();
        if memory_available().is_some() {
            let refused = enough_memory(u64::MAX).unwrap_err();
            assert!(refused.contains("17592186044415 MiB"), "{refused}");
        }
    }
}
