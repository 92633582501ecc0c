//! Running other programs, one step after the other.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Says something to the person at the terminal.
pub(crate) fn say(text: &str) {
    // Where nobody can read it, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a program from the workspace's root and says what it does and how long it took.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    run_with(program, arguments, &[])
}

/// The same, with settings in its environment.
pub(crate) fn run_with(
    program: &str,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    say(&format!("\n== {shown}"));
    let began = Instant::now();
    let status = command(program, arguments)
        .envs(settings.iter().copied())
        .status()
        .map_err(|e| format!("{shown}: {e}"))?;
    if !status.success() {
        return Err(format!("{shown}: {status}"));
    }
    say(&format!("== {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// The output of a program.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = command(program, arguments)
        .output()
        .map_err(|e| format!("{shown}: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "{shown}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of what cargo builds.
pub(crate) fn target() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR");
    root().join(set.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    for name in std::env::vars_os().map(|(name, _)| name) {
        if name.to_str().is_some_and(describes_a_package) {
            command.env_remove(&name);
        }
    }
    command
}

/// Tells whether cargo sets this variable for the package that it runs, which is this one here.
///
/// Passed on to an inner cargo, such a variable changes what build scripts see, and so much of the
/// release tree is built again.
fn describes_a_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_")
        || variable.starts_with("CARGO_MANIFEST_")
        || [
            "CARGO_BIN_NAME",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
            "OUT_DIR",
        ]
        .contains(&variable)
}
