//! Many devices at once.

use std::fs;

use crate::harness::{Hub, eventually};

const DEVICES: usize = 100;

#[test]
fn a_hundred_devices_each_doing_everything() {
    let names: Vec<String> = (0..DEVICES).map(|n| format!("device-{n}")).collect();
    let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
    let hub = Hub::start_with(&accounts, &["--keep-alive", "60s"]);
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| one_device(&hub, name));
        }
    });
    eventually("nobody is left", || hub.active().is_empty());
    for log in ["upload-log.txt", "deletion-log.txt"] {
        eventually(log, || hub.log(log).lines().count() == DEVICES);
    }
}

fn one_device(hub: &Hub, name: &str) {
    let mut shell = hub.join(name);
    assert!(
        shell
            .ask("EDG 3 500")
            .starts_with("Data generation done, 500 ")
    );
    let text = fs::read_to_string(shell.file(&format!("{name}-3.txt"))).unwrap();
    let samples: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    let (sum, count) = (samples.iter().sum::<u64>(), samples.len() as u64);
    assert_eq!(count, 500);

    assert_eq!(
        shell.ask("UED 3"),
        "Data file with ID of 3 has been uploaded to server"
    );
    for (operation, value) in [
        ("SUM", sum.to_string()),
        // 500 samples: the average ends within three decimals.
        ("AVERAGE", decimal(sum * 1000 / count)),
        ("MAX", samples.iter().max().unwrap().to_string()),
        ("MIN", samples.iter().min().unwrap().to_string()),
    ] {
        let shown = shell.ask(&format!("SCS 3 {operation}"));
        let expected = format!(
            "Computation ({operation}) result on the file (ID:3) returned from the server is: {value}"
        );
        assert_eq!(shown, expected, "{name}");
    }
    let listed = shell.ask("AED");
    assert!(
        !listed.contains(&format!("{name};")),
        "a device does not see itself: {listed}"
    );
    assert_eq!(
        shell.ask("DTE 3"),
        "file with ID of 3 has been successfully removed from the central server"
    );
    shell.send("OUT");
    shell.output.expect(&format!("Bye, {name}!"));
    assert_eq!(shell.wait(), Some(0));
}

/// A number of thousandths without needless zeros.
fn decimal(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
