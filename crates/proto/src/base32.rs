//! Base32 without padding (RFC 4648, section 6), in lower case; read in either case.

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Adds the digits of these bytes.
pub(crate) fn encode(bytes: &[u8], text: &mut String) {
    let (mut held, mut count) = (0u16, 0);
    let mut put = |digit: u16| text.push(char::from(ALPHABET[usize::from(digit & 31)]));
    for &byte in bytes {
        held = held << 8 | u16::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            put(held >> count);
        }
        held &= (1 << count) - 1;
    }
    if count > 0 {
        put(held << (5 - count));
    }
}

/// Reads digits one by one; what they say must be asked for at the end.
#[derive(Default)]
pub(crate) struct Decoder {
    held: u16,
    count: u32,
}

impl Decoder {
    /// Takes one digit; the byte that it completes, if it does. `None` where it is no digit.
    pub(crate) fn digit(&mut self, digit: char) -> Option<Option<u8>> {
        let digit = u8::try_from(digit).ok()?.to_ascii_lowercase();
        let value = ALPHABET.iter().position(|&known| known == digit)?;
        self.held = self.held << 5 | u16::try_from(value).ok()?;
        self.count += 5;
        if self.count < 8 {
            return Some(None);
        }
        self.count -= 8;
        let byte = u8::try_from(self.held >> self.count).ok();
        self.held &= (1 << self.count) - 1;
        byte.map(Some)
    }

    /// Whether the digits end where bytes end: fewer than five bits are left, and none is set. So
    /// the same bytes have one spelling.
    pub(crate) fn is_whole(&self) -> bool {
        self.count < 5 && self.held == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut text = String::new();
        encode(bytes, &mut text);
        text
    }

    fn decode(text: &str) -> Option<Vec<u8>> {
        let mut decoder = Decoder::default();
        let mut bytes = Vec::new();
        for digit in text.chars() {
            bytes.extend(decoder.digit(digit)?);
        }
        decoder.is_whole().then_some(bytes)
    }

    #[test]
    fn spells_the_examples_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(encoded(bytes.as_bytes()), text);
            assert_eq!(decode(&text.to_uppercase()), Some(bytes.into()));
        }
        for wrong in ["m", "mz0", "mzx", "mr", "é", "mz="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_the_only_one_of_its_bytes(text in "[a-z2-7]{0,40}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encoded(&bytes), text);
            }
        }

        #[test]
        fn all_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&encoded(&bytes)), Some(bytes));
        }
    }
}
