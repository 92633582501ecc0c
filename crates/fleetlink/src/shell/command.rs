//! The commands of the shell.

use std::path::PathBuf;

use fleetlink_client::limits::MAX_GENERATED;
use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName};

/// The words that start a command, for completion.
pub(crate) const WORDS: [&str; 15] = [
    "EDG",
    "UED",
    "SCS",
    "DTE",
    "AED",
    "UVF",
    "OUT",
    "append",
    "cancel",
    "exit",
    "get",
    "help",
    "list",
    "quit",
    "transfers",
];

/// The text of `help`.
pub(crate) const HELP: &str = "\
EDG fileID dataAmount          make random samples in <device>-<fileID>.txt;
                               with --force also over a file that EDG did not
                               make
UED fileID                     upload that file; it replaces an earlier upload
                               of the same fileID
SCS fileID SUM|AVERAGE|MAX|MIN have the hub compute on the uploaded file
DTE fileID                     remove the uploaded file from the hub
AED                            list the other active devices
UVF deviceName filename        send a file straight to another device; a long
                               one goes on meanwhile
OUT, quit, exit                leave; Ctrl-D and Ctrl-C on an empty line do too
append name [FILE]             upload a file and add it to the earlier upload;
                               the name of a data file is a fileID, or one such
                               as lab/temperature
get name [FILE]                fetch an uploaded file
list                           list the uploaded files
transfers                      list the files that are on their way, to this
                               device and from it
cancel N                       end the transfer of this number
help, ?                        show this";

/// The reply to a word that is no command.
pub(crate) const INVALID: &str = "Error. Invalid command!\nhelp shows the commands.";

/// One line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// An empty line.
    Nothing,
    /// `EDG`.
    Generate {
        file: DataFile,
        amount: u64,
        force: bool,
    },
    /// `UED`.
    Upload { file: DataFile },
    /// `append`.
    Append {
        file: DataFile,
        path: Option<PathBuf>,
    },
    /// `SCS`.
    Compute {
        file: DataFile,
        operation: Operation,
    },
    /// `DTE`.
    Delete { file: DataFile },
    /// `AED`.
    Devices,
    /// `UVF`.
    Send { to: DeviceName, path: PathBuf },
    /// `transfers`.
    Transfers,
    /// `cancel`.
    Cancel { number: u32 },
    /// `OUT`.
    Out,
    /// `list`.
    List,
    /// `get`.
    Get {
        file: DataFile,
        path: Option<PathBuf>,
    },
    /// `help`.
    Help,
}

/// Understands a line, or says what is wrong with it.
pub(crate) fn parse(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((word, arguments)) = words.split_first() else {
        return Ok(Command::Nothing);
    };
    match word.to_ascii_uppercase().as_str() {
        "EDG" => generate(arguments),
        "UED" => upload(arguments),
        "SCS" => compute(arguments),
        "DTE" => Ok(Command::Delete {
            file: computed_file(arguments.first(), arguments.len() > 1)?,
        }),
        "AED" => alone(arguments, "AED", Command::Devices),
        "UVF" => send(line),
        "OUT" | "QUIT" | "EXIT" => alone(arguments, word, Command::Out),
        "APPEND" => with_path(arguments, "append", |file, path| Command::Append {
            file,
            path,
        }),
        "GET" => with_path(arguments, "get", |file, path| Command::Get { file, path }),
        "TRANSFERS" => alone(arguments, "transfers", Command::Transfers),
        "CANCEL" => cancel(arguments),
        "LIST" => alone(arguments, "list", Command::List),
        "HELP" | "?" => Ok(Command::Help),
        _ => Err(INVALID.to_owned()),
    }
}

fn generate(arguments: &[&str]) -> Result<Command, String> {
    let (arguments, force) = match arguments.split_last() {
        Some((&"--force", rest)) => (rest, true),
        _ => (arguments, false),
    };
    let &[file, amount] = arguments else {
        return Err("EDG command requires fileID and dataAmount as arguments.".to_owned());
    };
    if !is_integer(file) || !is_integer(amount) {
        let what = "the fileID or dataAmount are not integers, you need to specify the parameter \
                    as integers";
        return Err(what.to_owned());
    }
    let file = parse_file(file)?;
    match amount.parse() {
        Ok(amount) if (1..=MAX_GENERATED).contains(&amount) => Ok(Command::Generate {
            file,
            amount,
            force,
        }),
        _ => Err(format!("the dataAmount must be from 1 to {MAX_GENERATED}")),
    }
}

fn upload(arguments: &[&str]) -> Result<Command, String> {
    match arguments {
        [] => Err("fileID is needed to upload the data".to_owned()),
        [file] => Ok(Command::Upload {
            file: parse_file(file)?,
        }),
        _ => Err("UED takes one argument, the fileID".to_owned()),
    }
}

fn compute(arguments: &[&str]) -> Result<Command, String> {
    let file = computed_file(arguments.first(), false)?;
    let expected = "SCS command requires fileID and one of SUM, AVERAGE, MAX or MIN as arguments";
    match arguments {
        [_, operation] => match operation.parse() {
            Ok(operation) => Ok(Command::Compute { file, operation }),
            Err(_) => Err(expected.to_owned()),
        },
        _ => Err(expected.to_owned()),
    }
}

/// The name of a file may hold spaces: it is the rest of the line.
fn send(line: &str) -> Result<Command, String> {
    let rest = |text: &'_ str| {
        let (first, rest) = text.split_once(char::is_whitespace)?;
        Some((first.to_owned(), rest.trim_start().to_owned()))
    };
    let arguments = rest(line.trim()).and_then(|(_, arguments)| rest(&arguments));
    let missing = || "UVF command requires deviceName and filename as arguments.".to_owned();
    let (to, path) = arguments.ok_or_else(missing)?;
    Ok(Command::Send {
        to: to.parse::<DeviceName>().map_err(|e| e.to_string())?,
        path: PathBuf::from(path),
    })
}

fn cancel(arguments: &[&str]) -> Result<Command, String> {
    let expected = "cancel takes the number of a transfer, as transfers lists it";
    match arguments {
        [number] => match number.parse() {
            Ok(number) => Ok(Command::Cancel { number }),
            Err(_) => Err(expected.to_owned()),
        },
        _ => Err(expected.to_owned()),
    }
}

fn computed_file(file: Option<&&str>, too_many: bool) -> Result<DataFile, String> {
    match file {
        _ if too_many => Err("only one argument is expected, the fileID".to_owned()),
        Some(file) if is_integer(file) => parse_file(file),
        _ => Err("fileID is missing or fileID should be an integer".to_owned()),
    }
}

fn with_path(
    arguments: &[&str],
    word: &str,
    command: impl FnOnce(DataFile, Option<PathBuf>) -> Command,
) -> Result<Command, String> {
    match arguments {
        [file] => Ok(command(parse_name(file)?, None)),
        [file, path] => Ok(command(parse_name(file)?, Some(PathBuf::from(path)))),
        _ => Err(format!(
            "{word} takes the name of a data file, such as 1 or lab/temperature, and, if it is \
             another than <device>-<name>.txt, the local file"
        )),
    }
}

fn alone(arguments: &[&str], word: &str, command: Command) -> Result<Command, String> {
    if arguments.is_empty() {
        Ok(command)
    } else {
        Err(format!("{word} takes no arguments"))
    }
}

/// The course's commands take numbers only.
fn parse_file(text: &str) -> Result<DataFile, String> {
    let file = text.parse().ok();
    file.filter(|file: &DataFile| file.number().is_some())
        .ok_or_else(|| {
            let what = "a fileID is a decimal integer from 0 to 4294967295 without needless zeros";
            what.to_owned()
        })
}

fn parse_name(text: &str) -> Result<DataFile, String> {
    text.parse::<DataFile>().map_err(|e| e.to_string())
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_keeps_its_two_columns_at_a_terminal_of_eighty() {
        for line in HELP.lines() {
            assert!(line.chars().count() < 80, "{line}");
            assert_eq!(line.chars().nth(30), Some(' '), "{line}");
        }
    }

    #[test]
    fn every_command_is_understood_in_any_case() {
        let file = DataFile::numbered(1);
        let generate = |force| Command::Generate {
            file: file.clone(),
            amount: 10,
            force,
        };
        let send = |path: &str| Command::Send {
            to: "other".parse().unwrap(),
            path: path.into(),
        };
        for (line, command) in [
            ("", Command::Nothing),
            ("  ", Command::Nothing),
            ("EDG 1 10", generate(false)),
            (" edg  1\t10 ", generate(false)),
            ("EDG 1 10 --force", generate(true)),
            ("UED 1", Command::Upload { file: file.clone() }),
            ("ued 1", Command::Upload { file: file.clone() }),
            ("DTE 1", Command::Delete { file: file.clone() }),
            ("AED", Command::Devices),
            ("UVF other lecture1.mp4", send("lecture1.mp4")),
            (" uvf  other  my lecture.mp4 ", send("my lecture.mp4")),
            ("transfers", Command::Transfers),
            ("cancel 3", Command::Cancel { number: 3 }),
            ("OUT", Command::Out),
            ("quit", Command::Out),
            ("exit", Command::Out),
            ("help", Command::Help),
            ("?", Command::Help),
            ("list", Command::List),
            (
                "append 1",
                Command::Append {
                    file: file.clone(),
                    path: None,
                },
            ),
            (
                "append lab/t x",
                Command::Append {
                    file: "lab/t".parse().unwrap(),
                    path: Some("x".into()),
                },
            ),
            (
                "get 01",
                Command::Get {
                    file: "01".parse().unwrap(),
                    path: None,
                },
            ),
            (
                "get 1 x",
                Command::Get {
                    file: file.clone(),
                    path: Some("x".into()),
                },
            ),
        ] {
            assert_eq!(parse(line), Ok(command), "{line:?}");
        }
        for operation in Operation::ALL {
            let line = format!("SCS 1 {operation}");
            let file = file.clone();
            assert_eq!(parse(&line), Ok(Command::Compute { file, operation }));
            assert_eq!(parse(&line.to_lowercase()), parse(&line));
        }
    }

    #[test]
    fn mistakes_are_answered_in_the_words_of_the_specification() {
        let edg = "EDG command requires fileID and dataAmount as arguments.";
        let integers = "the fileID or dataAmount are not integers, you need to specify the \
                        parameter as integers";
        let uvf = "UVF command requires deviceName and filename as arguments.";
        let file = "fileID is missing or fileID should be an integer";
        for (line, answer) in [
            ("EDG", edg),
            ("EDG 1", edg),
            ("EDG 1 2 3", edg),
            ("EDG x 10", integers),
            ("EDG 1 2.5", integers),
            ("EDG 1 -", integers),
            ("UED", "fileID is needed to upload the data"),
            ("SCS", file),
            ("SCS x SUM", file),
            ("SCS SUM", file),
            ("DTE", file),
            ("DTE x", file),
            ("UVF", uvf),
            ("UVF other", uvf),
            ("UVF other ", uvf),
            ("XYZ", INVALID),
            ("EDGE 1 2", INVALID),
        ] {
            assert_eq!(parse(line), Err(answer.to_owned()), "{line:?}");
        }
    }

    #[test]
    fn other_mistakes_say_what_is_expected() {
        for (line, hint) in [
            ("EDG 1 0", "from 1 to 1000000000"),
            ("EDG 1 1000000001", "from 1 to 1000000000"),
            ("EDG 1 -5", "from 1 to 1000000000"),
            ("EDG 1 99999999999999999999999", "from 1 to 1000000000"),
            ("EDG 01 5", "without needless zeros"),
            ("EDG 4294967296 5", "0 to 4294967295"),
            ("UED x", "decimal integer"),
            ("SCS 1", "SUM, AVERAGE, MAX or MIN"),
            ("SCS 1 MEDIAN", "SUM, AVERAGE, MAX or MIN"),
            ("OUT now", "no arguments"),
            ("UED lab/t", "decimal integer"),
            ("get", "name of a data file"),
            ("get a//b", "two beside each other"),
            ("append ../x", "'..'"),
            ("get %2F", "not '%'"),
            ("UVF a/b x", "name"),
            ("cancel", "number of a transfer"),
            ("cancel -1", "number of a transfer"),
            ("transfers 1", "no arguments"),
        ] {
            let answer = parse(line).unwrap_err();
            assert!(answer.contains(hint), "{line:?}: {answer}");
        }
    }
}
