//! Every row of the command table, through pipes, two devices at once.

use std::fs;

use crate::harness::{Hub, Shell, eventually};

const NILE: &str = include_str!("../../../../testdata/nile.txt");

fn answers(shell: &mut Shell, cases: &[(&str, &str)]) {
    for (command, expected) in cases {
        let shown = shell.ask(command);
        assert_eq!(shown, *expected, "{command}");
    }
}

#[test]
fn every_row_of_the_command_table() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let mut watch = hub.join("supersmartwatch");
    assert_eq!(watch.ask("AED"), "no other active edge devices");
    let mut phone = hub.join("wei-smartphone");

    let generated = |device, id, n| {
        format!(
            "Data generation done, {n} data samples have been generated and stored in the file \
             {device}-{id}.txt"
        )
    };
    assert_eq!(watch.ask("EDG 1 10"), generated("supersmartwatch", 1, 10));
    assert_eq!(phone.ask("edg 1 20"), generated("wei-smartphone", 1, 20));
    let text = fs::read_to_string(watch.file("supersmartwatch-1.txt")).unwrap();
    assert_eq!(text.lines().count(), 10);
    assert!(
        text.lines()
            .all(|line| line.parse::<u32>().unwrap() < 1_000_000)
    );

    answers(
        &mut watch,
        &[
            (
                "EDG",
                "EDG command requires fileID and dataAmount as arguments.",
            ),
            (
                "EDG 1",
                "EDG command requires fileID and dataAmount as arguments.",
            ),
            (
                "EDG one 10",
                "the fileID or dataAmount are not integers, you need to specify the parameter as \
             integers",
            ),
            (
                "EDG 1 1.5",
                "the fileID or dataAmount are not integers, you need to specify the parameter as \
             integers",
            ),
            ("UED", "fileID is needed to upload the data"),
            ("UED 9", "the file to be uploaded does not exist"),
            ("SCS", "fileID is missing or fileID should be an integer"),
            (
                "SCS x SUM",
                "fileID is missing or fileID should be an integer",
            ),
            ("DTE 9", "the file does not exist at the server side"),
            ("XYZ", "Error. Invalid command!\nhelp shows the commands."),
            (
                "UVF wei-smartphone",
                "UVF command requires deviceName and filename as arguments.",
            ),
            (
                "UVF wei-smartphone missing.mp4",
                "the file to be uploaded does not exist",
            ),
        ],
    );

    fs::write(watch.file("supersmartwatch-1.txt"), NILE).unwrap();
    let result = |operation, value| {
        format!(
            "Computation ({operation}) result on the file (ID:1) returned from the server is: {value}"
        )
    };
    answers(
        &mut watch,
        &[
            (
                "UED 1",
                "Data file with ID of 1 has been uploaded to server",
            ),
            ("SCS 1 SUM", &result("SUM", "91935")),
            ("SCS 1 AVERAGE", &result("AVERAGE", "919.35")),
            ("SCS 1 MAX", &result("MAX", "1370")),
            ("scs 1 min", &result("MIN", "456")),
        ],
    );
    assert!(
        watch.ask("SCS 1 MEDIAN").contains("AVERAGE"),
        "the message names the operations"
    );
    assert!(
        watch.ask("SCS 4 SUM").contains('4'),
        "the message names the file"
    );
    // Another device's file of the same id is another file.
    assert!(phone.ask("SCS 1 SUM").contains("1"), "not uploaded yet");
    assert_eq!(
        phone.ask("UED 1"),
        "Data file with ID of 1 has been uploaded to server"
    );
    assert_eq!(watch.ask("SCS 1 SUM"), result("SUM", "91935"));

    let listed = watch.ask("AED");
    let mut fields = listed.split("; ");
    assert_eq!(fields.next(), Some("wei-smartphone"));
    assert_eq!(fields.next(), Some("127.0.0.1"));
    assert!(
        fields.next().unwrap().parse::<u16>().unwrap() > 0,
        "any free port: {listed}"
    );
    let since = fields.next().unwrap();
    assert!(
        since.starts_with("active since ") && since.ends_with('.'),
        "{listed}"
    );

    assert_eq!(
        watch.ask("DTE 1"),
        "file with ID of 1 has been successfully removed from the central server"
    );
    assert_eq!(
        watch.ask("DTE 1"),
        "the file does not exist at the server side"
    );
    eventually("both are listed", || {
        hub.active() == ["supersmartwatch", "wei-smartphone"]
    });

    watch.send("OUT");
    watch.output.expect("Bye, supersmartwatch!");
    assert_eq!(watch.wait(), Some(0));
    eventually("the watch leaves the list", || {
        hub.active() == ["wei-smartphone"]
    });
    assert_eq!(phone.ask("AED"), "no other active edge devices");

    // The end of the input is a goodbye as well.
    phone.close_input();
    phone.output.expect("Bye, wei-smartphone!");
    assert_eq!(phone.wait(), Some(0));
    let shown = phone.output.so_far();
    assert!(
        !shown.contains('\u{1b}'),
        "no escape sequences in a pipe: {shown}"
    );
}

#[test]
fn the_hub_shows_and_logs_what_happens() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = hub.join("supersmartwatch");
    fs::write(watch.file("supersmartwatch-1.txt"), NILE).unwrap();
    watch.ask("UED 1");
    watch.ask("SCS 1 SUM");
    watch.ask("DTE 1");
    watch.send("OUT");
    assert_eq!(watch.wait(), Some(0));

    let mut console = hub.output.clone();
    console.expect("Edge device supersmartwatch issued UED command");
    console.expect("The file with ID of 1 has been received, upload-log.txt file has been updated");
    console.expect("supersmartwatch issued SCS command");
    console.expect("91935");
    console.expect("Edge device supersmartwatch issued DTE command");
    console.expect("supersmartwatch exited the edge network");

    for log in ["upload-log.txt", "deletion-log.txt"] {
        eventually(log, || hub.log(log).ends_with("; 1; 100\n"));
        let text = hub.log(log);
        let fields: Vec<&str> = text.trim_end().split("; ").collect();
        assert_eq!(
            (fields.len(), fields[0]),
            (4, "supersmartwatch"),
            "{log}: {text}"
        );
        assert_eq!(
            fields[1].split(' ').count(),
            4,
            "day month year time: {text}"
        );
    }
    eventually("nobody is active", || {
        hub.log("edge-device-log.txt").is_empty()
    });
}
