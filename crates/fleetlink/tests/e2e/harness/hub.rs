//! A hub of its own for a test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::network::Network;
use super::{Finished, Output, PASSWORD, Shell, fleetlink, run};

/// A running hub with its data in a fresh folder; killed when dropped.
pub(crate) struct Hub {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) output: Output,
    options: Vec<String>,
}

impl Hub {
    /// A hub on a free port of loopback with these accounts.
    #[track_caller]
    pub(crate) fn start(accounts: &[&str]) -> Self {
        Self::start_with(accounts, &[])
    }

    /// The same, with further options.
    #[track_caller]
    pub(crate) fn start_with(accounts: &[&str], options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", accounts, options)
    }

    /// A hub on a free port of every address.
    #[track_caller]
    pub(crate) fn start_everywhere(accounts: &[&str]) -> Self {
        Self::start_at("0.0.0.0:0", accounts, &[])
    }

    /// A hub on the hub's host of this network.
    #[track_caller]
    pub(crate) fn start_in(network: &Network, accounts: &[&str], options: &[&str]) -> Self {
        let wrap = |command: Command| network.on_hub(&command);
        Self::start_wrapped(network.hub_address(), accounts, options, &wrap)
    }

    /// A hub that may have so many files and connections open.
    #[track_caller]
    pub(crate) fn start_with_descriptors(limit: u32, accounts: &[&str], options: &[&str]) -> Self {
        let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        let wrap = |command: Command| in_shell(&script, &command);
        Self::start_wrapped("127.0.0.1:0", accounts, options, &wrap)
    }

    /// A hub that writes the lines of its log that `filter` selects to `log.txt` as JSON.
    #[track_caller]
    pub(crate) fn start_logged(filter: &str, accounts: &[&str], options: &[&str]) -> Self {
        let wrap = |command: Command| {
            let mut logged = in_shell("exec \"$0\" \"$@\" 2> log.txt", &command);
            logged
                .env("FLEETLINK_LOG", filter)
                .env("FLEETLINK_LOG_FORMAT", "json");
            logged
        };
        Self::start_wrapped("127.0.0.1:0", accounts, options, &wrap)
    }

    /// A hub whose notices and log go to `log.txt`.
    #[track_caller]
    pub(crate) fn start_with_errors_kept(accounts: &[&str], options: &[&str]) -> Self {
        let wrap = |command: Command| in_shell("exec \"$0\" \"$@\" 2> log.txt", &command);
        Self::start_wrapped("127.0.0.1:0", accounts, options, &wrap)
    }

    /// A hub at every address of the hub's host of this network, reached there over loopback.
    #[track_caller]
    pub(crate) fn start_everywhere_in(network: &Network, accounts: &[&str]) -> Self {
        let wrap = |command: Command| network.on_hub(&command);
        let mut hub = Self::start_wrapped("0.0.0.0:0", accounts, &[], &wrap);
        hub.address.set_ip([127, 0, 0, 1].into());
        hub
    }

    /// A hub on a free port of this address.
    #[track_caller]
    pub(crate) fn start_listening(listen: &str, accounts: &[&str]) -> Self {
        Self::start_wrapped(listen, accounts, &[], &|command| command)
    }

    /// The pin by which devices know the hub.
    pub(crate) fn pin(&self) -> String {
        let mut output = self.output.clone();
        output.expect("sha256:");
        format!("sha256:{}", output.expect("\n").trim())
    }

    #[track_caller]
    fn start_at(listen: &str, accounts: &[&str], options: &[&str]) -> Self {
        let mut hub = Self::start_wrapped(listen, accounts, options, &|command| command);
        hub.address.set_ip([127, 0, 0, 1].into());
        hub
    }

    #[track_caller]
    fn start_wrapped(
        listen: &str,
        accounts: &[&str],
        options: &[&str],
        wrap: &dyn Fn(Command) -> Command,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let list: String = accounts
            .iter()
            .map(|name| format!("{name} {PASSWORD}\n"))
            .collect();
        fs::write(folder.path().join("accounts.txt"), list).expect("a file can be written");
        let mut options: Vec<String> = options.iter().map(|&o| o.to_owned()).collect();
        options.extend(["--credentials".to_owned(), "accounts.txt".to_owned()]);
        let (child, output, address) = spawn(&mut wrap(command(folder.path(), listen, &options)));
        // The file is imported beside what the hub does already. Events have a form of their own.
        if !options.iter().any(|option| option == "--event-format") {
            for name in accounts {
                let added = format!("account {name} was added");
                output.clone().expect(&added);
            }
        }
        Hub {
            child,
            folder,
            address,
            output,
            options,
        }
    }

    /// The folder in which it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it again on the same port and data, with these options in place of its own.
    #[track_caller]
    pub(crate) fn restart_with(&mut self, options: &[&str]) {
        self.options = options.iter().map(|&option| option.to_owned()).collect();
        self.restart();
    }

    /// The folder with its data and log files.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.data().join(name)).unwrap_or_default()
    }

    /// The active devices' names, as `edge-device-log.txt` has them.
    pub(crate) fn active(&self) -> Vec<String> {
        let log = self.log("edge-device-log.txt");
        log.lines()
            .filter_map(|line| line.split("; ").nth(2))
            .map(str::to_owned)
            .collect()
    }

    /// A device that has joined, in a fresh folder.
    #[track_caller]
    pub(crate) fn join(&self, name: &str) -> Shell {
        let mut shell = Shell::start(self.address, &[]);
        shell.login(name);
        shell
    }

    /// A one-shot of this device in `folder`.
    pub(crate) fn command(&self, folder: &Path, device: &str, arguments: &[&str]) -> Command {
        let mut command = fleetlink(folder);
        command
            .args(arguments)
            .env("FLEETLINK_HUB", self.address.to_string())
            .env("FLEETLINK_DEVICE", device)
            .env("FLEETLINK_PASSWORD", PASSWORD);
        command
    }

    /// Runs a one-shot of this device to its end.
    #[track_caller]
    pub(crate) fn run(&self, folder: &Path, device: &str, arguments: &[&str]) -> Finished {
        run(&mut self.command(folder, device, arguments), "")
    }

    /// A one-shot of this device in `folder` that has its key alone to show.
    pub(crate) fn command_by_key(
        &self,
        folder: &Path,
        device: &str,
        arguments: &[&str],
    ) -> Command {
        let mut command = self.command(folder, device, arguments);
        command.env_remove("FLEETLINK_PASSWORD");
        command
    }

    /// Joins in `folder` and leaves at once; returns what was said.
    #[track_caller]
    pub(crate) fn visit(&self, folder: &Path, device: &str) -> Finished {
        let address = self.address.to_string();
        run(
            &mut self.command(folder, device, &["join", &address]),
            "OUT\n",
        )
    }

    /// Runs `fleetlink account …` on this hub's data.
    #[track_caller]
    pub(crate) fn account(&self, arguments: &[&str], input: &str) -> Finished {
        self.operate("account", arguments, input)
    }

    /// Runs a command of the operator on this hub's data.
    #[track_caller]
    pub(crate) fn operate(&self, noun: &str, arguments: &[&str], input: &str) -> Finished {
        let mut command = fleetlink(self.folder.path());
        command.arg(noun).args(arguments).arg("--data").arg("data");
        run(&mut command, input)
    }

    /// `fleetlink hub rotate-key` on this hub's data.
    pub(crate) fn rotate_command(&self) -> Command {
        let mut command = fleetlink(self.folder.path());
        command.args(["hub", "rotate-key", "--data", "data", "--json"]);
        command
    }

    /// Gives the hub a new key and returns its pin.
    #[track_caller]
    pub(crate) fn rotate(&self) -> String {
        let finished = run(&mut self.rotate_command(), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        document["pin"].as_str().unwrap().to_owned()
    }

    /// Ends it at once, as a power cut does to a process.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the hub runs");
        self.child.wait().expect("the hub ends");
    }

    /// Starts it again on the same port and data.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        let listen = self.address.to_string();
        let (child, output, address) =
            spawn(&mut command(self.folder.path(), &listen, &self.options));
        assert_eq!(address, self.address);
        (self.child, self.output) = (child, output);
    }

    /// Ends it as Ctrl-C or a service manager does, and returns its exit status.
    #[track_caller]
    pub(crate) fn stop(&mut self, signal: rustix::process::Signal) -> Option<i32> {
        super::shell::signal(&self.child, signal);
        self.child.wait().expect("the hub ends").code()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command as `$0` and `$@` of a script of the shell.
fn in_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn command(folder: &Path, listen: &str, options: &[String]) -> Command {
    let mut command = fleetlink(folder);
    command
        .args(["hub", "--listen", listen, "--data", "data"])
        .args(options);
    command
}

#[track_caller]
fn spawn(command: &mut Command) -> (Child, Output, SocketAddr) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary starts");
    let mut output = Output::of(child.stdout.take().expect("standard output is piped"));
    output.expect("listening on ");
    // In JSON it is the end of a text.
    let rest = output.expect("\n");
    let address = rest.split('"').next().unwrap_or_default();
    let address = address.parse().expect("an address");
    (child, output, address)
}
