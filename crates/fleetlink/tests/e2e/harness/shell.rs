//! A device's shell, with piped input or at a pseudo-terminal.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::network::Network;
use super::{DEADLINE, Output, PASSWORD, PROMPT, fleetlink};

/// A shell with piped input; killed when dropped.
pub(crate) struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) output: Output,
    folder: TempDir,
}

impl Shell {
    /// `fleetlink join` in a fresh folder, before its login.
    pub(crate) fn start(hub: SocketAddr, options: &[&str]) -> Self {
        let (host, port) = (hub.ip().to_string(), hub.port().to_string());
        let arguments = [&["join", &host, &port], options].concat();
        Self::start_command(
            tempfile::tempdir().expect("a folder can be made"),
            &arguments,
        )
    }

    /// Any form of the shell.
    pub(crate) fn start_command(folder: TempDir, arguments: &[&str]) -> Self {
        let mut command = fleetlink(folder.path());
        command.args(arguments);
        Self::spawn(folder, command)
    }

    /// `fleetlink join` on the device's host of this network.
    pub(crate) fn start_in(network: &Network, hub: SocketAddr, pin: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = fleetlink(folder.path());
        command.args([
            "join",
            &hub.ip().to_string(),
            &hub.port().to_string(),
            "--pin",
            pin,
        ]);
        Self::spawn(folder, network.on_device(&command))
    }

    /// This command, in a folder that outlives it.
    pub(crate) fn run(command: Command) -> Self {
        Self::spawn(tempfile::tempdir().expect("a folder can be made"), command)
    }

    fn spawn(folder: TempDir, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let output = Output::of(child.stdout.take().expect("standard output is piped"));
        let input = child.stdin.take();
        Shell {
            child,
            input,
            output,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Answers the login's prompts and waits for the shell.
    #[track_caller]
    pub(crate) fn login(&mut self, name: &str) {
        self.attempt(name, PASSWORD);
        self.output.expect("Welcome!");
        self.output.expect(PROMPT);
    }

    /// Answers the login's prompts.
    #[track_caller]
    pub(crate) fn attempt(&mut self, name: &str, password: &str) {
        self.output.expect("Username:");
        self.send(name);
        self.output.expect("Password:");
        self.send(password);
    }

    pub(crate) fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("the shell reads");
    }

    /// Issues a command and returns what is shown up to the next prompt.
    #[track_caller]
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.output.expect(PROMPT).trim().to_owned()
    }

    /// Ends the input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, with: Signal) {
        signal(&self.child, with);
    }

    /// Waits for the end and returns the exit status.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.output.to_end();
        self.child.wait().expect("the shell ends").code()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that a test owns.
pub(crate) fn signal(child: &Child, with: Signal) {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    kill_process(pid, with).expect("the process runs");
}

/// A shell at a pseudo-terminal; killed when dropped.
pub(crate) struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    pub(crate) output: Output,
    /// Open as long as the test looks.
    master: Box<dyn MasterPty + Send>,
    folder: TempDir,
    columns: u16,
}

/// Enough for all that a test shows: nothing scrolls away.
const ROWS: u16 = 200;

impl Terminal {
    /// Runs the binary at a terminal of 100 columns, in a fresh folder.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at(100, arguments)
    }

    /// The same at a terminal of so many columns.
    pub(crate) fn start_at(columns: u16, arguments: &[&str]) -> Self {
        Self::start_as("xterm", columns, arguments)
    }

    /// The same at a terminal of this kind.
    pub(crate) fn start_as(kind: &str, columns: u16, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_fleetlink"));
        command.args(arguments);
        Self::run(kind, columns, command)
    }

    /// A shell with job control at a terminal, whose prompt is `SH>`.
    pub(crate) fn start_job_control() -> Self {
        let mut command = CommandBuilder::new("sh");
        command.arg("-i");
        command.env("PS1", "SH> ");
        command.env_remove("ENV");
        Self::run("xterm", 100, command)
    }

    fn run(kind: &str, columns: u16, mut command: CommandBuilder) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let pair = native_pty_system()
            .openpty(size(columns))
            .expect("a pseudo-terminal");
        command.cwd(folder.path());
        command.env("FLEETLINK_PROMPT", "full");
        command.env_remove("FLEETLINK_PASSWORD");
        command.env_remove("FLEETLINK_DEVICE");
        command.env("FLEETLINK_STATE_DIR", folder.path().join("state"));
        command.env("TERM", kind);
        command.env("TZ", "UTC");
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the binary starts");
        let output = Output::of(
            pair.master
                .try_clone_reader()
                .expect("a terminal can be read"),
        );
        let input = pair
            .master
            .take_writer()
            .expect("a terminal can be written");
        Terminal {
            child,
            input,
            output,
            master: pair.master,
            folder,
            columns,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\r"));
    }

    /// Types keys as they are.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types what need not be text.
    pub(crate) fn type_bytes(&mut self, keys: &[u8]) {
        self.input.write_all(keys).expect("the terminal takes keys");
        self.input.flush().expect("the terminal takes keys");
    }

    /// Answers the login's prompts and waits for the shell.
    #[track_caller]
    pub(crate) fn login(&mut self, name: &str) {
        self.type_login(name);
        self.output.expect("Welcome!");
        self.output.expect(PROMPT);
    }

    /// Answers the login's prompts.
    #[track_caller]
    pub(crate) fn type_login(&mut self, name: &str) {
        self.output.expect("Username:");
        self.type_line(name);
        self.output.expect("Password:");
        self.type_line(PASSWORD);
    }

    /// The number of bytes that the process has read, from anywhere.
    pub(crate) fn bytes_read(&self) -> u64 {
        let pid = self.child.process_id().expect("the shell runs");
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("it is counted");
        let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        read.and_then(|bytes| bytes.parse().ok()).expect("a number")
    }

    /// Makes the terminal narrower or wider.
    pub(crate) fn resize(&self, columns: u16) {
        let resized = self.master.resize(size(columns));
        resized.expect("a terminal can be resized");
    }

    /// Whether the terminal shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        let modes = self.master.get_termios().expect("a terminal has modes");
        let modes = format!("{:?}", modes.local_flags);
        modes
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|mode| mode == "ECHO")
    }

    /// Whether the program has read all that was typed, where it reads keys and not lines.
    pub(crate) fn has_read_all(&self) -> bool {
        let name = self.master.tty_name().expect("a terminal has a name");
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("the terminal is open");
        ioctl_fionread(terminal).expect("a terminal knows what waits") == 0
    }

    /// The rows of the screen, as the person sees them by now.
    pub(crate) fn screen(&self) -> Vec<String> {
        let mut screen = vt100::Parser::new(ROWS, self.columns, 0);
        screen.process(self.output.so_far().as_bytes());
        let rows = screen.screen().rows(0, self.columns);
        let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Waits until these are the last rows of the screen.
    #[track_caller]
    pub(crate) fn expect_rows(&self, rows: &[&str]) {
        let began = std::time::Instant::now();
        loop {
            let screen = self.screen();
            let last = &screen[screen.len().saturating_sub(rows.len())..];
            if last == rows {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "{rows:#?} on {screen:#?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, with: Signal) {
        let pid = self.child.process_id().expect("the shell runs");
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), with).expect("the process runs");
    }

    /// Waits for the end and returns whether it was a success.
    pub(crate) fn wait(&mut self) -> bool {
        self.wait_code() == 0
    }

    /// Waits for the end and returns the exit status.
    pub(crate) fn wait_code(&mut self) -> u32 {
        self.child.wait().expect("the shell ends").exit_code()
    }
}

fn size(columns: u16) -> PtySize {
    PtySize {
        rows: ROWS,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
