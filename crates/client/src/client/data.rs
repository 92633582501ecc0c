//! The data files of a device: upload, compute, list, fetch, delete.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use fleetlink_proto::control::{ActiveDevice, ComputeReply, DeleteReply, FileEntry, UploadMode};
use fleetlink_proto::samples::{Decimal, Operation};
use fleetlink_proto::{DataFile, Escaped};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Client;
use crate::upload::{Origin, upload};
use crate::{
    AppendEvent, AppendRules, Appended, Downloaded, Error, ErrorKind, Existing, Result, UploadTask,
    Uploaded, append_stream, delete_file, download, download_to_file, upload_stream,
};

/// A value that names a data file: its text, its number, or the name itself.
pub trait IntoDataFile {
    /// The name.
    ///
    /// # Errors
    /// The text is no name of a data file.
    fn into_data_file(self) -> Result<DataFile>;
}

impl IntoDataFile for DataFile {
    fn into_data_file(self) -> Result<DataFile> {
        Ok(self)
    }
}

impl IntoDataFile for &DataFile {
    fn into_data_file(self) -> Result<DataFile> {
        Ok(self.clone())
    }
}

impl IntoDataFile for &str {
    fn into_data_file(self) -> Result<DataFile> {
        self.parse()
            .map_err(|error: fleetlink_proto::DataFileError| {
                Error::usage(error.to_string()).because(error)
            })
    }
}

impl IntoDataFile for String {
    fn into_data_file(self) -> Result<DataFile> {
        self.as_str().into_data_file()
    }
}

impl IntoDataFile for u32 {
    fn into_data_file(self) -> Result<DataFile> {
        Ok(DataFile::numbered(self))
    }
}

/// Samples for an upload: numbers, the text of lines, a local file, or a stream. A path that leads
/// to no regular file, such as a named pipe, is read as a stream.
///
/// A line of a text is a sample, `21.5`, or a time and a sample, `2026-11-27T10:00:00Z,21.5`. See
/// [`SampleReader`](crate::SampleReader) for what else is understood.
pub struct Readings(Content);

enum Content {
    File(PathBuf),
    Text(Vec<u8>),
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

impl Readings {
    /// The bytes that this source gives until its end. Up to 1 MiB that come at once are kept until the
    /// hub has them, and are sent again where the connection is lost. More than that, or what comes
    /// slowly, cannot be sent again: the upload then fails.
    pub fn stream(source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Readings(Content::Stream(Box::new(source)))
    }
}

impl From<PathBuf> for Readings {
    /// The content of a local file.
    fn from(path: PathBuf) -> Self {
        Readings(Content::File(path))
    }
}

impl From<&Path> for Readings {
    /// The content of a local file.
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<String> for Readings {
    /// Lines of samples.
    fn from(text: String) -> Self {
        Readings(Content::Text(text.into_bytes()))
    }
}

impl From<&str> for Readings {
    /// Lines of samples.
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl From<&[$number]> for Readings {
            /// One sample each, without a time.
            fn from(numbers: &[$number]) -> Self {
                numbers.iter().map(|number| format!("{number}\n")).collect::<String>().into()
            }
        }

        impl From<Vec<$number>> for Readings {
            /// One sample each, without a time.
            fn from(numbers: Vec<$number>) -> Self {
                numbers.as_slice().into()
            }
        }

        impl<const N: usize> From<[$number; N]> for Readings {
            /// One sample each, without a time.
            fn from(numbers: [$number; N]) -> Self {
                numbers.as_slice().into()
            }
        }
    )*};
}

numbers!(f64, i64, i32, Decimal);

/// An upload that is described, and made when it is awaited.
#[must_use = "an upload does nothing until it is awaited"]
pub struct Upload<'a> {
    client: &'a Client,
    file: Result<DataFile>,
    readings: Readings,
    mode: UploadMode,
    allow_empty: bool,
    progress: Box<dyn FnMut(u64) + Send + 'a>,
}

impl<'a> Upload<'a> {
    /// Adds the samples to those that the data file holds, in place of replacing them.
    pub fn append(mut self) -> Self {
        self.mode = UploadMode::Append;
        self
    }

    /// Replaces the samples of the data file also where there is none to upload. Without this that
    /// is an error, since whoever makes the samples may have failed.
    pub fn allow_empty(mut self) -> Self {
        self.allow_empty = true;
        self
    }

    /// Uploads as this task says, whose data file is this upload's.
    pub fn of(mut self, task: &UploadTask) -> Self {
        self.mode = task.mode;
        self.allow_empty = task.allow_empty;
        self
    }

    /// Hears how many bytes of the source are read and sent.
    pub fn progress(mut self, hear: impl FnMut(u64) + Send + 'a) -> Self {
        self.progress = Box::new(hear);
        self
    }

    async fn run(self) -> Result<Uploaded> {
        let task = UploadTask {
            file: self.file?,
            mode: self.mode,
            allow_empty: self.allow_empty,
        };
        let origin = match self.readings.0 {
            Content::File(path) => match is_regular(&path).await? {
                true => Origin::File(path),
                false => {
                    let source = File::open(&path).await;
                    let source = source.map_err(|error| no_source(&path, error))?;
                    return upload_stream(self.client, task, source, self.progress).await;
                }
            },
            Content::Text(text) => Origin::Bytes(text.into()),
            Content::Stream(source) => {
                return upload_stream(self.client, task, source, self.progress).await;
            }
        };
        upload(self.client, task, &origin, self.progress).await
    }
}

/// Tells whether a path leads to a regular file, which can be read as often as it takes, or to a
/// pipe or device.
async fn is_regular(path: &Path) -> Result<bool> {
    let metadata = tokio::fs::metadata(path).await;
    let metadata = metadata.map_err(|error| no_source(path, error))?;
    match metadata.is_dir() {
        true => Err(no_source(path, io::ErrorKind::IsADirectory.into())),
        false => Ok(metadata.is_file()),
    }
}

fn no_source(path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NoSuchFile,
        _ => ErrorKind::File,
    };
    let path = path.display().to_string();
    Error::new(kind, format!("{}: {error}", Escaped(&path))).because(error)
}

impl<'a> IntoFuture for Upload<'a> {
    type Output = Result<Uploaded>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Uploaded>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Client {
    /// Uploads samples to one of the device's data files; they replace those that it holds, unless
    /// [`Upload::append`] says otherwise. It has one effect, however often the connection is lost
    /// meanwhile.
    ///
    /// ```no_run
    /// # async fn example(hub: fleetlink_client::Client) -> fleetlink_client::Result<()> {
    /// hub.upload("temperature", [21.5, 21.7]).await?;
    /// let more = std::path::Path::new("more.txt");
    /// hub.upload("temperature", more).append().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A `&str` is lines of text, and not a path.
    ///
    /// # Errors
    /// A line is no sample, there is no sample, the source cannot be read, or the hub refuses it or
    /// cannot be reached any more.
    pub fn upload(&self, file: impl IntoDataFile, readings: impl Into<Readings>) -> Upload<'_> {
        Upload {
            client: self,
            file: file.into_data_file(),
            readings: readings.into(),
            mode: UploadMode::Replace,
            allow_empty: false,
            progress: Box::new(|_| {}),
        }
    }

    /// Appends the samples that a source gives, while it gives them, until its end or until `stop`
    /// resolves. Lines that were read by then are still sent. Samples that the hub has not
    /// acknowledged are kept while it is away.
    pub async fn append_from(
        &self,
        file: DataFile,
        source: impl AsyncRead + Send + Unpin,
        rules: AppendRules,
        stop: impl Future<Output = ()>,
        tell: impl FnMut(AppendEvent<'_>) + Send,
    ) -> Appended {
        append_stream(self, file, source, rules, stop, tell).await
    }

    /// Has the hub compute on one of the device's data files. The result is exact.
    ///
    /// # Errors
    /// There is no such data file, or it has no samples; or the hub cannot be reached.
    pub async fn compute(
        &self,
        file: impl IntoDataFile,
        operation: Operation,
    ) -> Result<ComputeReply> {
        let file = file.into_data_file()?;
        self.session().await?.compute(file, operation).await
    }

    /// The device's data files, in the order of their names.
    ///
    /// # Errors
    /// The hub cannot be reached, or does not answer in time.
    pub async fn data_files(&self) -> Result<Vec<FileEntry>> {
        self.session().await?.all_files().await
    }

    /// Removes one of the device's data files. It has one effect, however often the answer is lost.
    ///
    /// # Errors
    /// There is no such data file, or the hub cannot be reached any more.
    pub async fn delete(&self, file: impl IntoDataFile) -> Result<DeleteReply> {
        delete_file(self, file.into_data_file()?).await
    }

    /// Fetches one of the device's data files, as text with one sample a line; `progress` hears how
    /// many bytes of how many came.
    ///
    /// # Errors
    /// There is no such data file, the hub goes away, nothing comes for two minutes, `target` cannot
    /// be written, or what came is not what the hub sent. What was written until then is not to be
    /// trusted.
    pub async fn download(
        &self,
        file: impl IntoDataFile,
        target: &mut (impl AsyncWrite + Send + Unpin),
        progress: impl FnMut(u64, u64),
    ) -> Result<Downloaded> {
        let file = file.into_data_file()?;
        download(&self.session().await?, file, target, progress).await
    }

    /// Fetches one of the device's data files to a local file, which appears when it is complete.
    ///
    /// # Errors
    /// As of [`download`](Client::download).
    pub async fn download_to(
        &self,
        file: impl IntoDataFile,
        path: &Path,
        existing: Existing,
        progress: impl FnMut(u64, u64),
    ) -> Result<Downloaded> {
        let file = file.into_data_file()?;
        download_to_file(&self.session().await?, file, path, existing, progress).await
    }

    /// The other devices that are present, in the order in which they joined.
    ///
    /// # Errors
    /// The hub cannot be reached, or does not answer in time.
    pub async fn devices(&self) -> Result<Vec<ActiveDevice>> {
        self.session().await?.all_devices().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_text_or_a_number() {
        assert_eq!("1".into_data_file().unwrap(), 1.into_data_file().unwrap());
        let error = "a//b".into_data_file().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Usage), "{error}");
    }

    #[test]
    fn numbers_are_lines() {
        let text = |readings: Readings| match readings.0 {
            Content::Text(text) => String::from_utf8(text).unwrap(),
            _ => unreachable!(),
        };
        assert_eq!(text([21.5, -1.0].into()), "21.5\n-1\n");
        assert_eq!(text(vec![1_i64, 2].into()), "1\n2\n");
    }
}
