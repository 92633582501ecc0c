//! A sender's word to its hub about one of its files: the hub carries no file, and knows of it by this
//! alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::file_name::FileName;
use super::grant::TransferId;
use super::limits::MAX_FILE_BYTES;
use super::reason::Reason;

/// `transfer.report`: all that the hub is told of one file, as it is now. A repeated report changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct ReportTransfer {
    /// The grant under which it is sent.
    pub grant: TransferId,
    /// Its number among the files of the grant, which grows from one file to the next.
    pub file: u32,
    /// Its name.
    pub name: FileName,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes that came to the receiver.
    pub done: u64,
    /// The way that its bytes take, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<TransferPath>,
    /// Whether it is over.
    pub state: ReportedState,
    /// The reason why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The way that the bytes of a file take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferPath {
    /// Straight from device to device.
    Direct,
    /// Over a relay.
    Relayed,
}

/// Whether a file is over, by its sender's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportedState {
    /// It is offered, or on its way.
    Running,
    /// The receiver has it.
    Finished,
    /// It ended otherwise.
    Failed,
}

impl TransferPath {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            TransferPath::Direct => "direct",
            TransferPath::Relayed => "relayed",
        }
    }
}

impl fmt::Display for TransferPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Deserialize)]
struct Unchecked {
    grant: TransferId,
    file: u32,
    name: FileName,
    bytes: u64,
    done: u64,
    path: Option<TransferPath>,
    state: ReportedState,
    reason: Option<Reason>,
}

impl TryFrom<Unchecked> for ReportTransfer {
    type Error = &'static str;

    fn try_from(read: Unchecked) -> Result<Self, Self::Error> {
        if read.bytes > MAX_FILE_BYTES {
            return Err("no file has so many bytes");
        }
        if read.done > read.bytes {
            return Err("done is at most bytes");
        }
        if (read.state == ReportedState::Failed) != read.reason.is_some() {
            return Err("a failed file has a reason, and no other one has");
        }
        Ok(ReportTransfer {
            grant: read.grant,
            file: read.file,
            name: read.name,
            bytes: read.bytes,
            done: read.done,
            path: read.path,
            state: read.state,
            reason: read.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rest: &str) -> serde_json::Result<ReportTransfer> {
        let grant = "0f".repeat(16);
        serde_json::from_str(&format!(r#"{{"grant":"{grant}","file":1,{rest}}}"#))
    }

    #[test]
    fn a_report_survives_the_wire() {
        for rest in [
            r#""name":"a.mp4","bytes":9,"done":0,"state":"running""#,
            r#""name":"<b>a","bytes":9,"done":9,"path":"direct","state":"finished""#,
            r#""name":"a","bytes":0,"done":0,"path":"relayed","state":"failed","reason":7"#,
            r#""name":"a","bytes":0,"done":0,"state":"failed","reason":77"#,
        ] {
            let report = read(rest).unwrap();
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(
                serde_json::from_str::<ReportTransfer>(&text).unwrap(),
                report
            );
        }
    }

    #[test]
    fn a_report_that_cannot_be_true_is_none() {
        for rest in [
            r#""name":"a","bytes":9,"done":10,"state":"running""#,
            r#""name":"a","bytes":4503599627370497,"done":0,"state":"running""#,
            r#""name":"a","bytes":9,"done":9,"state":"failed""#,
            r#""name":"a","bytes":9,"done":9,"state":"finished","reason":7"#,
            r#""name":"a","bytes":9,"done":9,"state":"lost""#,
            r#""name":"a","bytes":9,"done":9,"path":"by pigeon","state":"running""#,
            r#""name":"a/b","bytes":9,"done":9,"state":"running""#,
            r#""name":"a\u001b[2J","bytes":9,"done":9,"state":"running""#,
            r#""name":"","bytes":9,"done":9,"state":"running""#,
        ] {
            assert!(read(rest).is_err(), "{rest}");
        }
    }
}
