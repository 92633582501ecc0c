//! Data files by name: the commands for scripts, the shell, the operator, the log files.

use std::fs;

use serde_json::Value;

use crate::harness::{Finished, Hub, eventually, run};

const DEVICE: &str = "cam";
const NAMES: [&str; 5] = ["3", "-1", "01", "lab/room-1/t", "temperature"];

#[track_caller]
fn done(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    &finished.stdout
}

/// Names as a list gives them.
fn listed(finished: &Finished) -> Vec<String> {
    let list: Value = serde_json::from_str(done(finished)).unwrap();
    let files = list["files"].as_array().unwrap().iter();
    files
        .map(|entry| match &entry["file"] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        })
        .collect()
}

#[test]
fn a_data_file_of_any_name_is_uploaded_listed_fetched_and_deleted() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let data = |arguments: &[&str], input: &str| {
        let arguments = [&["data"], arguments].concat();
        run(&mut hub.command(folder.path(), DEVICE, &arguments), input)
    };
    for (number, name) in NAMES.iter().enumerate() {
        // A name may begin with a hyphen.
        let uploaded = data(
            &["upload", "--json", "--", name, "-"],
            &format!("{number}\n"),
        );
        let receipt: Value = serde_json::from_str(done(&uploaded)).unwrap();
        let written = match *name {
            "3" => Value::from(3),
            name => Value::from(name),
        };
        assert_eq!(receipt["file"], written);
        done(&data(&["append", "--", name, "-"], "10\n"));
        let sum = data(&["compute", "--", name, "SUM"], "");
        assert_eq!(done(&sum), format!("{}\n", 10 + number));
    }
    assert_eq!(listed(&data(&["list", "--json"], "")), NAMES);
    let text = data(&["list"], "");
    assert!(
        done(&text).contains("lab/room-1/t; 2 samples; "),
        "{text:?}"
    );

    let of_operator = hub.operate("data", &["list", "--json"], "");
    assert_eq!(listed(&of_operator), NAMES);
    let got = hub.operate(
        "data",
        &["get", "lab/room-1/t", "-", "--device", DEVICE],
        "",
    );
    assert_eq!(done(&got), "3\n10\n");
    let uploads = || -> Vec<String> {
        let log = hub.log("upload-log.txt");
        let names = log.lines().filter_map(|line| line.split("; ").nth(2));
        names.map(str::to_owned).collect()
    };
    let twice: Vec<String> = NAMES
        .iter()
        .flat_map(|name| [*name, name])
        .map(str::to_owned)
        .collect();
    eventually("the log has the names", || uploads() == twice);

    // A name is no path.
    done(&data(&["get", "lab/room-1/t"], ""));
    let fetched = folder.path().join("cam-lab%2Froom-1%2Ft.txt");
    assert_eq!(fs::read_to_string(&fetched).unwrap(), "3\n10\n");
    done(&data(&["upload", "lab/room-1/t"], ""));
    done(&data(&["generate", "lab/new", "5"], ""));
    done(&data(&["upload", "lab/new"], ""));
    assert!(folder.path().join("cam-lab%2Fnew.txt").exists());
    assert!(!folder.path().join("cam-lab").exists());

    for name in NAMES {
        let deleted = data(&["delete", "--", name], "");
        let said = format!("file with ID of {name} has been successfully removed");
        assert!(done(&deleted).starts_with(&said), "{deleted:?}");
    }
    assert_eq!(listed(&data(&["list", "--json"], "")), ["lab/new"]);
    done(&hub.operate(
        "data",
        &["delete", "lab/new", "--device", DEVICE, "--yes"],
        "",
    ));
    eventually("the log has the deletions", || {
        hub.log("deletion-log.txt").lines().count() == 6
    });
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_asked_of_the_hub() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let long = "n".repeat(129);
    for (name, said) in [
        ("../x", "'.' or '..'"),
        ("a//b", "begin or end with '/'"),
        ("/etc/passwd", "begin or end with '/'"),
        ("a%2Fb", "not '%'"),
        ("a b", "not ' '"),
        ("\u{1b}[2J", "\\u{1b}"),
        ("temperatür", "not 'ü'"),
        ("", "empty"),
        (long.as_str(), "at most 128 bytes"),
    ] {
        for command in ["upload", "append", "get", "delete", "generate"] {
            let arguments = match command {
                "generate" => vec!["data", command, name, "5"],
                _ => vec!["data", command, name],
            };
            let refused = hub.run(folder.path(), DEVICE, &arguments);
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains(said), "{said}: {refused:?}");
            assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_shell_takes_names_but_the_commands_of_the_course_numbers_alone() {
    let hub = Hub::start(&[DEVICE]);
    let mut shell = hub.join(DEVICE);
    fs::write(shell.file("readings"), "1\n2\n").unwrap();
    let said = shell.ask("append lab/t readings");
    assert_eq!(
        said,
        "Data file with ID of lab/t has been uploaded to server"
    );
    let said = shell.ask("get lab/t");
    assert!(
        said.ends_with("stored in the file cam-lab%2Ft.txt"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(shell.file("cam-lab%2Ft.txt")).unwrap(),
        "1\n2\n"
    );
    assert!(shell.ask("list").starts_with("lab/t; 2 samples"));
    assert!(shell.ask("get ../t").contains("'.' or '..'"));
    for (command, said) in [
        ("EDG lab/t 5", "the fileID or dataAmount are not integers"),
        ("UED lab/t", "a fileID is a decimal integer"),
        ("UED 01", "without needless zeros"),
        (
            "SCS lab/t SUM",
            "fileID is missing or fileID should be an integer",
        ),
        (
            "DTE lab/t",
            "fileID is missing or fileID should be an integer",
        ),
    ] {
        let answer = shell.ask(command);
        assert!(answer.contains(said), "{command}: {answer}");
    }
}
