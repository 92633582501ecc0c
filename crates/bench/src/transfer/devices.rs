//! Both ends of a transfer, each a process of this program, so that each side's cost is seen.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fleetlink_client::{
    Arrival, ReceivePolicy,
    internals::{Listener, Peer},
    transfer::{Control, Endpoint, Inbox},
};
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{Party, Reason};
use tokio::task::JoinSet;

/// Files under way at once, as many as `send` has on a quick path.
const AT_ONCE: usize = 4;

use super::hub::Hub;
use crate::BenchResult;
use crate::process::Process;
use crate::report::{complain, say};

/// The arguments with which this program becomes [`receive`].
pub(crate) const RECEIVE: (&str, &str) = ("transfer", "receive");
/// The arguments with which this program becomes [`send`].
pub(crate) const SEND: (&str, &str) = ("transfer", "send");

const RECEIVER: &str = "receiver";
const SENDER: &str = "sender";

/// A running receiver, killed when dropped.
pub(super) struct Receiver {
    pub(super) process: Process,
    state: PathBuf,
    /// Its port, endpoint and key.
    place: [String; 3],
}

impl Receiver {
    /// One that takes everything into `inbox`. A hub's key is in `state`.
    pub(super) fn start(state: &Path, inbox: &Path) -> BenchResult<Self> {
        fs::create_dir_all(inbox)?;
        let mut command = Command::new(env::current_exe()?);
        command.args([RECEIVE.0, RECEIVE.1]).args([state, inbox]);
        let mut process = Process::start(&mut command)?;
        let place = [
            process.expect("port ")?,
            process.expect("endpoint ")?,
            process.expect("key ")?,
        ];
        process.ignore_output();
        let state = state.to_owned();
        Ok(Receiver {
            process,
            state,
            place,
        })
    }

    /// The command that sends it a file, or all files of a folder.
    pub(super) fn sender(&self, path: &Path) -> BenchResult<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.args([SEND.0, SEND.1]).arg(&self.state);
        command.args(&self.place).arg(path);
        Ok(command)
    }
}

/// Receives until it is killed.
pub(crate) fn receive() -> BenchResult {
    let mut arguments = env::args_os().skip(3).map(PathBuf::from);
    let state = arguments.next().ok_or("the folder of keys")?;
    let inbox = arguments.next().ok_or("the inbox")?;
    runtime()?.block_on(async {
        let endpoint = Endpoint::bind(0).await?;
        let hub = Hub::open(&state)?;
        let credentials = hub.device(&state, RECEIVER, &endpoint).await?;
        let inbox = Arc::new(Inbox::open(&inbox, ReceivePolicy::from_everybody())?);
        say(&format!("port {}", endpoint.port()));
        say(&format!("endpoint {}", endpoint.id()));
        say(&format!("key {}", credentials.party().key));
        let credentials = Arc::new(credentials);
        let deadlines = Deadlines::default();
        let (listener, mut arrivals) = Listener::new(endpoint, credentials, inbox, deadlines);
        let serving = tokio::spawn(listener.run());
        while let Some(arrival) = arrivals.recv().await {
            if let Arrival::Failed { failure, .. } = arrival {
                complain(&format!("a file did not arrive: {failure}"));
            }
        }
        Ok(serving.await?)
    })
}

/// Sends a file or a folder's files, and ends when all are durable at the receiver.
pub(crate) fn send() -> BenchResult {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [state, port, endpoint, key, path] = &arguments[..] else {
        return Err("the folder of keys, the receiver's port, endpoint and key, and a path".into());
    };
    let to = Party {
        name: RECEIVER.parse()?,
        endpoint: endpoint.parse()?,
        key: key.clone().try_into()?,
    };
    let at = ([127, 0, 0, 1], port.parse()?).into();
    let (state, path) = (Path::new(state), PathBuf::from(path));
    runtime()?.block_on(async {
        let own = Endpoint::bind(0).await?;
        let hub = Hub::open(state)?;
        let credentials = hub.device(state, SENDER, &own).await?;
        let grant = hub.grant(credentials.party(), to)?;
        let peer = Peer::connect(&own, &credentials, grant, &[at], Deadlines::default()).await?;
        send_all(&peer, files(path)?).await?;
        peer.close(Reason::Closing);
        own.close().await;
        Ok(())
    })
}

/// As many at once as a connection carries.
async fn send_all(peer: &Peer, mut files: Vec<PathBuf>) -> BenchResult {
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(file) = files.pop()
        {
            let peer = peer.clone();
            under_way.spawn(async move { peer.send_file(file, &Control::new()).await });
        }
        match under_way.join_next().await {
            Some(sent) => drop(sent??),
            None => return Ok(()),
        }
    }
}

fn files(path: PathBuf) -> BenchResult<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let entries = fs::read_dir(path)?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()));
    Ok(files.collect::<Result<_, _>>()?)
}

/// As the product's own.
pub(crate) fn runtime() -> BenchResult<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    Ok(runtime)
}
