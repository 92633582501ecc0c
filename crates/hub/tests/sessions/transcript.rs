//! Transcripts as they stand in the documents of the control protocol.

use fleetlink_proto::ContentHash;
use serde_json::Value;

const DOCUMENTS: [&str; 2] = [
    include_str!("../../../../docs/protocol/control.md"),
    include_str!("../../../../docs/protocol/transcripts.md"),
];

/// One conversation.
pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One step of it, on one of the device's connections.
pub(crate) struct Step {
    pub(crate) connection: usize,
    pub(crate) does: Does,
}

pub(crate) enum Does {
    /// The device sends this line, in which words of [`crate::stand_ins`] may stand.
    SendLine(String),
    /// The device sends these bytes.
    SendBytes(Vec<u8>),
    /// The hub sends a line like this.
    Expect(Value),
    /// The hub sends these bytes.
    ExpectBytes(Vec<u8>),
    /// The device closes the connection; what follows is on a new one.
    Close,
}

impl Transcript {
    pub(crate) fn is_over_tls(&self) -> bool {
        self.name.starts_with("over TLS")
    }

    /// All that the device sends on its first connections, until it closes one.
    pub(crate) fn sent(&self) -> Vec<u8> {
        let steps = self.steps.iter().filter(|step| step.connection == 1);
        let mut sent = Vec::new();
        for step in steps {
            match &step.does {
                Does::SendLine(line) => sent.extend_from_slice(format!("{line}\n").as_bytes()),
                Does::SendBytes(bytes) => sent.extend_from_slice(bytes),
                Does::Expect(_) | Does::ExpectBytes(_) => {}
                Does::Close => break,
            }
        }
        sent
    }
}

/// Every block of the documents that is marked as a transcript.
pub(crate) fn transcripts() -> Vec<Transcript> {
    let blocks = DOCUMENTS.map(|document| document.split("```transcript ").skip(1));
    blocks.into_iter().flatten().map(parse).collect()
}

fn parse(block: &str) -> Transcript {
    let (text, _) = block.split_once("\n```").expect("the block is closed");
    let (name, lines) = text.split_once('\n').expect("the block has lines");
    // HASH stands for the hash of all that is uploaded: it is computed here, not believed.
    let uploaded: Vec<u8> = lines
        .lines()
        .filter_map(|l| l.strip_prefix(">> "))
        .flat_map(bytes_of)
        .collect();
    let lines = lines.replace("HASH", &ContentHash::of(&uploaded).to_string());
    Transcript {
        name: name.to_owned(),
        steps: lines.lines().map(step).collect(),
    }
}

fn step(line: &str) -> Step {
    let (side, rest) = line.split_once(' ').expect("a line begins with its side");
    let (connection, side) = match side.strip_prefix('2') {
        Some(side) => (2, side),
        None => (1, side),
    };
    let does = match side {
        ">" => Does::SendLine(rest.to_owned()),
        ">>" => Does::SendBytes(bytes_of(rest)),
        "<" => Does::Expect(serde_json::from_str(rest).expect("an expected line is JSON")),
        "<<" => Does::ExpectBytes(bytes_of(rest)),
        "x" => Does::Close,
        _ => panic!("no side: {line}"),
    };
    Step { connection, does }
}

fn bytes_of(text: &str) -> Vec<u8> {
    let (text, times) = match text.split_once(" × ") {
        Some((text, times)) => (text, times.parse().expect("a number of times")),
        None => (text, 1),
    };
    text.replace("\\n", "\n").repeat(times).into_bytes()
}
