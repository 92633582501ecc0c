//! Running other programs, one step after the other.

use std::ffi::OsStr;
use std::io::Write;
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

/// What a program prints.
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

fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}
