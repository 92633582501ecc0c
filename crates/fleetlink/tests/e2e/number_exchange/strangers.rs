//! Programs in other languages that share no code with ours, in every form and in both roles;
//! `docs/interop.md` lists them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::scope;

use tempfile::TempDir;

use super::{FORMS, Server};
use crate::harness::{Output, fleetlink, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/strangers");
const INTEROP: &str = include_str!("../../../../../docs/interop.md");

#[derive(Debug, Clone, Copy, PartialEq)]
enum Language {
    Python,
    Java,
    C,
}

/// A program of a stranger, compiled where its language needs it.
struct Stranger {
    language: Language,
    program: PathBuf,
    /// Java's name of the program.
    class: &'static str,
    _folder: TempDir,
}

impl Stranger {
    fn client(language: Language) -> Self {
        Self::build(language, ["client.py", "Client.java", "client.c"], "Client")
    }

    fn server(language: Language) -> Self {
        Self::build(language, ["server.py", "Server.java", "server.c"], "Server")
    }

    fn build(language: Language, sources: [&str; 3], class: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [python, java, c] = sources.map(|source| Path::new(FOLDER).join(source));
        let program = match language {
            Language::Python => python,
            Language::Java => {
                let mut javac = Command::new("javac");
                javac.args(["-encoding", "UTF-8", "-d"]).arg(folder.path());
                compile(javac.arg(java), "default-jdk-headless");
                folder.path().to_owned()
            }
            Language::C => {
                let program = folder.path().join("stranger");
                let mut cc = Command::new("cc");
                compile(cc.arg("-o").arg(&program).arg(c), "build-essential");
                program
            }
        };
        Stranger {
            language,
            program,
            class,
            _folder: folder,
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.language {
            Language::C => Command::new(&self.program),
            Language::Python => {
                let mut python = Command::new("python3");
                python.arg(&self.program);
                python
            }
            Language::Java => {
                let mut java = Command::new("java");
                java.args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp"]);
                java.arg(&self.program).arg(self.class);
                java
            }
        };
        // Java reads its arguments as the locale says.
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// A name with blanks, dots, a colon and Unicode, as far as the form and the program can say
    /// it: in C, and where Python answers, a string behind a length is plain UTF-8.
    fn name(&self, role: &str, form: &str) -> String {
        let plain_utf = match self.language {
            Language::Python => role != "their client" && form.starts_with("utf-"),
            Language::Java => false,
            Language::C => true,
        };
        let crab = if plain_utf { "" } else { "\u{1f980}" };
        match form {
            "blank" if role.ends_with("client") => format!("Zo\u{eb}.1:2{crab}x"),
            _ => format!("Zo\u{eb} v1.2: {role} {crab}x"),
        }
    }
}

fn compile(command: &mut Command, package: &str) {
    let hint = format!("a compiler: apt-get install {package}");
    let output = command.output().expect(&hint);
    assert!(output.status.success(), "{output:?}");
}

/// A stranger's server; killed when dropped.
struct Serving {
    child: Child,
    output: Output,
    address: SocketAddr,
}

impl Serving {
    fn start(stranger: &Stranger, form: &str, name: &str) -> Self {
        let mut command = stranger.command();
        command.args([form, name, "17"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the stranger's server starts");
        let mut output = Output::of(child.stdout.take().expect("standard output is piped"));
        output.expect("port=");
        let port = output.expect("\n").trim().parse().expect("a port");
        let address = ([127, 0, 0, 1], port).into();
        Serving {
            child,
            output,
            address,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks our server, twice over one connection where the form has room for it.
fn ask_ours(stranger: &Stranger, form: &str) {
    let ours = stranger.name("our server", form);
    let mut server = Server::start_as(&ours, &["--number", "42"]);
    let theirs = stranger.name("their client", form);
    let seeds = ["text", "json"].contains(&form);
    let numbers = if seeds { &["10"][..] } else { &["10", "100"] };
    let mut command = stranger.command();
    let (host, port) = (server.address.ip(), server.address.port());
    command.args([&host.to_string(), &port.to_string(), form, &theirs]);
    let finished = run(command.args(numbers), "");
    let line = format!("server={ours} number=42\n");
    let shown = (finished.code, finished.stdout.replace('\r', ""));
    let expected = (Some(0), line.repeat(numbers.len()));
    assert_eq!(shown, expected, "{form}: {}", finished.stderr);
    for number in numbers {
        let names = format!("Client Name: {theirs} | Server Name: {ours}\n");
        server.output.expect(&names);
        server.output.expect(&format!("Client Number: {number} | "));
    }
}

fn ask_theirs(stranger: &Stranger, form: &str) {
    let theirs = stranger.name("their server", form);
    let mut server = Serving::start(stranger, form, &theirs);
    let ours = stranger.name("our client", form);
    let folder = tempfile::tempdir().unwrap();
    for number in ["10", "100"] {
        let mut command = fleetlink(folder.path());
        let (host, port) = (server.address.ip(), server.address.port());
        command.args(["sum", "send", &host.to_string(), &port.to_string(), number]);
        command.args(["--dialect", form, "--name", &ours]);
        let finished = run(&mut command, "");
        assert_eq!(finished.code, Some(0), "{form}: {finished:?}");
        let names = format!("[send_message]: {ours} | {theirs}\n");
        assert!(finished.stdout.contains(&names), "{form}: {finished:?}");
        let sum = number.parse::<u8>().unwrap() + 17;
        let numbers = format!("Client Number: {number} | Server Number: 17 | Sum: {sum}\n");
        assert!(finished.stdout.contains(&numbers), "{form}: {finished:?}");
        server
            .output
            .expect(&format!("client={ours} number={number}"));
    }
}

fn every_form(stranger: &Stranger, ask: fn(&Stranger, &str)) {
    scope(|scope| {
        for form in FORMS {
            scope.spawn(move || ask(stranger, form));
        }
    });
}

#[test]
fn clients_in_python_speak_with_our_server() {
    every_form(&Stranger::client(Language::Python), ask_ours);
}

#[test]
fn clients_in_java_speak_with_our_server() {
    every_form(&Stranger::client(Language::Java), ask_ours);
}

#[test]
fn clients_in_c_speak_with_our_server() {
    every_form(&Stranger::client(Language::C), ask_ours);
}

#[test]
fn servers_in_python_speak_with_our_client() {
    every_form(&Stranger::server(Language::Python), ask_theirs);
}

#[test]
fn servers_in_java_speak_with_our_client() {
    every_form(&Stranger::server(Language::Java), ask_theirs);
}

#[test]
fn servers_in_c_speak_with_our_client() {
    every_form(&Stranger::server(Language::C), ask_theirs);
}

#[test]
fn the_table_of_the_document_has_every_form_and_every_program() {
    let rows: Vec<&str> = INTEROP
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(form, _)| form)
        .collect();
    assert_eq!(rows, FORMS);
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(INTEROP.contains(&format!("{name})")), "{name}");
    }
}
