//! The metrics of a hub: who reads them, their form, their table, and what uses them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Call, hub};
use crate::harness::{Hub, eventually};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A metric by its description and its samples.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    /// The names of its labels, without that of a bucket.
    labels: BTreeSet<String>,
    samples: BTreeMap<String, f64>,
}

/// Reads Prometheus's text by its grammar: each metric is described first, and its samples follow.
fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(!families.contains_key(name), "{name} comes twice");
            current = name.to_owned();
            families.entry(current.clone()).or_default().help = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert_eq!(name, current);
            families.get_mut(name).unwrap().kind = kind.to_owned();
        } else {
            let family = families.get_mut(&current).expect(line);
            sample(line, &current, family);
        }
    }
    families.values().for_each(check);
    families
}

fn sample(line: &str, name: &str, family: &mut Family) {
    let (series, value) = line.rsplit_once(' ').expect(line);
    let value = match value {
        "+Inf" => f64::INFINITY,
        value => value.parse().expect(line),
    };
    let (of, labels) = match series.split_once('{') {
        Some((of, labels)) => (of, labels.strip_suffix('}').expect(line)),
        None => (series, ""),
    };
    let suffix = of.strip_prefix(name).expect(line);
    let allowed: &[&str] = match family.kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[""],
    };
    assert!(allowed.contains(&suffix), "{line}");
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        let first = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    assert!(is_name(of), "{line}");
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (label, value) = label.split_once('=').expect(line);
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        assert!(
            is_name(label) && value.expect(line).bytes().all(plain),
            "{line}"
        );
        if label != "le" {
            family.labels.insert(label.to_owned());
        }
    }
    let before = family.samples.insert(series.to_owned(), value);
    assert_eq!(before, None, "{line} comes twice");
}

/// A family's samples are what its kind allows: buckets grow, and the last one has all.
fn check(family: &Family) {
    assert!(
        !family.samples.is_empty() && !family.help.is_empty(),
        "{family:?}"
    );
    let known = ["counter", "gauge", "histogram"];
    assert!(known.contains(&family.kind.as_str()), "{family:?}");
    if family.kind == "counter" {
        assert!(
            family.samples.values().all(|value| *value >= 0.0),
            "{family:?}"
        );
    }
    for (series, count) in family.samples.iter().filter(|(s, _)| s.contains("_count")) {
        let of = series.replacen("_count", "_bucket", 1);
        let all = match of.strip_suffix('}') {
            Some(of) => format!("{of},le=\"+Inf\"}}"),
            None => format!("{of}{{le=\"+Inf\"}}"),
        };
        let other = all
            .replacen("{", "{le=\"+Inf\",", 1)
            .replacen(",le=\"+Inf\"}", "}", 1);
        let bucket = family
            .samples
            .get(&all)
            .or_else(|| family.samples.get(&other));
        assert_eq!(bucket, Some(count), "{series} of {family:?}");
    }
}

fn scrape(page: SocketAddr) -> String {
    let reply = Call::get(page, "/metrics").send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    reply.text()
}

/// A hub with all of its services, whose metrics anybody reads.
fn whole(accounts: &[&str]) -> (Hub, SocketAddr) {
    let services = [
        "--metrics-public",
        "--hello",
        "127.0.0.1:0",
        "--sum",
        "127.0.0.1:0",
    ];
    hub(accounts, &services)
}

fn value(page: SocketAddr, series: &str) -> f64 {
    let families = parse(&scrape(page));
    let mut samples = families
        .values()
        .filter_map(|family| family.samples.get(series));
    *samples
        .next()
        .unwrap_or_else(|| panic!("there is no {series}"))
}

#[test]
fn metrics_are_for_viewers_unless_they_are_public() {
    let (hub, page) = hub(&["cam"], &[]);
    let get = || Call::get(page, "/metrics");
    assert_eq!(get().send().status, 401);
    assert_eq!(get().by("cam").send().status, 403);
    let token = hub.token("viewer");
    let reply = get().bearer(&token).send();
    assert_eq!(reply.status, 200);
    assert!(parse(&reply.text()).contains_key("fleetlink_devices_known"));
    let (_hub, page) = whole(&[]);
    assert_eq!(Call::get(page, "/metrics").send().status, 200);
}

#[test]
fn what_happens_is_counted() {
    let (hub, page) = whole(&["cam", "lamp"]);
    let call = |method: &str| Call::new(page, method, "/api/v1/devices/cam/data/1").by("cam");
    assert_eq!(call("PUT").body("1\n2\n").send().status, 201);
    assert_eq!(call("POST").body("3\n").send().status, 201);
    let wrong = Call::get(page, "/api/v1/devices/lamp/data").with_password("lamp", "wrong");
    assert_eq!(wrong.send().status, 401);
    let mut shell = hub.join("cam");
    for (series, expected) in [
        ("fleetlink_devices_known", 2.0),
        ("fleetlink_devices_present", 1.0),
        ("fleetlink_sessions", 1.0),
        ("fleetlink_joins_total{entrance=\"alone\"}", 1.0),
        ("fleetlink_logins_total", 1.0),
        (
            "fleetlink_login_failures_total{reason=\"wrong_password\"}",
            1.0,
        ),
        ("fleetlink_uploads_total{mode=\"replace\"}", 1.0),
        ("fleetlink_uploads_total{mode=\"append\"}", 1.0),
        ("fleetlink_uploaded_bytes_total", 6.0),
        ("fleetlink_uploaded_samples_total", 3.0),
        (
            "fleetlink_call_duration_seconds_count{method=\"join\"}",
            1.0,
        ),
        (
            "fleetlink_http_request_duration_seconds_count{method=\"PUT\"}",
            1.0,
        ),
        ("fleetlink_http_replies_total{status=\"4xx\"}", 1.0),
        ("fleetlink_received_bytes_total{service=\"http\"}", 6.0),
        ("fleetlink_store_healthy", 1.0),
    ] {
        assert_eq!(value(page, series), expected, "{series}");
    }
    for series in [
        "fleetlink_received_bytes_total{service=\"control\"}",
        "fleetlink_store_commit_changes_count",
        "fleetlink_store_bytes",
        "fleetlink_disk_free_bytes",
        "fleetlink_certificate_not_after_seconds{service=\"control\"}",
        "process_resident_memory_bytes",
    ] {
        assert!(value(page, series) > 0.0, "{series}");
    }
    shell.send("OUT");
    assert!(shell.wait().is_some());
    eventually("the leave is counted", || {
        value(page, "fleetlink_leaves_total{reason=\"goodbye\"}") == 1.0
    });
    assert_eq!(value(page, "fleetlink_devices_present"), 0.0);
}

#[test]
fn no_value_of_a_label_comes_from_outside() {
    let (hub, page) = whole(&["secretname"]);
    let before: Vec<String> = series(&scrape(page));
    let odd = Call::new(page, "SECRETNAME", "/secretname");
    assert!(odd.send().status >= 400);
    let wrong =
        Call::get(page, "/api/v1/devices/secretname/data").with_password("secretname2", "x");
    assert_eq!(wrong.send().status, 401);
    let _shell = hub.join("secretname");
    let text = scrape(page);
    assert!(!text.to_ascii_lowercase().contains("secretname"), "{text}");
    assert_eq!(series(&text), before);
}

fn series(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| line.rsplit_once(' '));
    series.map(|(series, _)| series.to_owned()).collect()
}

#[test]
fn other_readers_take_both_forms() {
    let (hub, page) = whole(&["cam"]);
    let _shell = hub.join("cam");
    let text = scrape(page);
    let open = Call::get(page, "/metrics")
        .header("accept", OPEN_METRICS)
        .send();
    assert!(
        open.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let open = open.text();
    assert!(open.ends_with("# EOF\n"));
    let python = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families as t\n\
                  from prometheus_client.openmetrics.parser import text_string_to_metric_families as o\n\
                  read = {'text': t, 'open': o}[sys.argv[1]]\n\
                  print(len(list(read(sys.stdin.read()))))";
    let has_python = run("python3", &["-c", "import prometheus_client"], "").is_some();
    let has_promtool = run("promtool", &["--version"], "").is_some();
    if !has_python && !has_promtool {
        return fleetlink_testkit::skip("neither prometheus_client nor promtool is installed");
    }
    if has_python {
        for (form, text) in [("text", &text), ("open", &open)] {
            let families = run("python3", &["-c", python, form], text).expect(form);
            assert_eq!(
                families.trim(),
                parse(&scrape(page)).len().to_string(),
                "{form}"
            );
        }
    }
    if has_promtool {
        let checked = run("promtool", &["check", "metrics"], &text);
        assert!(checked.is_some(), "promtool finds fault with it");
    }
}

/// The output of a program; `None` where it is not there or fails.
fn run(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(program);
    let command = command.args(arguments).stdin(Stdio::piped());
    let started = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.ok()?;
    let mut writer = child.stdin.take()?;
    let input = input.to_owned();
    let writing = std::thread::spawn(move || writer.write_all(input.as_bytes()));
    let output = child.wait_with_output().ok()?;
    drop(writing.join());
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_table_of_the_documents_is_that_of_the_hub() {
    let (_hub, page) = whole(&[]);
    let row = |(name, family): (&String, &Family)| {
        let labels: Vec<_> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (kind, help) = (&family.kind, &family.help);
        format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    };
    let families = parse(&scrape(page));
    let expected: BTreeSet<String> = families.iter().map(row).collect();
    let text = document("docs/metrics.md");
    let told = text.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<String> = told.map(str::to_owned).collect();
    let missing: Vec<_> = expected.difference(&told).collect();
    let wrong: Vec<_> = told.difference(&expected).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "missing {missing:#?}, wrong {wrong:#?}"
    );
}

#[test]
fn dashboards_and_alerts_name_metrics_that_the_hub_has() {
    let (_hub, page) = whole(&[]);
    let families = parse(&scrape(page));
    let known: BTreeSet<String> = families
        .values()
        .flat_map(|family| family.samples.keys())
        .map(|series| series.split('{').next().unwrap_or_default().to_owned())
        .collect();
    for (name, least) in [("contrib/grafana.json", 15), ("contrib/alerts.yml", 6)] {
        let text = document(name);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = |word: &&str| word.starts_with("fleetlink_") || word.starts_with("process_");
        let named: BTreeSet<&str> = words.filter(ours).collect();
        assert!(named.len() >= least, "{name}: {named:?}");
        for metric in named {
            assert!(
                known.contains(metric),
                "{name} names {metric}, which no hub has"
            );
        }
    }
    let board: serde_json::Value = serde_json::from_str(&document("contrib/grafana.json")).unwrap();
    assert!(board["panels"].as_array().unwrap().len() > 8);
    if run("promtool", &["--version"], "").is_some() {
        let alerts = root().join("contrib/alerts.yml");
        let checked = run(
            "promtool",
            &["check", "rules", alerts.to_str().unwrap()],
            "",
        );
        assert!(checked.is_some(), "promtool finds fault with the alerts");
    } else {
        fleetlink_testkit::skip("promtool is not installed, which checks the alerts");
    }
}
