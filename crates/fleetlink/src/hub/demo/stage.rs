//! The stage of the demo: its folder, its processes, and the steps that it shows and checks.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use crate::failure::Failure;
use crate::output::Output;
use crate::shell::PROMPT;

/// The password of both devices: the demo's hub is reachable from this machine alone, and ends with
/// the demo.
pub(crate) const PASSWORD: &str = "comp9331";

/// The demo's folder and its count of checks.
pub(crate) struct Stage<'a> {
    output: &'a Output,
    program: PathBuf,
    folder: TempDir,
    steps: u32,
    checks: u32,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(output: &'a Output) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let folder = tempfile::Builder::new()
            .prefix("fleetlink-demo-")
            .tempdir()?;
        Ok(Stage {
            output,
            program,
            folder,
            steps: 0,
            checks: 0,
        })
    }

    /// The number of checked results.
    pub(crate) fn checks(&self) -> u32 {
        self.checks
    }

    /// Leaves the folder behind.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// A folder of this name, made when it is asked for first.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Begins a step of the story.
    pub(crate) fn step(&mut self, title: &str) {
        self.steps += 1;
        self.output.line(&format!("\n{}. {title}", self.steps));
    }

    /// Shows something.
    pub(crate) fn show(&self, text: &str) {
        text.trim()
            .lines()
            .for_each(|line| self.output.line(&format!("   {line}")));
    }

    /// Shows what was found, and fails the demo where it is not so.
    pub(crate) fn check(&mut self, what: &str, holds: bool) -> Result<(), Failure> {
        self.checks += 1;
        if holds {
            self.output.line(&format!("   ✓ {what}"));
            return Ok(());
        }
        self.output.line(&format!("   ✗ {what}"));
        Err(Failure::General(format!(
            "the demo found a wrong result: {what}"
        )))
    }

    /// A command of this very program, in `folder`, without this user's settings.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, folder: &Path, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(folder)
            .env("FLEETLINK_STATE_DIR", folder.join("state"))
            .env("FLEETLINK_PASSWORD", PASSWORD)
            .env("FLEETLINK_HTTP", "off");
        for name in [
            "FLEETLINK_HUB",
            "FLEETLINK_DEVICE",
            "FLEETLINK_DATA",
            "FLEETLINK_LISTEN",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end and shows it as a person would type it.
    pub(crate) fn run(&self, folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
        self.show(&format!("$ fleetlink {}", arguments.join(" ")));
        let output = self.command(folder, arguments).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::General(format!(
            "fleetlink {}: {reason}",
            arguments.join(" ")
        )))
    }
}

/// A device that has joined, with its shell.
pub(crate) struct Device {
    pub(crate) name: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) shell: Process,
}

impl Device {
    /// Joins as a person does, by the prompts.
    pub(crate) fn join(stage: &Stage<'_>, name: &'static str, port: &str) -> Result<Self, Failure> {
        let folder = stage.folder(name)?;
        let mut command = stage.command(&folder, &["join", "127.0.0.1", port, "--prompt", "full"]);
        command.env_remove("FLEETLINK_PASSWORD");
        let mut shell = Process::start(name, &mut command)?;
        shell.expect("Username:")?;
        shell.send(name)?;
        shell.expect("Password:")?;
        shell.send(PASSWORD)?;
        shell.expect("Welcome!")?;
        shell.expect(PROMPT)?;
        Ok(Device {
            name,
            folder,
            shell,
        })
    }

    /// Waits for this text and returns what was printed before it.
    pub(crate) fn hear(&mut self, text: &str) -> Result<String, Failure> {
        self.shell.expect(text)
    }

    /// Issues a command, shows it with its answer, and returns the answer.
    pub(crate) fn ask(&mut self, stage: &Stage<'_>, command: &str) -> Result<String, Failure> {
        self.shell.send(command)?;
        let answer = self.shell.expect(PROMPT)?.trim().to_owned();
        stage.show(&format!("{}> {command}\n{answer}", self.name));
        Ok(answer)
    }
}
