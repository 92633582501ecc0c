//! `fleetlink data … --data DIR`: any device's data files, as the operator sees and changes them.

use std::path::{Path, PathBuf};

use fleetlink_client::{data::Existing, internals::write_whole};
use fleetlink_hub::{
    DataCall, DataCallReply, FileInfo, Operator, OperatorError, ReadError, ReadFile,
};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName};
use serde_json::json;

use crate::data::{DataCommand, DeleteArguments, fetched, file_name};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::ProgressBar;
use crate::stdin::Lines;

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn data(
    folder: PathBuf,
    device: Option<DeviceName>,
    command: DataCommand,
    output: &Output,
) -> Result<(), Failure> {
    let named = || {
        let missing = "which device's data? --device NAME";
        device
            .clone()
            .ok_or_else(|| Failure::Usage(missing.to_owned()))
    };
    match command {
        DataCommand::List => list(&folder, device, output).await,
        DataCommand::Compute { file, operation } => {
            compute(&folder, (named()?, file), operation, output).await
        }
        DataCommand::Get { file, path, force } => {
            let existing = Existing::forced(force);
            get(&folder, (named()?, file), path, existing, output).await
        }
        DataCommand::Delete(arguments) => delete(&folder, named()?, arguments, output).await,
        DataCommand::Generate { .. } | DataCommand::Upload { .. } | DataCommand::Append(_) => {
            Err(Failure::Usage(
                "only the device itself uploads; with --data there are list, get, compute and delete"
                    .to_owned(),
            ))
        }
    }
}

/// Has one call done.
async fn call(folder: &Path, call: DataCall) -> Result<DataCallReply, Failure> {
    let mut operator = Operator::connect(folder).await?;
    let answer = operator.data(call).await;
    operator.finish().await;
    Ok(answer?)
}

/// All data files, of one device or of all.
async fn files(folder: &Path, device: Option<DeviceName>) -> Result<Vec<FileInfo>, Failure> {
    let mut operator = Operator::connect(folder).await?;
    let files = pages(&mut operator, device).await;
    operator.finish().await;
    Ok(files?)
}

async fn pages(
    operator: &mut Operator,
    device: Option<DeviceName>,
) -> Result<Vec<FileInfo>, OperatorError> {
    let mut files: Vec<FileInfo> = Vec::new();
    loop {
        let last = files.last();
        let after = last.map(|last| (last.device.clone(), last.entry.file.clone()));
        let device = device.clone();
        match operator.data(DataCall::List { device, after }).await? {
            DataCallReply::Files(page) if !page.is_empty() => files.extend(page),
            _ => return Ok(files),
        }
    }
}

async fn list(folder: &Path, device: Option<DeviceName>, output: &Output) -> Result<(), Failure> {
    let files = files(folder, device).await?;
    let lines: Vec<String> = files.iter().map(line).collect();
    let text = match &lines[..] {
        [] => "no uploaded files".to_owned(),
        lines => lines.join("\n"),
    };
    output.result(&text, &json!({ "files": files }));
    Ok(())
}

fn line(file: &FileInfo) -> String {
    format!("{}; {}", file.device, crate::data::line(&file.entry))
}

async fn compute(
    folder: &Path,
    (device, file): (DeviceName, DataFile),
    operation: Operation,
    output: &Output,
) -> Result<(), Failure> {
    let compute = DataCall::Compute {
        device: device.clone(),
        file: file.clone(),
        operation,
    };
    if let DataCallReply::Computed(reply) = call(folder, compute).await? {
        let document = json!({
            "device": device, "file": file, "operation": operation, "result": reply.result,
            "samples": reply.samples,
        });
        output.result(&reply.result.to_string(), &document);
    }
    Ok(())
}

async fn get(
    folder: &Path,
    (device, file): (DeviceName, DataFile),
    path: Option<PathBuf>,
    existing: Existing,
    output: &Output,
) -> Result<(), Failure> {
    let path = path.unwrap_or_else(|| file_name(&device, &file));
    let to_stdout = path.as_os_str() == "-";
    crate::data::check_target(&path, existing, output)?;
    let mut operator = Operator::connect(folder).await?;
    let which = (device.clone(), file.clone());
    let read = match to_stdout {
        true => to_standard_output(&mut operator, which).await,
        false => to_file(&mut operator, which, &path, existing, output).await,
    };
    operator.finish().await;
    let read = read?;
    if !to_stdout {
        let ReadFile {
            bytes,
            samples,
            version,
            hash,
        } = read;
        let document = json!({
            "device": device, "file": file, "path": path, "bytes": bytes, "samples": samples,
            "version": version, "hash": hash,
        });
        output.result(&fetched(&file, samples, &path), &document);
    }
    Ok(())
}

async fn to_standard_output(
    operator: &mut Operator,
    which: (DeviceName, DataFile),
) -> Result<ReadFile, Failure> {
    let mut stdout = tokio::io::stdout();
    let read = operator.read(which, &mut stdout, |_, _| {}).await;
    read.map_err(|error| match error {
        ReadError::Target(error) => Failure::output(&error),
        error => error.into(),
    })
}

async fn to_file(
    operator: &mut Operator,
    which: (DeviceName, DataFile),
    path: &Path,
    existing: Existing,
    output: &Output,
) -> Result<ReadFile, Failure> {
    let mut progress = ProgressBar::of_bytes(output, None);
    let read = write_whole(path, existing, ReadError::Target, async |target| {
        let seen = |done, total| progress.set_of(done, total);
        operator.read(which, target, seen).await
    });
    Ok(read.await?)
}

/// Deletes one file, or all of a device. A person is asked first; a script deletes all only where
/// it says so.
async fn delete(
    folder: &Path,
    device: DeviceName,
    arguments: DeleteArguments,
    output: &Output,
) -> Result<(), Failure> {
    let lines = Lines::new();
    let asks = lines.terminal() && !arguments.yes && !output.is_json();
    if arguments.all && !arguments.yes && !asks {
        let why = format!("--all deletes every data file of {device}; confirm that with --yes");
        return Err(Failure::Usage(why));
    }
    let found = match (arguments.file, asks) {
        (Some(file), false) => vec![file],
        (file, _) => {
            let mut files = files(folder, Some(device.clone())).await?;
            files.retain(|found| file.as_ref().is_none_or(|file| found.entry.file == *file));
            // The store's lock is not held while somebody types.
            if asks && !files.is_empty() {
                confirm(&device, &files, &lines, output).await?;
            }
            match (file, &files[..]) {
                // The hub says that there is none.
                (Some(file), []) => vec![file],
                (_, files) => files.iter().map(|found| found.entry.file.clone()).collect(),
            }
        }
    };
    remove(folder, &device, &found, arguments.all, output).await
}

async fn confirm(
    device: &DeviceName,
    files: &[FileInfo],
    lines: &Lines,
    output: &Output,
) -> Result<(), Failure> {
    let samples: u64 = files.iter().map(|found| found.entry.samples).sum();
    let bytes: u64 = files.iter().map(|found| found.entry.bytes).sum();
    let what = match files {
        [one] => format!("the data file with ID of {}", one.entry.file),
        files => format!("all {} data files", files.len()),
    };
    let question = format!("Delete {what} of {device} ({samples} samples, {bytes} bytes)?");
    match lines.confirm(output, &question).await? {
        true => Ok(()),
        false => Err(Failure::General("nothing was deleted".to_owned())),
    }
}

/// Deletes one after the other; those that are gone already are no matter where all are meant.
async fn remove(
    folder: &Path,
    device: &DeviceName,
    files: &[DataFile],
    all: bool,
    output: &Output,
) -> Result<(), Failure> {
    let mut operator = Operator::connect(folder).await?;
    let mut deleted = Vec::new();
    let mut failed = None;
    for file in files {
        let (device, file) = (device.clone(), file.clone());
        match operator.data(DataCall::Delete { device, file }).await {
            Ok(DataCallReply::Deleted(reply)) => deleted.push(reply),
            Ok(_) => {}
            Err(OperatorError::NotDone(error)) if all && is_gone(&error) => {}
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    operator.finish().await;
    if let Some(error) = failed {
        if all {
            output.notice(&format!(
                "{} of {} were deleted",
                deleted.len(),
                files.len()
            ));
        }
        return Err(error.into());
    }
    let samples: u64 = deleted.iter().map(|reply| reply.samples).sum();
    match (all, &deleted[..]) {
        (false, [one]) => {
            let text = format!("file with ID of {} of {device} has been removed", one.file);
            let document = json!({"device": device, "file": one.file, "samples": one.samples});
            output.result(&text, &document);
        }
        _ => {
            let count = deleted.len();
            let text = format!("{count} data files of {device} have been removed");
            let document = json!({"device": device, "files": deleted, "samples": samples});
            output.result(&text, &document);
        }
    }
    Ok(())
}

fn is_gone(error: &fleetlink_proto::control::RpcError) -> bool {
    error.code == fleetlink_proto::control::ErrorCode::NoSuchFile
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Operator(error) => error.into(),
            ReadError::Target(error) => {
                Failure::General(format!("the file cannot be written: {error}"))
            }
            ReadError::Mismatch => Failure::Damaged(
                "what came is not what the hub sent: the hash or the length differs".to_owned(),
            ),
        }
    }
}
