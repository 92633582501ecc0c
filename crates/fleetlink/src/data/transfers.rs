//! Moving data: to a local file, to the hub, back from it.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fleetlink_client::{
    Client, ErrorKind, Readings,
    data::{Downloaded, Existing, GeneratedFiles, Overwrite, UploadTask, Uploaded, generate},
    kept::state_folder,
};
use fleetlink_proto::control::Receipt;
use fleetlink_proto::{DataFile, Escaped};
use serde_json::json;

use super::file_name;
use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::ProgressBar;

/// Writes random samples to a file; stops, and leaves an earlier file as it was, when dropped. A
/// file that was not generated is overwritten with `force` alone.
pub(crate) async fn generate_file(
    path: &Path,
    amount: u64,
    force: bool,
    output: &Output,
) -> Result<(), Failure> {
    let files = GeneratedFiles::in_folder(state_folder()?);
    let overwrite = match force {
        true => Overwrite::Anything(files),
        false => Overwrite::Generated(files),
    };
    let (working, done) = mpsc::channel();
    let stop = Stop {
        asked: Arc::default(),
        done,
    };
    let stopped = Arc::clone(&stop.asked);
    let mut progress = ProgressBar::of_samples(output, amount);
    let path = path.to_owned();
    let generating = tokio::task::spawn_blocking(move || {
        let _working: mpsc::Sender<()> = working;
        generate(&path, amount, &overwrite, |done| {
            progress.set(done);
            match stopped.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    });
    let generated = generating.await.map_err(io::Error::other)??;
    if let Some(why) = generated.not_remembered {
        output.notice(&format!(
            "that this file was generated could not be remembered ({why}); the next time --force \
             is needed to overwrite it"
        ));
    }
    Ok(())
}

/// The time that an ended command waits until its temporary file is removed: a batch of samples.
const CLEAN_UP_DEADLINE: Duration = Duration::from_secs(5);

/// Stops the blocking thread when the command that waits for it is dropped, and waits for it: the
/// process may end next, and would leave the temporary file behind.
struct Stop {
    asked: Arc<AtomicBool>,
    /// Closed when the thread is done.
    done: mpsc::Receiver<()>,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.asked.store(true, Ordering::Relaxed);
        let _ = self.done.recv_timeout(CLEAN_UP_DEADLINE);
    }
}

/// Uploads what stands at a path: a regular file, tried again as often as it takes, or a pipe.
pub(crate) async fn upload_path(
    client: &Client,
    task: &UploadTask,
    path: &Path,
    output: &Output,
) -> Result<Uploaded, Failure> {
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(|e| no_file(path, &e))?;
    if metadata.is_dir() {
        let shown = path.display().to_string();
        return Err(Failure::General(format!("{} is a folder", Escaped(&shown))));
    }
    if metadata.is_file() {
        let mut progress = ProgressBar::of_bytes(output, Some(metadata.len()));
        let upload = client.upload(&task.file, path);
        return Ok(upload.of(task).progress(|sent| progress.set(sent)).await?);
    }
    let source = tokio::fs::File::open(path)
        .await
        .map_err(|e| no_file(path, &e))?;
    upload_once(client, task, Readings::stream(source), output).await
}

/// Uploads a source that can be read once.
async fn upload_once(
    client: &Client,
    task: &UploadTask,
    readings: Readings,
    output: &Output,
) -> Result<Uploaded, Failure> {
    let mut progress = ProgressBar::of_bytes(output, None);
    let upload = client.upload(&task.file, readings).of(task);
    Ok(upload.progress(|sent| progress.set(sent)).await?)
}

pub(super) fn no_file(path: &Path, error: &io::Error) -> Failure {
    let path = path.display().to_string();
    let text = format!("{}: {error}", Escaped(&path));
    match error.kind() {
        io::ErrorKind::NotFound => Failure::NoSuchFile(text),
        _ => Failure::General(text),
    }
}

pub(super) async fn upload(
    hub: &HubArguments,
    task: UploadTask,
    path: Option<PathBuf>,
    output: &Output,
) -> Result<(), Failure> {
    let file = task.file.clone();
    let path = path.map_or_else(|| hub.device().map(|d| file_name(d, &file)), Ok)?;
    let piped = path.as_os_str() == "-";
    if !piped {
        // A missing file is said before anybody is asked for a password.
        tokio::fs::metadata(&path)
            .await
            .map_err(|e| no_file(&path, &e))?;
    }
    let client = hub.connect(output).await?;
    let uploaded = match piped {
        true => {
            let readings = Readings::stream(tokio::io::stdin());
            upload_once(&client, &task, readings, output).await
        }
        false => upload_path(&client, &task, &path, output).await,
    };
    let Uploaded { receipt, rounded } = uploaded?;
    say_rounded(rounded, output);
    let samples = receipt.samples;
    let text =
        format!("Data file with ID of {file} has been uploaded to server ({samples} samples)");
    output.result(&text, &Document { receipt, rounded });
    client.leave().await;
    Ok(())
}

/// An upload as the JSON document.
#[derive(serde::Serialize)]
struct Document {
    #[serde(flatten)]
    receipt: Receipt,
    rounded: u64,
}

/// Says how many samples are not what stood in the input.
pub(crate) fn say_rounded(rounded: u64, output: &Output) {
    match rounded {
        0 => {}
        1 => output.notice("1 sample had more than nine decimals and was rounded"),
        _ => output.notice(&format!(
            "{rounded} samples had more than nine decimals and were rounded"
        )),
    }
}

/// Fetches a file to a path where none is, or in the place of the one that is.
pub(crate) async fn get_to_file(
    client: &Client,
    file: DataFile,
    path: &Path,
    existing: Existing,
    output: &Output,
) -> Result<Downloaded, Failure> {
    check_existing(path, existing)?;
    let mut progress = ProgressBar::of_bytes(output, None);
    let seen = |done, total| progress.set_of(done, total);
    Ok(client.download_to(file, path, existing, seen).await?)
}

pub(super) async fn get(
    hub: &HubArguments,
    file: DataFile,
    path: Option<PathBuf>,
    force: bool,
    output: &Output,
) -> Result<(), Failure> {
    let path = path.map_or_else(|| hub.device().map(|d| file_name(d, &file)), Ok)?;
    let existing = Existing::forced(force);
    check_target(&path, existing, output)?;
    let client = hub.connect(output).await?;
    if path.as_os_str() == "-" {
        let got = client
            .download(file, &mut tokio::io::stdout(), |_, _| {})
            .await;
        got.map_err(|error| match (error.kind(), error.io()) {
            (ErrorKind::File, Some(error)) => Failure::output(error),
            _ => error.into(),
        })?;
    } else {
        let got = get_to_file(&client, file.clone(), &path, existing, output).await?;
        let text = fetched(&file, got.samples, &path);
        let document = json!({
            "file": file, "path": path, "bytes": got.bytes, "samples": got.samples,
            "version": got.version, "hash": got.hash,
        });
        output.result(&text, &document);
    }
    client.leave().await;
    Ok(())
}

/// Says where a file cannot be fetched to, before anything is asked of the hub.
pub(crate) fn check_target(
    path: &Path,
    existing: Existing,
    output: &Output,
) -> Result<(), Failure> {
    if path.as_os_str() != "-" {
        return check_existing(path, existing);
    }
    match output.is_json() {
        true => {
            let both = "the file and the JSON document cannot both go to standard output";
            Err(Failure::Usage(both.to_owned()))
        }
        false => Ok(()),
    }
}

fn check_existing(path: &Path, existing: Existing) -> Result<(), Failure> {
    if existing == Existing::Keep && path.exists() {
        let path = path.display().to_string();
        let path = Escaped(&path);
        return Err(Failure::General(format!(
            "{path} exists and is not overwritten"
        )));
    }
    Ok(())
}

/// The text of `get`'s success.
pub(crate) fn fetched(file: &DataFile, samples: u64, path: &Path) -> String {
    let path = path.display().to_string();
    let path = Escaped(&path);
    format!("Data file with ID of {file} ({samples} samples) has been stored in the file {path}")
}
