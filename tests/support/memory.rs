//! The memory of the process that tests.

/// From here on [`most_memory`] tells the most since now, and so it is what the process has now; 0 on systems that do
/// not tell.
pub fn memory_from_now() -> usize {
    if cfg!(target_os = "linux") {
        // proc(5): 5 sets the peak to what there is.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
    }
    most_memory()
}

/// The most memory that this process has had, bytes; 0 on systems that do not tell.
pub fn most_memory() -> usize {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
}
