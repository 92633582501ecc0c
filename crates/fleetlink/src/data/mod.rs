//! `fleetlink data …`: one command on this device's data, without joining.

mod append;
mod files;
mod transfers;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fleetlink_client::data::UploadTask;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName};
use serde_json::json;

use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

#[cfg(feature = "hub")]
pub(crate) use files::line;
pub(crate) use files::list_lines;
#[cfg(feature = "hub")]
pub(crate) use transfers::check_target;
pub(crate) use transfers::{fetched, generate_file, get_to_file, say_rounded, upload_path};

/// Makes, uploads and computes on this device's data, without joining.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    /// The hub and the device.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    #[cfg(feature = "hub")]
    #[command(flatten)]
    operator: crate::hub::AsOperator,
    #[command(subcommand)]
    command: DataCommand,
}

/// The commands for data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Write random integers from 0 to 999999 to <device>-<file>.txt; needs no hub.
    Generate {
        /// The data file's name: a number, or one such as lab/temperature.
        file: DataFile,
        /// The number of samples: 1 to 1000000000.
        amount: u64,
        /// Replace a file that is there, also one that was not generated.
        #[arg(long)]
        force: bool,
    },
    /// Upload a file; it replaces an earlier upload of the same data file.
    Upload {
        /// The data file's name: a number, or one such as lab/temperature.
        file: DataFile,
        /// The file to upload, `-` for standard input; <device>-<file>.txt by default.
        path: Option<PathBuf>,
        /// Replace the data file even if the input has no samples.
        #[arg(long)]
        allow_empty: bool,
    },
    /// Add a file's samples to a data file; or a program's output while the program runs.
    Append(append::AppendArguments),
    /// Have the hub compute on an uploaded file.
    Compute {
        /// The data file's name: a number, or one such as lab/temperature.
        file: DataFile,
        /// SUM, AVERAGE, MAX or MIN.
        operation: Operation,
    },
    /// Delete a data file at the hub. With --data a person is asked first, unless --yes is given.
    Delete(DeleteArguments),
    /// List the data files; with --data those of all devices, or of the device in --device.
    List,
    /// Fetch a data file.
    Get {
        /// The data file's name: a number, or one such as lab/temperature.
        file: DataFile,
        /// The file to write, `-` for standard output; <device>-<file>.txt by default.
        path: Option<PathBuf>,
        /// Replace a file that is there.
        #[arg(long)]
        force: bool,
    },
}

/// The data files to delete.
#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The data file's name: a number, or one such as lab/temperature.
    #[cfg_attr(feature = "hub", arg(required_unless_present = "all"))]
    #[cfg_attr(not(feature = "hub"), arg(required = true))]
    pub(crate) file: Option<DataFile>,
    /// With --data: every file of the device. Needs --yes if nobody can be asked.
    #[cfg(feature = "hub")]
    #[arg(long, conflicts_with = "file")]
    pub(crate) all: bool,
    /// With --data: delete without asking.
    #[cfg(feature = "hub")]
    #[arg(long)]
    pub(crate) yes: bool,
}

impl DeleteArguments {
    /// The file that a device deletes.
    fn own(&self) -> Result<DataFile, Failure> {
        let for_operator = "--all is for the operator of a hub: it needs --data DIR";
        self.file
            .clone()
            .ok_or_else(|| Failure::Usage(for_operator.to_owned()))
    }
}

/// Does what the command asks.
pub(crate) async fn run(arguments: DataArguments, output: &Output) -> Result<(), Failure> {
    #[cfg(feature = "hub")]
    if let Some(folder) = arguments.operator.folder {
        let device = arguments.hub.device.clone();
        let operating = crate::hub::data(folder, device, arguments.command, output);
        return unless_interrupted(Box::pin(operating)).await;
    }
    let DataArguments { hub, command, .. } = arguments;
    let hub = hub.or_chosen()?;
    // An append sends what has come before it ends.
    let ends_itself = matches!(command, DataCommand::Append(_));
    let work = Box::pin(dispatch(&hub, command, output));
    match ends_itself {
        true => work.await,
        false => unless_interrupted(work).await,
    }
}

async fn dispatch(
    hub: &HubArguments,
    command: DataCommand,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        DataCommand::Generate {
            file,
            amount,
            force,
        } => {
            let path = file_name(hub.device()?, &file);
            generate_file(&path, amount, force, output).await?;
            let document = json!({"file": file, "samples": amount, "path": path});
            output.result(&generated(&path, amount), &document);
            Ok(())
        }
        DataCommand::Upload {
            file,
            path,
            allow_empty,
        } => {
            let task = UploadTask {
                file,
                mode: UploadMode::Replace,
                allow_empty,
            };
            transfers::upload(hub, task, path, output).await
        }
        DataCommand::Append(arguments) => append::run(hub, arguments, output).await,
        DataCommand::Compute { file, operation } => {
            let client = hub.connect(output).await?;
            let reply = client.compute(file, operation).await?;
            output.result(&reply.result.to_string(), &reply);
            client.leave().await;
            Ok(())
        }
        DataCommand::Delete(arguments) => {
            let file = arguments.own()?;
            let client = hub.connect(output).await?;
            let reply = client.delete(&file).await?;
            output.result(&deleted(&file), &reply);
            client.leave().await;
            Ok(())
        }
        DataCommand::List => {
            let client = hub.connect(output).await?;
            let files = client.data_files().await?;
            output.result(&list_lines(&files), &json!({"files": files}));
            client.leave().await;
            Ok(())
        }
        DataCommand::Get { file, path, force } => {
            transfers::get(hub, file, path, force, output).await
        }
    }
}

/// The local path of this data file.
pub(crate) fn file_name(device: &DeviceName, file: &DataFile) -> PathBuf {
    PathBuf::from(format!("{device}-{}.txt", file.local_name()))
}

/// The text of EDG's success.
pub(crate) fn generated(path: &std::path::Path, amount: u64) -> String {
    let path = path.display();
    format!(
        "Data generation done, {amount} data samples have been generated and stored in the file \
         {path}"
    )
}

/// The text of DTE's success.
pub(crate) fn deleted(file: &DataFile) -> String {
    format!("file with ID of {file} has been successfully removed from the central server")
}
