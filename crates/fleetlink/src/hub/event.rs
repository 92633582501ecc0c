//! The form of the hub's lines on standard output: text as the course's assignment prints it, or
//! JSON.

mod fields;

use fleetlink_hub::HubEvent;
use fleetlink_proto::WallTime;
use serde_json::{Map, Value, json};

/// The form of the lines.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct EventForm {
    /// Print the hub's lines as text, or as one JSON object a line.
    #[arg(
        long = "event-format",
        value_enum,
        default_value_t,
        value_name = "FORM"
    )]
    format: EventFormat,
    /// Begin each of the hub's lines with its local time; in JSON the time is always there.
    #[arg(long)]
    times: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum EventFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl EventForm {
    /// Whether a program reads the lines.
    pub(crate) fn is_json(self) -> bool {
        self.format == EventFormat::Json
    }

    /// The line of an event.
    pub(crate) fn line(self, event: &HubEvent) -> String {
        let HubEvent { time, event } = event;
        match self.format {
            EventFormat::Text => self.text(*time, &event.to_string()),
            EventFormat::Json => {
                let (name, fields) = fields::of(event);
                document(*time, name, &event.to_string(), fields)
            }
        }
    }

    /// A line of this process's own.
    pub(crate) fn own(self, name: &str, text: &str) -> String {
        self.own_with(name, text, json!({}))
    }

    /// The same with further fields for programs.
    pub(crate) fn own_with(self, name: &str, text: &str, fields: Value) -> String {
        let time = now();
        match self.format {
            EventFormat::Text => self.text(time, text),
            EventFormat::Json => document(time, name, text, fields),
        }
    }

    fn text(self, time: WallTime, text: &str) -> String {
        match self.times {
            true => format!("{}; {text}", time.local()),
            false => text.to_owned(),
        }
    }
}

/// The event that tells a program of left-out lines.
pub(super) fn left_out(count: u64) -> String {
    let text = "lines were left out: they could not be written";
    let fields = json!({ "count": count });
    document(now(), "left_out", text, fields)
}

fn now() -> WallTime {
    WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}

fn document(time: WallTime, name: &str, message: &str, fields: Value) -> String {
    let mut document = Map::new();
    document.insert("time".to_owned(), json!(time.to_string()));
    document.insert("event".to_owned(), json!(name));
    if let Value::Object(fields) = fields {
        let said = fields.into_iter().filter(|(_, value)| !value.is_null());
        document.extend(said);
    }
    document.insert("message".to_owned(), json!(message));
    ascii(&Value::Object(document).to_string())
}

/// The same document in ASCII: a name from outside takes no terminal over and turns no line around.
fn ascii(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for c in document.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use fleetlink_hub::{ConsoleEvent, LoginFailure};

    use super::*;

    fn failed_login(name: &str) -> HubEvent {
        HubEvent {
            time: WallTime::from_unix_millis(1_664_533_873_042),
            event: ConsoleEvent::LoginFailed {
                name: name.to_owned(),
                address: Some([192, 0, 2, 1].into()),
                failure: LoginFailure::WrongPassword,
            },
        }
    }

    fn form(format: EventFormat, times: bool) -> EventForm {
        EventForm { format, times }
    }

    #[test]
    fn times_stand_before_the_line_where_they_are_asked_for() {
        let event = failed_login("yoda");
        let line = "login of yoda from 192.0.2.1 failed: unknown name or wrong password";
        assert_eq!(form(EventFormat::Text, false).line(&event), line);
        let with_time = form(EventFormat::Text, true).line(&event);
        assert_eq!(with_time, format!("{}; {line}", event.time.local()));
    }

    #[test]
    fn a_document_keeps_a_name_and_harms_no_terminal() {
        let name = "x\u{1b}[2J\n\u{9b}\u{202e}\u{7f}\u{1f600}";
        let line = form(EventFormat::Json, true).line(&failed_login(name));
        assert!(line.bytes().all(|b| (b' '..0x7f).contains(&b)), "{line}");
        let document: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(document["name"], name);
        assert_eq!(document["event"], "login_failed");
        assert_eq!(document["address"], "192.0.2.1");
        assert_eq!(document["reason"], "wrong_password");
        assert_eq!(document["time"], "2022-09-30T10:31:13.042Z");
    }
}
