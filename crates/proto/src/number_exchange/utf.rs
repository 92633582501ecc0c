//! Strings behind a 16-bit length: UTF-8, and the modified UTF-8 of Java's `writeUTF`.

use super::form::Utf;

/// Reads a string in either encoding, and says which it is; where nothing tells them apart, Java's.
/// None where it is in neither.
pub(super) fn decode(bytes: &[u8]) -> Option<(String, Utf)> {
    // In both of them a NUL would be ambiguous: Java never writes one, and a name in a field of
    // fixed size is full of them.
    if bytes.contains(&0) {
        return None;
    }
    if let Ok(text) = str::from_utf8(bytes) {
        let beyond = text.chars().any(|c| c > '\u{ffff}');
        let utf = if beyond { Utf::Standard } else { Utf::Modified };
        return Some((text.to_owned(), utf));
    }
    let units = units(bytes)?;
    let text = String::from_utf16(&units).ok()?;
    Some((text, Utf::Modified))
}

/// The UTF-16 code units of modified UTF-8, each in one to three bytes.
fn units(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    while let Some(first) = bytes.first() {
        let low = |byte: u8| (byte & 0xc0 == 0x80).then_some(u16::from(byte & 0x3f));
        let (unit, rest) = match (*first, &bytes[1..]) {
            (0x01..=0x7f, rest) => (u16::from(*first), rest),
            (0xc0..=0xdf, [second, rest @ ..]) => {
                let unit = u16::from(first & 0x1f) << 6 | low(*second)?;
                // Of what fits into one byte, NUL alone is written in two.
                (Some(unit).filter(|&u| u == 0 || u >= 0x80)?, rest)
            }
            (0xe0..=0xef, [second, third, rest @ ..]) => {
                let high = u16::from(first & 0x0f) << 12;
                let unit = high | low(*second)? << 6 | low(*third)?;
                (Some(unit).filter(|&u| u >= 0x800)?, rest)
            }
            _ => return None,
        };
        units.push(unit);
        bytes = rest;
    }
    Some(units)
}

/// Writes a string.
pub(super) fn encode(text: &str, utf: Utf) -> Vec<u8> {
    match utf {
        Utf::Standard => text.as_bytes().to_vec(),
        Utf::Modified => text.encode_utf16().flat_map(modified).collect(),
    }
}

fn modified(unit: u16) -> impl Iterator<Item = u8> {
    let [six, twelve, rest] = [unit & 0x3f, unit >> 6 & 0x3f, unit >> 12];
    let byte = |mark: u8, bits: u16| mark | u8::try_from(bits).unwrap_or(0);
    let (bytes, count) = match unit {
        1..=0x7f => ([byte(0, unit), 0, 0], 1),
        0 | 0x80..=0x7ff => ([byte(0xc0, unit >> 6), byte(0x80, six), 0], 2),
        _ => {
            let bytes = [byte(0xe0, rest), byte(0x80, twelve), byte(0x80, six)];
            (bytes, 3)
        }
    };
    bytes.into_iter().take(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn the_bytes_of_javas_write_utf() {
        let crab = [0xed, 0xa0, 0xbe, 0xed, 0xb6, 0x80];
        for (text, bytes) in [
            ("A\u{1}\u{7f}", &b"A\x01\x7f"[..]),
            ("\0", b"\xc0\x80"),
            ("Zo\u{eb}", b"Zo\xc3\xab"),
            ("\u{6f22}", b"\xe6\xbc\xa2"),
            ("\u{1f980}", &crab),
        ] {
            assert_eq!(encode(text, Utf::Modified), bytes);
            assert_eq!(decode(bytes), Some((text.to_owned(), Utf::Modified)));
        }
        let standard = "\u{1f980}".as_bytes();
        let told = Some(("\u{1f980}".to_owned(), Utf::Standard));
        assert_eq!(decode(standard), told);
    }

    #[test]
    fn what_is_in_neither_encoding_is_refused() {
        for bytes in [
            &b"\0"[..],
            b"a\0",
            b"\xff",
            b"\xc1\x81",
            b"\xc0\x81",
            b"\xe0\x80\x80",
            b"\xc3",
            b"\xe6\xbc",
            b"\xc3\x41",
            b"\xed\xa0\xbe",
            b"\xed\xb6\x80\xed\xa0\xbe",
            b"\xc0\x80\xf0\x9f\xa6\x80",
        ] {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(text in any::<String>()) {
            let modified = encode(&text, Utf::Modified);
            assert_eq!(decode(&modified).map(|(text, _)| text), Some(text.clone()));
            if !text.contains('\0') {
                let standard = encode(&text, Utf::Standard);
                assert_eq!(decode(&standard).map(|(text, _)| text), Some(text));
            }
        }
    }
}
