//! The resident memory of this process.

/// Bytes resident now, from `/proc/self/statm`.
///
/// # Errors
/// Where there is no such file.
pub fn resident_bytes() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| anyhow::anyhow!("/proc/self/statm has no second number"))?;
    Ok(pages * rustix::param::page_size() as u64)
}
