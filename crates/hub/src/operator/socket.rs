//! The Unix socket of a running hub: mode 0600 in a folder of mode 0700, so that whoever can open
//! it is the operator.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::message::{Answer, OperatorCall, OperatorReply};
use super::{OperatorError, SOCKET_FILE, perform};
use crate::driver::DriverHandle;
use crate::passwords::Passwords;

/// The longest call; an answer may be as long as the list of accounts is.
const MAX_CALL_BYTES: u64 = 64 * 1024;
/// The longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Serves the operator until `shutdown`. The caller holds the data folder's lock, so a socket that
/// is already there belongs to a hub that was killed.
pub(crate) fn listen(
    folder: &Path,
    driver: DriverHandle,
    passwords: Passwords,
    shutdown: CancellationToken,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let path = folder.join(SOCKET_FILE);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve(stream, driver.clone(), passwords.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an operator's connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        let _ = fs::remove_file(path);
    })
}

async fn serve(stream: UnixStream, driver: DriverHandle, passwords: Passwords) {
    let (incoming, mut outgoing) = stream.into_split();
    let mut incoming = BufReader::new(incoming);
    while let Ok(Some(line)) = read_line(&mut incoming, MAX_CALL_BYTES).await {
        let answer: Answer = match serde_json::from_str::<OperatorCall>(&line) {
            Ok(call) => perform(call, &driver, &passwords).await,
            Err(error) => Err(format!("not understood: {error}")),
        };
        if write_line(&mut outgoing, &answer).await.is_err() {
            return;
        }
    }
}

/// A connection to a running hub.
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
    path: String,
}

impl Connection {
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let stream = BufReader::new(UnixStream::connect(path).await?);
        Ok(Connection {
            stream,
            path: path.display().to_string(),
        })
    }

    pub(super) async fn call(
        &mut self,
        call: &OperatorCall,
    ) -> Result<OperatorReply, OperatorError> {
        let answer = self
            .exchange(call)
            .await
            .map_err(|error| OperatorError::Unreachable {
                folder: self.path.clone(),
                reason: error.to_string(),
            })?;
        answer.map_err(OperatorError::Refused)
    }

    async fn exchange(&mut self, call: &OperatorCall) -> io::Result<Answer> {
        write_line(self.stream.get_mut(), call).await?;
        let line = read_line(&mut self.stream, MAX_ANSWER_BYTES).await?;
        let line = line.ok_or_else(|| io::Error::other("the hub ended"))?;
        Ok(serde_json::from_str(&line)?)
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

async fn write_line(
    stream: &mut (impl AsyncWriteExt + Unpin),
    message: &impl serde::Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line).await
}
