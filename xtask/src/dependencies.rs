//! The invariants of the crates' dependencies, as ARCHITECTURE.md states them.

use crate::step;

/// A crate, and what it must never depend on.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "fleetlink-proto",
        &[
            "tokio",
            "rusqlite",
            "rustls",
            "fleetlink-core",
            "fleetlink-hub",
        ],
    ),
    (
        "fleetlink-core",
        &[
            "tokio",
            "rusqlite",
            "rustls",
            "fleetlink-hub",
            "fleetlink-client",
        ],
    ),
    (
        "fleetlink-client",
        &["rusqlite", "fleetlink-core", "fleetlink-hub"],
    ),
];

/// Holds the dependency trees against [`FORBIDDEN`].
pub(crate) fn check() -> Result<(), String> {
    step::say("\n== who depends on whom");
    for (package, forbidden) in FORBIDDEN {
        let tree = step::output(
            "cargo",
            &["tree", "-p", package, "-e", "normal", "--prefix", "none"],
        )?;
        let names: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        if let Some(found) = forbidden.iter().find(|name| names.contains(name)) {
            return Err(format!("{package} must not depend on {found}"));
        }
    }
    Ok(())
}
