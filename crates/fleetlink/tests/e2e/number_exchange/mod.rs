//! The number exchange: the specification's transcripts over real sockets, and the end of a server.

mod broken;
mod checker;
mod client;
mod client_checker;
mod crowd;
mod forms;
mod server;
mod strangers;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::harness::{DEADLINE, Output, fleetlink};

/// The forms by the names that `--dialect` takes.
const FORMS: [&str; 11] = [
    "text",
    "json",
    "json-name",
    "colon",
    "comma",
    "semicolon",
    "pipe",
    "blank",
    "utf-int",
    "utf-text",
    "struct256",
];

/// `fleetlink sum serve` on a free port; killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    output: Output,
    _folder: TempDir,
}

impl Server {
    #[track_caller]
    fn start(options: &[&str]) -> Self {
        Self::start_as("A Server", options)
    }

    #[track_caller]
    fn start_as(name: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = fleetlink(folder.path())
            .args(["sum", "serve", "--listen", "127.0.0.1:0", "--name", name])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut output = Output::of(child.stdout.take().expect("standard output is piped"));
        output.expect("[INFO] [start_server]: ");
        output.expect(" started and listening on ");
        let address = output.expect("\n").parse().expect("an address");
        Server {
            child,
            address,
            output,
            _folder: folder,
        }
    }

    /// A connection on which nothing was said.
    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends this at once and ends the stream; returns all that comes.
    fn ask(&self, request: &str) -> String {
        let stream = self.connect();
        (&stream).write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        hear(stream)
    }

    /// Its exit status, once it has ended by itself.
    #[track_caller]
    fn ended(&mut self) -> Option<i32> {
        self.output.to_end();
        self.child.wait().unwrap().code()
    }

    /// Everything it printed, without the first line.
    fn lines(&self) -> Vec<String> {
        let text = self.output.to_end();
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Everything up to the close.
fn hear(mut stream: TcpStream) -> String {
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a clean close");
    reply
}
