//! The invariants of the crates' dependencies and features, as ARCHITECTURE.md states them.

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
        "fleetlink-check",
        &[
            "fleetlink-core",
            "fleetlink-hub",
            "fleetlink-client",
            "clap",
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

/// Features that the binary is never built with.
const FORBIDDEN_FEATURES: &[(&str, &str)] = &[("fleetlink-hub", "without-dummy-hash")];

/// Holds the dependency trees against [`FORBIDDEN`] and [`FORBIDDEN_FEATURES`].
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
    check_features()
}

fn check_features() -> Result<(), String> {
    let tree = step::output(
        "cargo",
        &[
            "tree",
            "-p",
            "fleetlink",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{p} {f}",
        ],
    )?;
    for (package, feature) in FORBIDDEN_FEATURES {
        let mut lines = tree.lines().filter(|line| line.starts_with(package));
        if lines.any(|line| line.split([' ', ',']).any(|word| word == *feature)) {
            return Err(format!(
                "the binary must not be built with the feature {feature} of {package}"
            ));
        }
    }
    Ok(())
}
