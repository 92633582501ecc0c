//! Doing what the shell is told.

use std::path::PathBuf;

use fleetlink_client::data::{Existing, UploadTask};
use fleetlink_proto::DataFile;
use fleetlink_proto::control::{ErrorCode, UploadMode};

use super::Shell;
use super::command::{Command, HELP};
use crate::data::{
    deleted, fetched, file_name, generate_file, generated, get_to_file, list_lines, say_rounded,
    upload_path,
};
use crate::devices;
use crate::failure::Failure;

impl Shell {
    /// Does it and says what came of it.
    pub(super) async fn obey(&self, command: Command) {
        match self.act(command).await {
            Ok(text) if text.is_empty() => {}
            Ok(text) => self.output.line(&text),
            Err(Failure::Closed(closed)) => {
                let text = format!("The hub is away ({closed}); the command was not completed.");
                self.output.line(&text);
            }
            Err(failure) => self.output.line(&failure.to_string()),
        }
    }

    async fn act(&self, command: Command) -> Result<String, Failure> {
        match command {
            Command::Nothing | Command::Out => Ok(String::new()),
            Command::Help => Ok(HELP.to_owned()),
            Command::Send { to, path } => {
                Box::pin(self.transfers.send(&self.client, &to, &path)).await
            }
            Command::Transfers => Ok(self.transfers.list()),
            Command::Cancel { number } => self.transfers.cancel(number),
            Command::Generate {
                file,
                amount,
                force,
            } => {
                let path = file_name(self.client.device(), &file);
                generate_file(&path, amount, force, &self.output).await?;
                Ok(generated(&path, amount))
            }
            Command::Upload { file } => {
                let path = file_name(self.client.device(), &file);
                self.upload(file, UploadMode::Replace, path).await
            }
            Command::Append { file, path } => {
                let path = path.unwrap_or_else(|| file_name(self.client.device(), &file));
                self.upload(file, UploadMode::Append, path).await
            }
            Command::Compute { file, operation } => {
                self.session()?;
                let computed = self.client.compute(file.clone(), operation).await;
                let result = computed.map_err(|e| missing(e.into(), &file))?.result;
                Ok(format!(
                    "Computation ({operation}) result on the file (ID:{file}) returned from the \
                     server is: {result}"
                ))
            }
            Command::Delete { file } => self.delete(file).await,
            Command::Devices => {
                let devices = self.session()?.all_devices().await?;
                Ok(devices::list(&devices))
            }
            Command::List => Ok(list_lines(&self.session()?.all_files().await?)),
            Command::Get { file, path } => {
                let path = path.unwrap_or_else(|| file_name(self.client.device(), &file));
                self.session()?;
                let got = get_to_file(
                    &self.client,
                    file.clone(),
                    &path,
                    Existing::Keep,
                    &self.output,
                )
                .await
                .map_err(|e| missing(e, &file))?;
                Ok(fetched(&file, got.samples, &path))
            }
        }
    }

    async fn upload(
        &self,
        file: DataFile,
        mode: UploadMode,
        path: PathBuf,
    ) -> Result<String, Failure> {
        if !path.exists() {
            let text = "the file to be uploaded does not exist";
            return Err(Failure::NoSuchFile(text.to_owned()));
        }
        self.session()?;
        // A person names the file: it may be an empty one.
        let task = UploadTask {
            file: file.clone(),
            mode,
            allow_empty: true,
        };
        let uploaded = upload_path(&self.client, &task, &path, &self.output).await?;
        say_rounded(uploaded.rounded, &self.output);
        Ok(format!(
            "Data file with ID of {file} has been uploaded to server"
        ))
    }

    async fn delete(&self, file: DataFile) -> Result<String, Failure> {
        self.session()?;
        let done = self.client.delete(file.clone()).await;
        match done.map_err(Failure::from) {
            Ok(_) => Ok(deleted(&file)),
            Err(Failure::Hub(error)) if error.code == ErrorCode::NoSuchFile => {
                let text = "the file does not exist at the server side";
                Err(Failure::NoSuchFile(text.to_owned()))
            }
            Err(failure) => Err(failure),
        }
    }
}

fn missing(failure: Failure, file: &DataFile) -> Failure {
    match failure {
        Failure::Hub(error) if error.code == ErrorCode::NoSuchFile => Failure::NoSuchFile(format!(
            "the file with ID of {file} does not exist at the server side"
        )),
        other => other,
    }
}
