//! The name of this host.

/// The host's name, where it has one that can be shown.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let good = !name.is_empty() && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}
