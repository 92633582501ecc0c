//! Finds the end of an unframed JSON object.

/// Looks for the end of one JSON object (RFC 8259) in bytes that arrive in pieces. It knows
/// nesting, strings and escapes; whether the object is good JSON is the parser's to say.
#[derive(Debug, Clone, Default)]
pub struct ObjectEnd {
    /// Objects and arrays that are open; bounded by the length of the message.
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ObjectEnd {
    /// Goes over the next piece. Where the object ends in it: how many of its bytes belong to the
    /// object.
    pub fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let end = piece.iter().position(|&byte| self.ends_with(byte))?;
        Some(end + 1)
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
        } else if self.in_string {
            match byte {
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    return self.depth == 0;
                }
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_at_every_split() {
        let object = br#"{"a{": "}\"\\", "b": [{"c": "]"}, "\\\"}"], "d": {}}"#;
        let message = [object, b"}rest\n".as_slice()].concat();
        for split in 0..=object.len() {
            let mut end = ObjectEnd::default();
            let (front, back) = message.split_at(split);
            let found = end
                .find(front)
                .or_else(|| end.find(back).map(|found| split + found));
            assert_eq!(found, Some(object.len()), "split at {split}");
        }
    }

    #[test]
    fn an_object_that_is_open_has_no_end() {
        for open in [r#"{"a": {}"#, r#"{"}"#, r#"{"a\"}"#, "{[}"] {
            assert_eq!(ObjectEnd::default().find(open.as_bytes()), None, "{open}");
        }
    }
}
