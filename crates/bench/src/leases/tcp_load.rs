//! Connections, one after the other on each of many tasks.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::contender::{Answered, LOAD_CORE};
use super::say;
use super::udp_load::request;
use crate::BenchResult;

/// Connections at once, as many as redis-benchmark has.
const TOGETHER: u32 = 50;

/// Has `requests` requests answered, each over a connection of its own.
pub(super) fn run(server: SocketAddr, requests: u32) -> BenchResult<Answered> {
    on_load_core(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let tasks: Vec<_> = (0..TOGETHER)
                .map(|task| tokio::spawn(connections(server, task, requests / TOGETHER)))
                .collect();
            for task in tasks {
                task.await??;
            }
            Ok(Answered {
                requests: requests / TOGETHER * TOGETHER,
                time: None,
            })
        })
    })
}

async fn connections(server: SocketAddr, task: u32, count: u32) -> std::io::Result<()> {
    // Each task from an address of its own, so that ports do not run out.
    let source = [127, 0, 1, u8::try_from(task + 1).unwrap_or(1)];
    for n in 0..count {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let mut stream = socket.connect(server).await?;
        stream.write_all(&request(task * count + n)).await?;
        stream.shutdown().await?;
        let mut reply = [0; 64];
        let mut length = 0;
        loop {
            match stream.read(&mut reply[length..]).await? {
                0 => break,
                read => length += read,
            }
        }
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Does `work` on the load's core, in a thread of its own.
pub(super) fn on_load_core<T: Send>(
    work: impl FnOnce() -> BenchResult<T> + Send,
) -> BenchResult<T> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut core = rustix::thread::CpuSet::new();
            core.set(LOAD_CORE);
            if rustix::thread::sched_setaffinity(None, &core).is_err() {
                // A machine with one core: the figures are then of both together.
                let _ = say("the load has no core of its own");
            }
            work().map_err(|error| error.to_string())
        });
        worker
            .join()
            .map_err(|_| "the load panicked".to_owned())?
            .map_err(Into::into)
    })
}
