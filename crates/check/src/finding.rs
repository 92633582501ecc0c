//! The finding of one check.

use fleetlink_proto::{Escaped, EscapedBytes};
use serde::Serialize;

/// The most characters of one message that are shown.
const MAX_SHOWN: usize = 200;

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The program keeps the rule.
    Pass,
    /// The program breaks the rule.
    Fail,
    /// The check did not run.
    Skipped,
}

/// The finding of one check: the verdict and its evidence. All text is escaped when it is added,
/// because it may come from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    #[serde(rename = "result")]
    pub(super) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) came: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<Box<str>>,
    /// Nothing listens any more.
    #[serde(skip)]
    pub(super) gone: bool,
}

impl Finding {
    /// It is as it should be.
    pub fn pass() -> Self {
        Finding {
            verdict: Verdict::Pass,
            sent: None,
            came: None,
            expected: None,
            why: None,
            remark: None,
            gone: false,
        }
    }

    /// It is not; `why` says which rule is broken.
    pub fn fail(why: impl AsRef<str>) -> Self {
        Self::pass().but(why)
    }

    /// It was not looked at; `why` says what would be needed.
    pub fn skipped(why: impl AsRef<str>) -> Self {
        Finding {
            verdict: Verdict::Skipped,
            ..Self::fail(why)
        }
    }

    /// Nothing listens at the server's address: `error` says how that was found out. The plan
    /// reports it once, with the input that preceded it.
    pub fn gone(error: impl AsRef<str>) -> Self {
        Finding {
            gone: true,
            ..Self::fail(error)
        }
    }

    /// Passes where exactly `expected` came, and fails with `why` elsewhere.
    pub fn compare(came: &[u8], expected: &[u8], why: impl AsRef<str>) -> Self {
        let finding = if came == expected {
            Self::pass()
        } else {
            Self::fail(why)
        };
        finding.came(shown(came)).expected(shown(expected))
    }

    /// Makes a failure of what else is as it should be.
    pub fn but(self, why: impl AsRef<str>) -> Self {
        Finding {
            verdict: Verdict::Fail,
            why: Some(escaped(why.as_ref())),
            ..self
        }
    }

    /// The same, unless it is the server's death, which the plan explains.
    pub fn but_unless_gone(self, why: impl AsRef<str>) -> Self {
        if self.gone { self } else { self.but(why) }
    }

    /// Adds the bytes that were sent, by [`shown`], or a description of them.
    pub fn sent(mut self, what: impl AsRef<str>) -> Self {
        self.sent = Some(escaped(what.as_ref()));
        self
    }

    /// Adds the bytes that came, by [`shown`], or a description of them.
    pub fn came(mut self, what: impl AsRef<str>) -> Self {
        self.came = Some(escaped(what.as_ref()));
        self
    }

    /// Adds the bytes that should have come.
    pub fn expected(mut self, what: impl AsRef<str>) -> Self {
        self.expected = Some(escaped(what.as_ref()));
        self
    }

    /// Advice that changes no verdict.
    pub fn remark(mut self, what: impl AsRef<str>) -> Self {
        self.remark = Some(escaped(what.as_ref()));
        self
    }

    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether it was a failure.
    pub fn failed(&self) -> bool {
        self.verdict == Verdict::Fail
    }
}

fn escaped(text: &str) -> Box<str> {
    Escaped(text).to_string().into_boxed_str()
}

/// Bytes as a person can read them: what is no UTF-8 as `\xNN`, controls escaped, a long message
/// cut, and none at all as `(nothing)`.
pub fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(nothing)".to_owned();
    }
    let text = EscapedBytes(bytes).to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], bytes.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_any_bytes_safely() {
        assert_eq!(shown(b""), "(nothing)");
        assert_eq!(shown(b"caf\xc3\xa9\n\x1b[2J\xff"), "café\\n\\u{1b}[2J\\xff");
        let long = shown(&[b'x'; 5000]);
        assert!(long.ends_with("x… (5000 bytes)") && long.chars().count() < 220);
    }

    #[test]
    fn evidence_is_escaped_however_it_comes() {
        let finding = Finding::fail("no\u{1b}").came("a\nb").remark("c\r");
        assert_eq!(finding.why.as_deref(), Some("no\\u{1b}"));
        assert_eq!(finding.came.as_deref(), Some("a\\nb"));
        assert_eq!(finding.remark.as_deref(), Some("c\\r"));
        assert!(finding.failed());
    }

    #[test]
    fn compares_to_the_byte() {
        assert!(!Finding::compare(b"a", b"a", "the same").failed());
        assert!(Finding::compare(b"a\n", b"a", "one more").failed());
    }
}
