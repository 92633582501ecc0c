//! Messages in binary forms. Numbers are in network order.

use super::form::{Form, LineEnd, Utf};
use super::integer::Integer;
use super::limits::{MAX_NAME_BYTES, MAX_UTF_NAME_BYTES, MAX_UTF_TEXT_BYTES, STRUCT_NAME_BYTES};
use super::request::{BadRequest, Inexpressible};
use super::text_form;
use super::utf;

/// The bytes of a 16-bit length.
pub(super) const LENGTH_BYTES: usize = 2;
/// The bytes of a 32-bit integer.
pub(super) const INTEGER_BYTES: usize = 4;
/// The bytes of a request in the form of fixed size.
pub(super) const STRUCT_BYTES: usize = STRUCT_NAME_BYTES + INTEGER_BYTES;

/// The parts of a request.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) form: Form,
    pub(super) name: String,
    pub(super) number: Integer,
}

/// The bytes behind a 16-bit length that a message has to have, if the length is one.
pub(super) fn utf_length(bytes: &[u8]) -> Option<usize> {
    let [high, low, ..] = bytes else { return None };
    Some(usize::from(u16::from_be_bytes([*high, *low])))
}

/// Whether a text or a name can be so long.
pub(super) fn is_utf_length(length: usize) -> bool {
    (1..=MAX_UTF_TEXT_BYTES).contains(&length)
}

/// Reads a request that begins with a 16-bit length.
pub(super) fn parse_utf(bytes: &[u8]) -> Result<Parts, BadRequest> {
    let length = utf_length(bytes).filter(|&length| is_utf_length(length));
    let body = length.zip(bytes.get(LENGTH_BYTES..));
    let (string, rest) = body
        .and_then(|(length, body)| body.split_at_checked(length))
        .ok_or(BadRequest::Binary)?;
    let (text, utf) = utf::decode(string).ok_or(BadRequest::Binary)?;
    if rest.is_empty() {
        return utf_text(&text, utf);
    }
    let fits = string.len() <= MAX_UTF_NAME_BYTES && text.len() <= MAX_NAME_BYTES;
    let number = <[u8; INTEGER_BYTES]>::try_from(rest).ok();
    let number = number.filter(|_| fits).ok_or(BadRequest::Binary)?;
    Ok(Parts {
        form: Form::UtfInt(utf),
        name: text,
        number: integer(number),
    })
}

fn utf_text(text: &str, utf: Utf) -> Result<Parts, BadRequest> {
    let (line, line_end) = LineEnd::strip(text);
    let parts = text_form::parse_request(line).map_err(|_| BadRequest::Binary)?;
    if parts.name.len() > MAX_NAME_BYTES {
        return Err(BadRequest::Binary);
    }
    let mut form = parts.form;
    form.line_end = line_end;
    Ok(Parts {
        form: Form::UtfText(utf, form),
        name: parts.name.to_owned(),
        number: parts.number,
    })
}

/// Whether bytes, the first of which is no zero, are or can become the form of fixed size.
pub(super) fn is_struct_so_far(bytes: &[u8]) -> bool {
    let field = &bytes[..bytes.len().min(STRUCT_NAME_BYTES)];
    let name_end = field.iter().position(|&byte| byte == 0);
    name_end.is_some_and(|end| {
        let (name, padding) = field.split_at(end);
        str::from_utf8(name).is_ok() && padding.iter().all(|&byte| byte == 0)
    })
}

/// Reads a request in the form of fixed size.
pub(super) fn parse_struct(bytes: &[u8]) -> Result<Parts, BadRequest> {
    let (name, rest) = struct_name(bytes).ok_or(BadRequest::Binary)?;
    let number = <[u8; INTEGER_BYTES]>::try_from(rest).map_err(|_| BadRequest::Binary)?;
    Ok(Parts {
        form: Form::Struct256,
        name,
        number: integer(number),
    })
}

/// The name in a field of fixed size, and what follows the field.
pub(super) fn struct_name(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (field, rest) = bytes.split_at_checked(STRUCT_NAME_BYTES)?;
    let end = field.iter().position(|&byte| byte == 0)?;
    let name = str::from_utf8(&field[..end]).ok()?;
    (is_struct_so_far(field) && end > 0).then(|| (name.to_owned(), rest))
}

/// An integer of 32 bits.
pub(super) fn integer(bytes: [u8; INTEGER_BYTES]) -> Integer {
    i128::from(i32::from_be_bytes(bytes)).into()
}

/// Writes a string behind its length.
pub(super) fn encode_utf(text: &str, utf: Utf, most: usize) -> Result<Vec<u8>, Inexpressible> {
    let bytes = utf::encode(text, utf);
    let length = u16::try_from(bytes.len()).ok();
    let length = length.filter(|_| (1..=most).contains(&bytes.len()));
    let length = length.ok_or(Inexpressible::Length(most))?;
    Ok([&length.to_be_bytes()[..], &bytes].concat())
}

/// Writes a name into a field of fixed size.
pub(super) fn encode_struct_name(name: &str) -> Result<Vec<u8>, Inexpressible> {
    let mut field = name.as_bytes().to_vec();
    if field.is_empty() || field.len() >= STRUCT_NAME_BYTES {
        return Err(Inexpressible::Length(STRUCT_NAME_BYTES - 1));
    }
    field.resize(STRUCT_NAME_BYTES, 0);
    Ok(field)
}

/// Writes integers of 32 bits.
pub(super) fn encode_integers(numbers: &[&Integer]) -> Result<Vec<u8>, Inexpressible> {
    let mut bytes = Vec::new();
    for number in numbers {
        let number = number.to_i32().ok_or(Inexpressible::Number)?;
        bytes.extend(number.to_be_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_struct(name: &[u8], number: i32) -> Vec<u8> {
        let mut bytes = name.to_vec();
        bytes.resize(STRUCT_NAME_BYTES, 0);
        [bytes, number.to_be_bytes().to_vec()].concat()
    }

    fn shown(parts: Result<Parts, BadRequest>) -> Result<(String, String, String), BadRequest> {
        let parts = parts?;
        let form = parts.form.to_string();
        Ok((form, parts.name, parts.number.to_string()))
    }

    #[test]
    fn a_length_a_name_and_an_integer() {
        for (bytes, name, number) in [
            (&b"\0\x03bob\0\0\0\x05"[..], "bob", "5"),
            (b"\0\x03bob\xff\xff\xff\xfb", "bob", "-5"),
            (b"\0\x05a;1:b\x80\0\0\0", "a;1:b", "-2147483648"),
            (b"\0\x04a\xc0\x80b\0\0\0\x0a", "a\0b", "10"),
            (
                b"\0\x06\xed\xa0\xbe\xed\xb6\x80\0\0\0\x01",
                "\u{1f980}",
                "1",
            ),
        ] {
            let (form, n, i) = shown(parse_utf(bytes)).unwrap();
            assert_eq!(form, Form::UTF_INT.to_string());
            assert_eq!((n.as_str(), i.as_str()), (name, number));
        }
        let longest = [&[1, 0], &[b'x'; 256][..], &[0, 0, 0, 7]].concat();
        assert!(parse_utf(&longest).is_ok());
        let longer = [&[1, 1], &[b'x'; 257][..], &[0, 0, 0, 7]].concat();
        assert_eq!(shown(parse_utf(&longer)), Err(BadRequest::Binary));
    }

    #[test]
    fn a_length_and_a_text_that_nothing_follows() {
        let (form, name, number) = shown(parse_utf(b"\0\x05bob;5")).unwrap();
        assert_eq!(form, Form::UTF_TEXT.to_string());
        assert_eq!((name.as_str(), number.as_str()), ("bob", "5"));
        let seeds = parse_utf(b"\0\x0eClient of a: 5").unwrap();
        assert!(!seeds.form.is_seeds(), "only the seeds' bytes are");
        for bytes in [
            &b"\0\x05bob;5\0"[..],
            b"\0\x03bob",
            b"\0\x05bob;",
            b"\0\0",
            b"\0\0\0\0\0\x05",
            b"\0",
            b"\0\x03bob\0\0\0\x05\0",
            b"\x04\0bob;5",
        ] {
            assert_eq!(
                shown(parse_utf(bytes)),
                Err(BadRequest::Binary),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn a_name_in_a_field_of_fixed_size() {
        let (_, name, number) =
            shown(parse_struct(&of_struct("Zo\u{eb} 1,2".as_bytes(), -5))).unwrap();
        assert_eq!((name.as_str(), number.as_str()), ("Zo\u{eb} 1,2", "-5"));
        assert!(parse_struct(&of_struct(&[b'x'; 255], 1)).is_ok());
        for bad in [
            of_struct(&[b'x'; 256], 1),
            of_struct(b"bob\0x", 1),
            of_struct(b"", 1),
            of_struct(b"\xff", 1),
            of_struct(b"bob", 1)[..259].to_vec(),
        ] {
            assert_eq!(shown(parse_struct(&bad)), Err(BadRequest::Binary));
        }
    }
}
