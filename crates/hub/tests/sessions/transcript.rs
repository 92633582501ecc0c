//! Transcripts as they stand in PROTOCOL.md.

use fleetlink_proto::ContentHash;
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../../PROTOCOL.md");

/// One conversation.
pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One step of it.
pub(crate) enum Step {
    /// The device sends these bytes.
    Send(Vec<u8>),
    /// The hub sends a line like this.
    Expect(Value),
    /// The hub sends these bytes.
    ExpectBytes(Vec<u8>),
}

impl Transcript {
    /// All that the device sends.
    pub(crate) fn sent(&self) -> Vec<u8> {
        let sent = self.steps.iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        sent.collect::<Vec<_>>().concat()
    }
}

/// Every block of PROTOCOL.md that is marked as a transcript.
pub(crate) fn transcripts() -> Vec<Transcript> {
    DOCUMENT
        .split("```transcript ")
        .skip(1)
        .map(parse)
        .collect()
}

fn parse(block: &str) -> Transcript {
    let (text, _) = block.split_once("\n```").expect("the block is closed");
    let (name, lines) = text.split_once('\n').expect("the block has lines");
    // HASH stands for the hash of all that is uploaded: it is computed here, not believed.
    let uploaded: Vec<u8> = lines
        .lines()
        .filter_map(|l| l.strip_prefix(">> "))
        .flat_map(unescape)
        .collect();
    let lines = lines.replace("HASH", &ContentHash::of(&uploaded).to_string());
    Transcript {
        name: name.to_owned(),
        steps: lines.lines().map(step).collect(),
    }
}

fn step(line: &str) -> Step {
    let (side, rest) = line.split_once(' ').expect("a line begins with its side");
    match side {
        ">" => Step::Send(format!("{rest}\n").into_bytes()),
        ">>" => Step::Send(unescape(rest)),
        "<" => Step::Expect(serde_json::from_str(rest).expect("an expected line is JSON")),
        "<<" => Step::ExpectBytes(unescape(rest)),
        _ => panic!("no side: {line}"),
    }
}

fn unescape(text: &str) -> Vec<u8> {
    text.replace("\\n", "\n").into_bytes()
}
