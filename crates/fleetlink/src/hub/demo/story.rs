//! The steps of the demo, in order.

use std::fs;
use std::path::Path;
use std::time::Instant;

use fleetlink_proto::samples::{Operation, SampleParser, Summary};
use ring::digest::{SHA256, digest};

use super::process::Process;
use super::stage::{Device, Stage};
use crate::failure::Failure;

/// The annual flow of the Nile at Aswan; testdata/README.md names the source.
const NILE: &str = include_str!("../../../../../testdata/nile.txt");
const WATCH: &str = "supersmartwatch";
const CAMERA: &str = "uav-camera";
/// The file that one device sends to the other.
const FILM: &str = "lecture1.mp4";
const FILM_BYTES: usize = 64_000_000;
/// The lines that are added to the Nile's file.
const APPENDED: &str = "1000\n1000.5\n";

/// Tells all of it.
pub(crate) fn tell(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let mut hub = start_hub(stage)?;
    let port = hub.port.clone();

    stage.step("Two devices join by name and password");
    let mut watch = Device::join(stage, WATCH, &port)?;
    let mut camera = Device::join(stage, CAMERA, &port)?;
    let listed = watch.ask(stage, "AED")?;
    stage.check(
        "each sees the other",
        listed.starts_with(&format!("{CAMERA}; 127.0.0.1; ")),
    )?;

    nile(stage, &mut watch)?;
    million(stage, &mut watch)?;
    append_and_list(stage, &watch.folder.clone(), &port)?;
    send_film(stage, &mut camera, &mut watch)?;
    delete(stage, &mut watch)?;
    lose_a_device(stage, &mut watch, camera)?;
    say_goodbye(stage, watch, &mut hub)
}

struct DemoHub {
    process: Process,
    port: String,
    data: std::path::PathBuf,
}

fn start_hub(stage: &mut Stage<'_>) -> Result<DemoHub, Failure> {
    stage.step("A hub starts, with its store in a fresh folder and two accounts");
    let data = stage.folder("hub")?;
    let path = data.display().to_string();
    stage.run(&data, &["account", "init", "--data", &path])?;
    for name in [WATCH, CAMERA] {
        let said = stage.run(&data, &["account", "add", name, "--data", &path])?;
        stage.show(&said);
    }
    let arguments = [
        "hub",
        "--listen",
        "127.0.0.1:0",
        "--data",
        &path,
        "--keep-alive",
        "2s",
    ];
    stage.show(&format!("$ fleetlink {}", arguments.join(" ")));
    let mut process = Process::start("the hub", &mut stage.command(&data, &arguments))?;
    process.expect("listening on 127.0.0.1:")?;
    let port = process.expect("\n")?;
    process.expect("pin ")?;
    let pin = process.expect("\n")?;
    stage.show(&format!(
        "listening on 127.0.0.1:{port} with TLS 1.3, known by {pin}"
    ));
    Ok(DemoHub {
        process,
        port,
        data,
    })
}

fn nile(stage: &mut Stage<'_>, watch: &mut Device) -> Result<(), Failure> {
    stage.step("A hundred years of the Nile are uploaded and computed on");
    fs::write(watch.folder.join(format!("{WATCH}-1.txt")), NILE)?;
    let said = watch.ask(stage, "UED 1")?;
    stage.check(
        "uploaded",
        said == "Data file with ID of 1 has been uploaded to server",
    )?;
    let known = [
        ("SUM", "91935"),
        ("AVERAGE", "919.35"),
        ("MAX", "1370"),
        ("MIN", "456"),
    ];
    for (operation, answer) in known {
        compute(stage, watch, 1, operation, answer)?;
    }
    Ok(())
}

fn million(stage: &mut Stage<'_>, watch: &mut Device) -> Result<(), Failure> {
    stage.step("A million generated integers, every result computed a second time here");
    watch.ask(stage, "EDG 2 1000000")?;
    let began = Instant::now();
    let said = watch.ask(stage, "UED 2")?;
    let uploaded = began.elapsed();
    stage.check(
        &format!(
            "uploaded, durable on the hub's disk after {} ms",
            uploaded.as_millis()
        ),
        said == "Data file with ID of 2 has been uploaded to server",
    )?;
    let summary = summarise(&fs::read(watch.folder.join(format!("{WATCH}-2.txt")))?)?;
    stage.check("a million samples", summary.count() == 1_000_000)?;
    for operation in Operation::ALL {
        let answer = summary
            .compute(operation)
            .map_err(|e| Failure::General(e.to_string()))?;
        compute(stage, watch, 2, operation.name(), &answer.to_string())?;
    }
    Ok(())
}

fn summarise(text: &[u8]) -> Result<Summary, Failure> {
    let mut parser = SampleParser::new();
    let parsed = parser.feed(text).and_then(|()| parser.finish());
    parsed.map_err(|e| Failure::General(e.to_string()))
}

fn compute(
    stage: &mut Stage<'_>,
    device: &mut Device,
    file: u32,
    operation: &str,
    answer: &str,
) -> Result<(), Failure> {
    let said = device.ask(stage, &format!("SCS {file} {operation}"))?;
    let expected = format!(
        "Computation ({operation}) result on the file (ID:{file}) returned from the server is: \
         {answer}"
    );
    stage.check(&format!("{operation} is {answer}"), said == expected)
}

fn append_and_list(stage: &mut Stage<'_>, folder: &Path, port: &str) -> Result<(), Failure> {
    stage.step("A script appends to the Nile's file and lists what the hub holds");
    fs::write(folder.join("more.txt"), APPENDED)?;
    let hub = format!("127.0.0.1:{port}");
    let one_shot = ["--hub", &hub, "--device", WATCH];
    let said = stage.run(
        folder,
        &[&["data", "append", "1", "more.txt"][..], &one_shot].concat(),
    )?;
    stage.show(&said);
    let listed = stage.run(folder, &[&["data", "list"][..], &one_shot].concat())?;
    stage.show(&listed);
    let answer = stage.run(
        folder,
        &[&["data", "compute", "1", "SUM"][..], &one_shot].concat(),
    )?;
    stage.show(&answer);
    stage.check("the sum has grown by 2000.5", answer.contains("93935.5"))
}

/// Straight from device to device: the hub names the two to each other and carries none of it.
fn send_film(
    stage: &mut Stage<'_>,
    camera: &mut Device,
    watch: &mut Device,
) -> Result<(), Failure> {
    stage.step("The camera sends a film of 64 MB straight to the watch");
    let sent = write_film(&camera.folder.join(FILM))?;
    let began = Instant::now();
    let command = format!("UVF {WATCH} {FILM}");
    camera.shell.send(&command)?;
    camera.hear(&format!("{FILM} has been uploaded"))?;
    let millis = began.elapsed().as_millis();
    stage.show(&format!("{CAMERA}> {command}\n{FILM} has been uploaded"));
    let received = format!("Received {FILM} from {CAMERA}");
    watch.hear(&received)?;
    stage.show(&format!("{WATCH}: {received}"));
    let stored = hash(&watch.folder.join(format!("{CAMERA}_{FILM}")))?;
    stage.show(&format!(
        "SHA-256 sent     {sent}\nSHA-256 received {stored}"
    ));
    stage.check(
        &format!("it is there after {millis} ms, durable, with the same hash"),
        sent == stored,
    )
}

/// Random bytes; returns their hash.
fn write_film(path: &Path) -> Result<String, Failure> {
    let mut film = vec![0; FILM_BYTES];
    getrandom::fill(&mut film).map_err(std::io::Error::other)?;
    fs::write(path, film)?;
    hash(path)
}

/// By other means than the transfer's own.
fn hash(path: &Path) -> Result<String, Failure> {
    let hash = digest(&SHA256, &fs::read(path)?);
    Ok(hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn delete(stage: &mut Stage<'_>, watch: &mut Device) -> Result<(), Failure> {
    stage.step("The Nile's file is deleted");
    let said = watch.ask(stage, "DTE 1")?;
    let expected = "file with ID of 1 has been successfully removed from the central server";
    stage.check("removed", said == expected)?;
    let said = watch.ask(stage, "DTE 1")?;
    stage.check(
        "and not there any more",
        said == "the file does not exist at the server side",
    )
}

fn lose_a_device(
    stage: &mut Stage<'_>,
    watch: &mut Device,
    mut camera: Device,
) -> Result<(), Failure> {
    stage.step("The camera is killed: no goodbye, no ghost");
    camera.shell.kill()?;
    let killed = Instant::now();
    loop {
        let said = watch.ask(stage, "AED")?;
        if said == "no other active edge devices" {
            let millis = killed.elapsed().as_millis();
            return stage.check(&format!("it has left the list after {millis} ms"), true);
        }
        if killed.elapsed().as_secs() > 10 {
            return stage.check("it has left the list", false);
        }
    }
}

fn say_goodbye(stage: &mut Stage<'_>, mut watch: Device, hub: &mut DemoHub) -> Result<(), Failure> {
    stage.step("The watch leaves, and the hub is asked to end");
    watch.shell.send("OUT")?;
    watch.shell.expect(&format!("Bye, {WATCH}!"))?;
    stage.check(&format!("Bye, {WATCH}!"), watch.shell.wait()? == Some(0))?;
    hub.process.terminate()?;
    stage.check("the hub ended with success", hub.process.wait()? == Some(0))?;
    for (log, lines) in [
        ("upload-log.txt", 3),
        ("deletion-log.txt", 1),
        ("edge-device-log.txt", 0),
    ] {
        let text = fs::read_to_string(hub.data.join(log))?;
        stage.show(&text);
        stage.check(
            &format!("{log} has {lines} lines"),
            text.lines().count() == lines,
        )?;
    }
    Ok(())
}
