//! The state of a hub as lines that fit the terminal.

use std::io::IsTerminal as _;

use fleetlink_hub::{DeviceInfo, StatusInfo};
use fleetlink_proto::{Escaped, WallTime};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Rates;
use crate::size::Bytes;

/// The columns of a terminal that does not tell them.
const COLUMNS: usize = 80;
/// The fewest columns for which lines are made.
const FEWEST: usize = 40;
/// The columns from which on a device's line has its heartbeat.
const WITH_HEARTBEAT: usize = 130;
/// The widest column of names.
const NAME: usize = 32;
/// The columns of a file or a pipe: nothing is cut.
const UNBOUNDED: usize = usize::MAX;

/// The columns of the terminal. A file or a pipe gets whole lines.
pub(super) fn columns() -> usize {
    if !std::io::stdout().is_terminal() {
        return UNBOUNDED;
    }
    let told = std::env::var("COLUMNS").ok();
    let told = told.and_then(|columns| columns.parse().ok());
    let found = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    told.or_else(found).unwrap_or(COLUMNS).max(FEWEST)
}

/// All lines.
pub(super) fn page(
    status: &StatusInfo,
    rates: Rates,
    devices: &[DeviceInfo],
    columns: usize,
) -> String {
    let fit = |line: String| cut(&line, columns);
    let mut lines: Vec<String> = hub(status, rates).into_iter().map(fit).collect();
    // A part of an address or a pin is of no use.
    lines.extend(addresses(status));
    lines.push(String::new());
    let widest = devices.iter().map(|device| device.name.as_str().width());
    let most = if columns == UNBOUNDED {
        UNBOUNDED
    } else {
        NAME
    };
    let name = widest.max().unwrap_or(0).clamp(4, most);
    let is_empty = devices.is_empty();
    let devices = devices
        .iter()
        .map(|device| line(device, status.now, (name, columns >= WITH_HEARTBEAT)));
    lines.extend(devices.map(fit));
    if is_empty {
        let none = "no devices: fleetlink ticket, or fleetlink account add, lets one in";
        lines.push(fit(none.to_owned()));
    }
    lines.join("\n")
}

/// The lines that are for other programs too.
fn addresses(status: &StatusInfo) -> Vec<String> {
    let page = status.page.as_ref();
    let page = page.map(|page| format!("page: {}", plain(page)));
    let pin = status.pin.as_ref().map(|pin| format!("pin: {pin}"));
    page.into_iter().chain(pin).collect()
}

fn hub(status: &StatusInfo, rates: Rates) -> Vec<String> {
    let counts = &status.counts;
    let mut lines = vec![
        format!(
            "fleetlink {} at {}, since {} ({})",
            status.version,
            status.address,
            status.started.local(),
            age(status.started, status.now)
        ),
        format!(
            "devices: {} present of {}; connections: {} of {}",
            status.present, status.known, status.sessions, status.max_sessions
        ),
        format!(
            "each second: {} uploads, {} samples, in {}, out {}",
            rates.uploads,
            rates.uploaded_samples,
            Bytes(rates.received_bytes),
            Bytes(rates.sent_bytes)
        ),
    ];
    let free = status
        .free_bytes
        .map(|free| format!(", free {}", Bytes(free)));
    lines.push(format!(
        "store: {}{}",
        Bytes(status.store_bytes),
        free.unwrap_or_default()
    ));
    if counts.refused_busy + counts.refused_connections + counts.dropped > 0 {
        lines.push(format!(
            "limits reached: {} calls and {} connections refused, {} lines dropped",
            counts.refused_busy, counts.refused_connections, counts.dropped
        ));
    }
    if !status.locked_out.is_empty() {
        let names: Vec<_> = status.locked_out.iter().map(|name| plain(name)).collect();
        lines.push(format!("locked out: {}", names.join(", ")));
    }
    lines
}

fn line(device: &DeviceInfo, now: WallTime, (name, has_heartbeat): (usize, bool)) -> String {
    let state = match device.joined {
        Some(_) => "present",
        None if device.sessions > 0 => "attached",
        None => "absent",
    };
    let seen = match (device.sessions, device.last_seen) {
        (1.., _) => "now".to_owned(),
        (_, Some(seen)) => format!("{} ago", age(seen, now)),
        (_, None) => "never".to_owned(),
    };
    let shown = cut(&plain(device.name.as_str()), name);
    let padding = " ".repeat(name.saturating_sub(shown.width()));
    let address = device.address.map(|address| format!("  {address}"));
    let data = format!("{} in {}", Bytes(device.bytes), device.data_files);
    let heartbeat = device.heartbeat.as_deref().filter(|_| has_heartbeat);
    let heartbeat = heartbeat.map(|heartbeat| format!("  {heartbeat}"));
    let latest = device.latest.as_ref();
    let latest =
        latest.map(|latest| format!("  {} = {}", plain(&latest.file.to_string()), latest.value));
    format!(
        "{shown}{padding}  {state:<8}  {seen:<12}  {data}{}{}{}",
        latest.unwrap_or_default(),
        address.unwrap_or_default(),
        heartbeat.unwrap_or_default()
    )
}

/// A text from outside, without anything that a terminal obeys.
fn plain(text: &str) -> String {
    Escaped(text).to_string()
}

/// The time between two, in the unit that leaves one or two digits.
fn age(from: WallTime, to: WallTime) -> String {
    let seconds = to.unix_millis().saturating_sub(from.unix_millis()).max(0) / 1000;
    match seconds {
        ..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds / 60),
        6000..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// As much of a line as fits, with a mark where something is left out.
fn cut(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let mut width = 0;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width < columns
    };
    line.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_unix_millis(seconds * 1000)
    }

    fn device(name: &str) -> DeviceInfo {
        DeviceInfo {
            name: name.parse().unwrap(),
            joined: Some(at(5)),
            address: Some([192, 0, 2, 1].into()),
            first_seen: Some(at(1)),
            last_seen: Some(at(9)),
            heartbeat: Some("2".repeat(48)),
            sessions: 1,
            data_files: 3,
            bytes: 12_345_678,
            received_bytes: 1,
            sent_bytes: 2,
            latest: Some(fleetlink_hub::LatestInfo {
                file: "temperature".parse().unwrap(),
                value: "-12.5".to_owned(),
                time: None,
            }),
        }
    }

    fn status() -> StatusInfo {
        StatusInfo {
            version: "0.1.0".to_owned(),
            started: at(0),
            now: at(1000),
            address: "192.0.2.9:7421".to_owned(),
            page: Some("http://127.0.0.1:7480".to_owned()),
            pin: None,
            present: 1,
            known: 2,
            sessions: 3,
            max_sessions: 100,
            counts: fleetlink_hub::CountsInfo::default(),
            store_bytes: 5,
            free_bytes: Some(7),
            locked_out: vec!["\u{1b}[31mred\u{202e}\n".to_owned()],
        }
    }

    const NO_RATES: Rates = Rates {
        uploads: 0,
        uploaded_samples: 0,
        received_bytes: 0,
        sent_bytes: 0,
    };

    #[test]
    fn every_line_fits_the_terminal_and_has_text_alone() {
        let long = "x".repeat(64);
        let mut absent = device("lamp");
        (absent.joined, absent.address, absent.sessions) = (None, None, 0);
        let devices = [device("cam"), device(&long), absent];
        for columns in [60, 80, 200] {
            let page = page(&status(), NO_RATES, &devices, columns);
            for line in page.lines() {
                assert!(line.width() <= columns, "{columns}: {line}");
                let is_plain = |c: char| !c.is_control() && c != '\u{202e}';
                assert!(line.chars().all(is_plain), "{line:?}");
            }
            assert_eq!(page.contains(&"2".repeat(48)), columns == 200);
            assert_eq!(page.contains("temperature = -12.5"), columns == 200);
            assert!(
                page.contains("present") && page.contains("absent"),
                "{page}"
            );
        }
        let page = page(&status(), NO_RATES, &[], 80);
        assert!(page.contains("no devices"), "{page}");
        assert!(page.contains("\\u{1b}[31mred"), "{page}");
    }

    #[test]
    fn a_pipe_gets_whole_lines_and_an_address_is_never_cut() {
        let name = "x".repeat(64);
        let address = format!("http://{}", "h".repeat(100));
        let status = StatusInfo {
            page: Some(address.clone()),
            ..status()
        };
        let devices = [device(&name)];
        let narrow = page(&status, NO_RATES, &devices, FEWEST);
        assert!(
            narrow
                .lines()
                .any(|line| line == format!("page: {address}"))
        );
        assert!(narrow.contains('…'), "{narrow}");
        let piped = page(&status, NO_RATES, &devices, UNBOUNDED);
        assert!(!piped.contains('…'), "{piped}");
        for whole in [name, "2".repeat(48), "temperature = -12.5".to_owned()] {
            assert!(piped.contains(&whole), "{piped}");
        }
    }

    #[test]
    fn an_age_has_a_unit_that_fits() {
        for (seconds, shown) in [
            (-5, "0 s"),
            (99, "99 s"),
            (100, "1 min"),
            (7200, "2 h"),
            (10 * 86_400, "10 days"),
        ] {
            assert_eq!(age(at(0), at(seconds)), shown);
        }
    }
}
