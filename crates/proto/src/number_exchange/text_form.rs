//! Messages in text.

use super::form::{Blanks, LineEnd, Separator, TextForm};
use super::integer::Integer;
use super::request::{BadRequest, Inexpressible};

/// The start of a request in the seeds' form.
pub(super) const CLIENT: &str = "Client of ";
/// The start of its reply.
pub(super) const SERVER: &str = "Server of ";
/// A word that begins a request of the lease protocol: its client has come to the wrong port.
const LEASE_WORD: &str = "HELLO";

/// A name, what separates it, and the number at the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) form: TextForm,
    pub(super) name: &'a str,
    pub(super) number: Integer,
}

/// Reads a request, without its line end.
pub(super) fn parse_request(text: &str) -> Result<Parts<'_>, BadRequest> {
    if let Some(rest) = text.strip_prefix(CLIENT) {
        return match seeds(rest) {
            Some(parts) => parts,
            None => named(Parts::split(rest, true)?),
        };
    }
    let parts = named(Parts::split(text, false)?)?;
    if parts.form.separator == Separator::Blank && !is_word(parts.name) {
        return Err(BadRequest::Form);
    }
    Ok(parts)
}

fn named(parts: Parts<'_>) -> Result<Parts<'_>, BadRequest> {
    if parts.name.is_empty() {
        return Err(BadRequest::Form);
    }
    Ok(parts)
}

/// Whether the name is one word, as it must be if only blanks separate it from the number:
/// otherwise any sentence that ends with a number would be a request.
fn is_word(name: &str) -> bool {
    name != LEASE_WORD && !name.contains(char::is_whitespace)
}

/// Reads what stands behind the title in the seeds' form, if it is that: the number is behind the
/// last `: `, whatever else there is.
pub(super) fn seeds(rest: &str) -> Option<Result<Parts<'_>, BadRequest>> {
    let (name, number) = rest.rsplit_once(": ")?;
    let number = number.trim_ascii().parse();
    Some(number.map_err(|_| BadRequest::Number).map(|number| Parts {
        form: TextForm::SEEDS,
        name,
        number,
    }))
}

impl<'a> Parts<'a> {
    /// Splits at the last separator, which stands in front of the number at the end. A separator
    /// that is a sign wins over blanks behind it.
    pub(super) fn split(text: &'a str, titled: bool) -> Result<Self, BadRequest> {
        let text = text.trim_ascii_end();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let before = digits.strip_suffix(['-', '+']).unwrap_or(digits);
        let number = text[before.len()..].parse();
        let front = before.trim_end_matches([' ', '\t']);
        let blanks = &before[front.len()..];
        let sign = front.chars().next_back().and_then(Separator::of);
        let (name, separator) = match sign {
            // Every one is a single byte.
            Some(separator) => (&front[..front.len() - 1], separator),
            None if !blanks.is_empty() => (front, Separator::Blank),
            None => return Err(BadRequest::Form),
        };
        Ok(Parts {
            form: TextForm {
                titled,
                separator,
                blanks: Blanks::of(blanks),
                line_end: LineEnd::None,
            },
            name,
            number: number.map_err(|_| BadRequest::Number)?,
        })
    }
}

/// Writes a message; `title` is for the forms that have one.
pub(super) fn encode(form: TextForm, title: &str, name: &str, numbers: &[&Integer]) -> String {
    let title = if form.titled { title } else { "" };
    let mut text = format!("{title}{name}");
    for number in numbers {
        text += form.separator.as_str();
        text += &form.blanks.to_string();
        text += &number.to_string();
    }
    text
}

/// Whether a request's name is read again as it is written in this form.
pub(super) fn expressible(form: TextForm, name: &str) -> Result<(), Inexpressible> {
    let seeds = form.is_seeds();
    if !seeds && name.is_empty() {
        return Err(Inexpressible::Empty);
    }
    if form.titled {
        return match name.contains(": ") && !seeds {
            true => Err(Inexpressible::Title),
            false => Ok(()),
        };
    }
    if name.starts_with(CLIENT) || name.starts_with(SERVER) {
        return Err(Inexpressible::Title);
    }
    if form.separator == Separator::Blank {
        let ends_with_sign = name.ends_with([':', ',', ';', '|']);
        if ends_with_sign || !is_word(name) {
            return Err(Inexpressible::Word);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, String), BadRequest> {
        let parts = parse_request(text)?;
        let (name, number) = (parts.name.to_owned(), parts.number.to_string());
        Ok((parts.form.to_string(), name, number))
    }

    fn good(form: &str, name: &str, number: &str) -> Result<(String, String, String), BadRequest> {
        Ok((form.to_owned(), name.to_owned(), number.to_owned()))
    }

    #[test]
    fn every_separator_with_and_without_a_title_and_a_blank() {
        for separator in [":", ",", ";", "|"] {
            for blank in ["", " ", "   ", "\t"] {
                let form = format!("name{separator}{blank}number");
                let request = format!("A Client{separator}{blank}25");
                assert_eq!(read(&request), good(&form, "A Client", "25"));
                let request = format!("Client of {request}");
                let form = match (separator, blank) {
                    // That is the seeds' form, where the number is trimmed.
                    (":", "   ") => "Client of name: number".to_owned(),
                    _ => format!("Client of {form}"),
                };
                assert_eq!(read(&request), good(&form, "A Client", "25"));
            }
        }
        assert_eq!(read("bob  7"), good("name  number", "bob", "7"));
        let titled = read("Client of A Client 7");
        assert_eq!(titled, good("Client of name number", "A Client", "7"));
    }

    #[test]
    fn the_number_is_behind_the_last_separator() {
        for (text, form, name, number) in [
            ("a:b,5", "name,number", "a:b", "5"),
            ("a,b: 5", "name: number", "a,b", "5"),
            ("a,5,6", "name,number", "a,5", "6"),
            ("a ; 5 ", "name; number", "a ", "5"),
            ("v1.2 of Zo\u{eb}|5", "name|number", "v1.2 of Zo\u{eb}", "5"),
            ("a -5", "name number", "a", "-5"),
            ("a,-5", "name,number", "a", "-5"),
            ("a, -5", "name, number", "a", "-5"),
            ("a:+5", "name:number", "a", "5"),
            ("Client of a,b;5", "Client of name;number", "a,b", "5"),
        ] {
            assert_eq!(read(text), good(form, name, number), "{text}");
        }
        let huge = "9".repeat(60);
        let text = format!("a;{huge}");
        assert_eq!(read(&text), good("name;number", "a", &huge));
    }

    #[test]
    fn behind_the_title_a_colon_with_a_blank_is_the_only_separator() {
        for (name, number) in [("a,1: b", "5"), ("a: 1: b", "-7"), ("", "3")] {
            let text = format!("Client of {name}: {number}");
            assert_eq!(read(&text), good("Client of name: number", name, number));
        }
        for text in ["Client of a: b,5", "Client of a: b 5", "Client of a: "] {
            assert_eq!(read(text), Err(BadRequest::Number), "{text}");
        }
    }

    #[test]
    fn what_has_no_form_is_refused() {
        for text in [
            "",
            "nonsense",
            "5",
            " 5",
            ",5",
            "a-5",
            "a--5",
            "a,--5",
            "a - 5",
            "a5",
            "two words 5",
            "two\u{a0}words 5",
            "HELLO 1234",
            "HELLO  -5",
            "GET / HTTP/1.1",
            "a,1.5",
            "a;5 apples",
            "Client of a",
            "Client of 5",
            "Client of ,5",
            "a,\u{663}",
        ] {
            assert_eq!(read(text), Err(BadRequest::Form), "{text}");
        }
        assert_eq!(read("a,"), Err(BadRequest::Number));
        assert_eq!(read("a, -"), Err(BadRequest::Number));
    }
}
