//! The page and the API over TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;

use super::{Call, page};
use crate::harness::{Hub, eventually};

/// Writes a new certificate of these names, and its key, into two files.
pub(crate) fn write_certificate(folder: &Path, names: &[&str]) -> CertificateDer<'static> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

#[test]
fn a_changed_certificate_is_taken_up_and_a_damaged_one_is_not() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    let first = write_certificate(files.path(), &["localhost", "hub.example.org"]);
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let options = [
        "--http",
        "0.0.0.0:0",
        "--http-cert",
        &cert,
        "--http-key",
        &key,
    ];
    let hub = Hub::start_logged("fleetlink_hub=info", &["cam"], &options);
    let damaged = || {
        let log = fs::read_to_string(hub.folder().join("log.txt")).unwrap();
        log.matches("the changed certificate for HTTP is not used")
            .count()
    };
    let mut address = page(&hub);
    address.set_ip([127, 0, 0, 1].into());
    let ask = |trusted: &CertificateDer<'static>, host: &str| {
        let list = Call::get(address, "/api/v1/devices/cam/data").by("cam");
        list.header("host", host).over_tls(trusted).try_send()
    };
    assert_eq!(ask(&first, "localhost").unwrap().status, 200);
    // The names of the certificate are the page's.
    assert_eq!(ask(&first, "hub.example.org").unwrap().status, 200);
    assert_eq!(ask(&first, "evil.example").unwrap().status, 421);

    let second = write_certificate(files.path(), &["localhost"]);
    eventually("the new certificate is shown", || {
        ask(&second, "localhost").is_ok()
    });
    assert!(ask(&first, "localhost").is_err());
    assert_eq!(ask(&second, "hub.example.org").unwrap().status, 421);

    let before = damaged();
    fs::write(&cert, "damaged").unwrap();
    eventually("the damaged certificate is looked at", || {
        damaged() > before
    });
    assert_eq!(ask(&second, "localhost").unwrap().status, 200);
    let third = write_certificate(files.path(), &["localhost"]);
    eventually("the mended certificate is shown", || {
        ask(&third, "localhost").is_ok()
    });
}

#[test]
fn nobody_is_served_by_an_older_tls() {
    if Command::new("openssl").arg("version").output().is_err() {
        return fleetlink_testkit::skip("there is no openssl");
    }
    let files = tempfile::tempdir().unwrap();
    write_certificate(files.path(), &["localhost"]);
    let path = |name: &str| files.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let options = ["--http-cert", &cert, "--http-key", &key];
    let (_hub, address) = super::hub(&[], &options);
    let shaken = |version: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_client", version, "-connect", &address.to_string()]);
        let finished = crate::harness::run(&mut command, "");
        finished.stdout.contains("BEGIN CERTIFICATE")
    };
    assert!(shaken("-tls1_3"));
    assert!(!shaken("-tls1_2"));
}
