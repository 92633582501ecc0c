//! `fleetlink data append`: a file at once, or what a program goes on printing while it does.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fleetlink_client::{
    Error,
    data::{AppendEvent, AppendRules, Appended, UploadTask},
};
use fleetlink_proto::DataFile;
use fleetlink_proto::control::UploadMode;
use serde_json::json;

use super::transfers::{self, say_rounded};
use crate::attach::HubArguments;
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::{Interrupts, unless_interrupted};
use crate::output::Output;

/// The samples to add, and when they are committed.
#[derive(Debug, Args)]
pub(crate) struct AppendArguments {
    /// The data file's name: a number, or one such as lab/temperature.
    file: DataFile,
    /// The file to add, `-` for standard input; <device>-<file>.txt by default.
    path: Option<PathBuf>,
    /// From a pipe: commit at least this often while lines come.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    every: Duration,
    /// From a pipe: commit as soon as this many lines have come.
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
    /// From a pipe: after its end, or Ctrl-C, go on trying for this long while the hub is away.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    retry_for: Duration,
}

/// Does what the command asks.
pub(super) async fn run(
    hub: &HubArguments,
    arguments: AppendArguments,
    output: &Output,
) -> Result<(), Failure> {
    let piped = arguments
        .path
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-");
    if piped && !stdin_is_a_file() {
        return Box::pin(stream(hub, &arguments, output)).await;
    }
    let task = UploadTask {
        file: arguments.file,
        mode: UploadMode::Append,
        allow_empty: true,
    };
    // A file is one upload: all of it is added, or nothing.
    unless_interrupted(transfers::upload(hub, task, arguments.path, output)).await
}

/// Tells whether standard input is a file that somebody redirected: it has an end.
fn stdin_is_a_file() -> bool {
    let stat = rustix::fs::fstat(std::io::stdin());
    stat.is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file())
}

async fn stream(
    hub: &HubArguments,
    arguments: &AppendArguments,
    output: &Output,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let client = interrupts.unless(hub.connect(output)).await?;
    let rules = AppendRules {
        every: arguments.every,
        lines: arguments.lines,
        retry_for: arguments.retry_for,
    };
    let stop = async {
        interrupts.next().await;
        output.notice("sending what has come; once more ends at once");
    };
    let appended = client.append_from(
        arguments.file.clone(),
        tokio::io::stdin(),
        rules,
        stop,
        |event| say(&event, output),
    );
    let mut again = Interrupts::listen()?;
    let second = async {
        again.next().await;
        again.next().await;
    };
    let appended = tokio::select! {
        appended = appended => appended,
        () = second => return Err(Failure::Interrupted),
    };
    let ended = report(&arguments.file, appended, output);
    client.leave().await;
    ended
}

fn say(event: &AppendEvent<'_>, output: &Output) {
    match event {
        AppendEvent::Away(error) => {
            output.notice(&format!("the hub is away, lines are kept: {error}"));
        }
        AppendEvent::Full => {
            output.notice("as many lines wait as are kept; no more are read until the hub is back");
        }
        AppendEvent::Back => output.notice("the hub is back and takes what was kept"),
    }
}

fn report(file: &DataFile, appended: Appended, output: &Output) -> Result<(), Failure> {
    let Appended {
        samples,
        rounded,
        commits,
        undelivered,
        failure,
    } = appended;
    say_rounded(rounded, output);
    let text = format!("{samples} samples have been added to the data file with ID of {file}");
    match failure {
        None => {
            let document = json!({
                "file": file, "samples": samples, "rounded": rounded, "commits": commits,
                "undelivered": undelivered,
            });
            output.result(&text, &document);
            Ok(())
        }
        Some(failure) => {
            output.notice(&text);
            Err(not_all(undelivered, failure))
        }
    }
}

fn not_all(undelivered: u64, failure: Error) -> Failure {
    let why = Failure::from(failure);
    match undelivered {
        0 => why,
        undelivered => Failure::Undelivered {
            samples: undelivered,
            why: Box::new(why),
        },
    }
}
