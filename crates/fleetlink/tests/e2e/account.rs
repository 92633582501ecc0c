//! Accounts, beside a running hub and without one.

use crate::harness::{Hub, PASSWORD, Shell, eventually, fleetlink, run};

#[test]
fn accounts_are_administered_beside_a_running_hub() {
    let hub = Hub::start(&["supersmartwatch"]);
    let done = |arguments: &[&str], input: &str| {
        let finished = hub.account(arguments, input);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.stdout
    };
    let refused = |arguments: &[&str], input: &str| {
        let finished = hub.account(arguments, input);
        assert_ne!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.stderr
    };

    done(&["add", "uav-camera", "--password-stdin"], "secret\n");
    assert!(refused(&["add", "uav-camera", "--password-stdin"], "x\n").contains("uav-camera"));
    assert!(refused(&["add", "UAV-Camera", "--password-stdin"], "x\n").contains("case"));
    refused(&["add", "a/b", "--password-stdin"], "x\n");
    refused(&["add", "newcomer", "--password-stdin"], "two words\n");

    let mut camera = Shell::start(hub.address, &[]);
    camera.attempt("uav-camera", "secret");
    camera.output.expect("Welcome!");
    let listed = done(&["list"], "");
    assert!(
        listed.contains("uav-camera") && listed.contains("active"),
        "{listed}"
    );

    done(&["passwd", "uav-camera", "--password-stdin"], "other\n");
    assert_eq!(camera.wait(), Some(10), "its password is not one any more");
    let mut again = Shell::start(hub.address, &[]);
    again.attempt("uav-camera", "secret");
    again.output.expect("Invalid Password. Please try again");
    again.output.expect("Password:");
    again.send("other");
    again.output.expect("Welcome!");

    done(&["remove", "uav-camera"], "");
    assert_ne!(again.wait(), Some(0), "the account's session ends");
    assert!(refused(&["remove", "uav-camera"], "").contains("uav-camera"));
    assert!(refused(&["passwd", "nobody", "--password-stdin"], "x\n").contains("nobody"));
}

#[test]
fn an_account_with_files_goes_only_with_them() {
    let hub = Hub::start(&["a"]);
    let folder = tempfile::tempdir().unwrap();
    let upload = run(
        &mut hub.command(folder.path(), "a", &["data", "upload", "1", "-"]),
        "1\n",
    );
    assert_eq!(upload.code, Some(0), "{upload:?}");
    let kept = hub.account(&["remove", "a"], "");
    assert_ne!(kept.code, Some(0));
    assert!(kept.stderr.contains("--with-data"), "{kept:?}");
    assert_eq!(
        hub.account(&["remove", "a", "--with-data"], "").code,
        Some(0)
    );
    eventually("the deletion is logged", || {
        hub.log("deletion-log.txt").lines().count() == 1
    });
}

#[test]
fn a_lock_out_is_ended_by_the_operator() {
    let hub = Hub::start_with(&["a"], &["--max-attempts", "1"]);
    let mut shell = Shell::start(hub.address, &[]);
    shell.attempt("a", "wrong");
    shell.output.expect("Your account has been blocked");
    assert!(hub.account(&["list"], "").stdout.contains("locked out"));
    assert_eq!(hub.account(&["unlock", "a"], "").code, Some(0));
    hub.join("a");
}

#[test]
fn accounts_are_administered_without_a_hub() {
    let folder = tempfile::tempdir().unwrap();
    let account = |arguments: &[&str], input: &str| {
        let mut command = fleetlink(folder.path());
        command
            .arg("account")
            .args(arguments)
            .args(["--data", "data", "--json"]);
        run(&mut command, input)
    };
    // A mistyped path makes no store.
    let refused = account(&["list"], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stdout.contains("account init --data data"),
        "{refused:?}"
    );
    assert!(!folder.path().join("data").exists());
    assert_eq!(account(&["init"], "").code, Some(0));
    assert_ne!(account(&["init"], "").code, Some(0), "it is there already");
    let path = folder.path().join("list.txt");
    std::fs::write(&path, format!("a {PASSWORD}\r\n\r\nb {PASSWORD}\nbad\n")).unwrap();
    let imported = account(&["import", "list.txt"], "");
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let document: serde_json::Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!(
        (&document["added"], &document["set"]),
        (&2.into(), &0.into())
    );
    assert!(
        document["skipped"][0].as_str().unwrap().contains("line 4"),
        "{document}"
    );
    assert!(!imported.stderr.contains(PASSWORD));

    assert_eq!(account(&["remove", "b"], "").code, Some(0));
    let listed = account(&["list"], "");
    let document: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(document["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(document["accounts"][0]["name"], "a");
}

#[test]
fn a_hub_that_nobody_can_join_is_not_reachable_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    command.args(["hub", "--listen", "0.0.0.0:0", "--data", "data"]);
    let finished = run(&mut command, "");
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains("account"), "{finished:?}");
}
