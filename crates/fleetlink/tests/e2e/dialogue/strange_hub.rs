//! The course's client and a hub on another host, which it does not know.

use std::process::Command;

use crate::harness::network::Network;
use crate::harness::{Hub, PASSWORD, fleetlink, run};

fn client(folder: &std::path::Path, hub: &Hub, options: &[&str]) -> Command {
    let mut command = fleetlink(folder);
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    command.args(["client", &host, &port, "0"]).args(options);
    command
}

#[test]
fn a_hub_elsewhere_is_reached_by_its_pin_and_by_no_other() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["supersmartwatch"], &[]);
    let folder = tempfile::tempdir().unwrap();
    let input = format!("supersmartwatch\n{PASSWORD}\nAED\nOUT\n");
    let run_client = |options: &[&str]| {
        let command = client(folder.path(), &hub, options);
        run(&mut network.on_device(&command), &input)
    };
    // In a pipe nobody can be asked: the message names the option that this command has.
    let unknown = run_client(&[]);
    assert_eq!(unknown.code, Some(7), "{unknown:?}");
    assert!(unknown.stderr.contains("--pin"), "{unknown:?}");
    assert!(unknown.stderr.contains(&hub.pin()), "{unknown:?}");
    assert!(!unknown.stdout.contains("Username:"), "{unknown:?}");

    let wrong = format!("sha256:{}", "0".repeat(64));
    let refused = run_client(&["--pin", &wrong]);
    assert_eq!(refused.code, Some(7), "{refused:?}");

    let joined = run_client(&["--pin", &hub.pin()]);
    assert_eq!(joined.code, Some(0), "{joined:?}");
    assert!(
        joined.stdout.contains("Bye, supersmartwatch!"),
        "{joined:?}"
    );
}

#[test]
fn a_pin_is_compared_on_this_host_too() {
    let hub = Hub::start(&["supersmartwatch"]);
    let folder = tempfile::tempdir().unwrap();
    let wrong = format!("sha256:{}", "0".repeat(64));
    let refused = run(&mut client(folder.path(), &hub, &["--pin", &wrong]), "");
    assert_eq!(refused.code, Some(7), "{refused:?}");
    let input = format!("supersmartwatch\n{PASSWORD}\nOUT\n");
    let joined = run(
        &mut client(folder.path(), &hub, &["--pin", &hub.pin()]),
        &input,
    );
    assert_eq!(joined.code, Some(0), "{joined:?}");
}
