//! The Unix socket of a running hub: of mode 0600 from the moment that it is there, so that whoever
//! can open it is the operator.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::descriptors::OPERATOR_CONNECTIONS;

use super::content::Content;
use super::message::{CallResult, OperatorCall, OperatorReply};
use super::{Desk, OperatorError, SOCKET_FILE, reading};

/// The longest call; an answer may be as long as the list of accounts is.
const MAX_CALL_BYTES: u64 = 64 * 1024;
/// The longest path that every system's socket addresses hold, in bytes.
const MAX_ADDRESS_BYTES: usize = 100;
/// The longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// The folder in which the socket is made before it is shown. Its mode is 0700, so nobody can
/// connect before the socket itself is private, whatever the mode of the data folder and the umask.
const MAKING_FOLDER: &str = "hub.sock.new";

/// The socket in the data folder; removed when dropped.
pub(crate) struct OperatorSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl OperatorSocket {
    /// Makes the socket. The caller holds the data folder's lock, so a socket that is already there
    /// belongs to a hub that was killed.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET_FILE);
        let making = folder.join(MAKING_FOLDER);
        remove_making_folder(&making)?;
        fs::DirBuilder::new().mode(0o700).create(&making)?;
        let made = make_private(&making.join(SOCKET_FILE), &path);
        remove_making_folder(&making)?;
        Ok(OperatorSocket {
            listener: made?,
            path,
        })
    }

    /// Serves the operator until `shutdown`.
    pub(crate) async fn serve(self, desk: Desk, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(OPERATOR_CONNECTIONS));
        loop {
            let accepting = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepting => accepted,
                () = shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (desk, shutdown) = (desk.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        serve(stream, desk, &shutdown).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an operator's connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for OperatorSocket {
    fn drop(&mut self) {
        // One that stays is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

fn make_private(making: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = at_any_length(making, |making| UnixListener::bind(making))?;
    fs::set_permissions(making, Permissions::from_mode(0o600))?;
    fs::rename(making, path)?;
    Ok(listener)
}

/// Removes what a hub that was killed may have left.
fn remove_making_folder(making: &Path) -> io::Result<()> {
    for removed in [
        fs::remove_file(making.join(SOCKET_FILE)),
        fs::remove_dir(making),
    ] {
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// A socket's address has room for a path of about a hundred bytes; a longer one is reached through
/// its open folder, where the system shows that under a short name.
fn at_any_length<T>(path: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return reach(path);
    };
    if path.as_os_str().len() <= MAX_ADDRESS_BYTES || !cfg!(target_os = "linux") {
        return reach(path);
    }
    let folder = File::open(folder)?;
    let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
    reach(&Path::new(&short).join(name))
}

async fn serve(stream: UnixStream, desk: Desk, shutdown: &CancellationToken) {
    let (incoming, mut outgoing) = stream.into_split();
    let mut incoming = BufReader::new(incoming);
    while let Ok(Some(line)) = read_line(&mut incoming, MAX_CALL_BYTES).await {
        let result: CallResult = match serde_json::from_str::<OperatorCall>(&line) {
            Ok(OperatorCall::Read { device, file }) => match desk.content(device, file).await {
                Ok(Ok(content)) => {
                    // It keeps the store open, which ends with the hub.
                    let sending = Box::pin(hand_over(content, &mut outgoing));
                    match shutdown.run_until_cancelled(sending).await {
                        Some(Ok(())) => continue,
                        _ => return,
                    }
                }
                Ok(Err(error)) => Ok(OperatorReply::NotDone(error)),
                Err(why) => Err(why),
            },
            Ok(call) => desk.perform(call).await,
            Err(error) => Err(format!("not understood: {error}")),
        };
        if write_line(&mut outgoing, &result).await.is_err() {
            return;
        }
    }
}

async fn hand_over(
    content: Content,
    outgoing: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let result: CallResult = Ok(OperatorReply::Content(content.info()));
    write_line(outgoing, &result).await?;
    reading::send(content, outgoing).await
}

/// A connection to a running hub.
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
    path: String,
}

impl Connection {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let stream = at_any_length(path, |path| {
            let stream = std::os::unix::net::UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        })?;
        Ok(Connection {
            stream: BufReader::new(stream),
            path: path.display().to_string(),
        })
    }

    pub(super) async fn call(
        &mut self,
        call: &OperatorCall,
    ) -> Result<OperatorReply, OperatorError> {
        let sent = write_line(self.stream.get_mut(), call).await;
        sent.map_err(|error| self.lost(&error))?;
        self.line::<CallResult>()
            .await?
            .map_err(OperatorError::Refused)
    }

    /// The next line that the hub sends.
    pub(super) async fn line<T: DeserializeOwned>(&mut self) -> Result<T, OperatorError> {
        let read = read_line(&mut self.stream, MAX_ANSWER_BYTES).await;
        let line = read.and_then(|line| line.ok_or_else(|| io::Error::other("the hub ended")));
        let message = line.and_then(|line| Ok(serde_json::from_str(&line)?));
        message.map_err(|error| self.lost(&error))
    }

    /// The bytes behind a line.
    pub(super) async fn bytes(&mut self, count: u32) -> Result<Vec<u8>, OperatorError> {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        let read = self.stream.read_exact(&mut bytes).await;
        read.map_err(|error| self.lost(&error))?;
        Ok(bytes)
    }

    fn lost(&self, error: &io::Error) -> OperatorError {
        OperatorError::Unreachable {
            folder: self.path.clone(),
            reason: error.to_string(),
        }
    }
}

async fn read_line(
    stream: &mut (impl AsyncBufRead + Unpin),
    limit: u64,
) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.take(limit).read_line(&mut line).await?;
    if read > 0 && !line.ends_with('\n') {
        return Err(io::Error::other("the line is too long or was cut"));
    }
    Ok((read > 0).then_some(line))
}

pub(super) async fn write_line(
    stream: &mut (impl AsyncWriteExt + Unpin),
    message: &impl serde::Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn nobody_else_can_open_it_at_any_moment() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let before = rustix::process::umask(rustix::fs::Mode::empty());
        let path = folder.path().join(SOCKET_FILE);
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut modes = std::collections::BTreeSet::new();
                while !ended.load(Ordering::Relaxed) {
                    if let Ok(found) = fs::symlink_metadata(&path) {
                        modes.insert(found.permissions().mode() & 0o777);
                    }
                }
                modes
            });
            for _ in 0..2000 {
                drop(OperatorSocket::make(folder.path()).unwrap());
            }
            ended.store(true, Ordering::Relaxed);
            let modes = looking.join().unwrap();
            assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
        });
        rustix::process::umask(before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_path_longer_than_a_sockets_address_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        for _ in 0..2 {
            // What a killed hub left is replaced.
            std::mem::forget(OperatorSocket::make(&deep).unwrap());
            assert!(Connection::open(&deep.join(SOCKET_FILE)).is_ok());
        }
    }
}
