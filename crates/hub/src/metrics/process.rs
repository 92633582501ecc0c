//! The hub's process, as the kernel tells of it under the names that Prometheus's own clients use.

use std::fs;

/// The facts that are known of the process. Nothing outside Linux.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: u64,
    pub(super) start_seconds: f64,
}

/// Clock ticks of a second in what the kernel tells, on every architecture that it supports.
const TICKS: f64 = 100.0;

impl Process {
    /// Reads what the kernel tells.
    pub(super) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let all = fs::read_to_string("/proc/stat").unwrap_or_default();
        let open_fds = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Process {
            open_fds,
            max_fds: limit.current.unwrap_or(u64::MAX),
            ..Process::of(&stat, &all)
        }
    }

    fn of(stat: &str, all: &str) -> Self {
        // The name of the program is in parentheses, and may have some itself.
        let Some((_, rest)) = stat.rsplit_once(')') else {
            return Process::default();
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The third field of the manual page is the first here.
        let number = |field: usize| {
            let text = fields.get(field.saturating_sub(3));
            text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        let boot = all.lines().find_map(|line| line.strip_prefix("btime "));
        let boot = boot.and_then(|boot| boot.trim().parse::<u64>().ok());
        let seconds = |ticks: u64| float(ticks) / TICKS;
        Process {
            cpu_seconds: seconds(number(14) + number(15)),
            threads: number(20),
            start_seconds: boot.map_or(0.0, float) + seconds(number(22)),
            virtual_bytes: number(23),
            resident_bytes: number(24).saturating_mul(rustix::param::page_size() as u64),
            ..Process::default()
        }
    }
}

/// The number as a float: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_any_name_is_read() {
        let stat = "77 (a) b (c) R 1 77 77 0 -1 4194304 1 2 3 4 250 50 0 0 20 0 9 0 1000 4096 3 18";
        let read = Process::of(stat, "cpu 1 2\nbtime 1700000000\nprocesses 5\n");
        assert_eq!((read.cpu_seconds, read.threads), (3.0, 9));
        assert_eq!(read.start_seconds, 1_700_000_010.0);
        assert_eq!(read.virtual_bytes, 4096);
        let page = rustix::param::page_size() as u64;
        assert_eq!(read.resident_bytes, 3 * page);
        assert_eq!(Process::of("", ""), Process::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_descriptors() {
        let read = Process::read();
        assert!(read.resident_bytes > 0 && read.open_fds > 0 && read.start_seconds > 1e9);
    }
}
