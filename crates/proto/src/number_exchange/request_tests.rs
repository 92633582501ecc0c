//! Requests of every form, read and written.

use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::strategy::{Just, Union};

use super::*;
use crate::number_exchange::form::{Blanks, Separator, Utf};

fn request(form: Form, name: &str, number: i128) -> Request {
    Request {
        form,
        name: Name::of_peer(name),
        number: number.into(),
    }
}

/// The bytes of every form, written by hand.
fn examples() -> Vec<(Form, Vec<u8>)> {
    let mut fixed = b"bob".to_vec();
    fixed.resize(256, 0);
    fixed.extend([0, 0, 0, 25]);
    vec![
        (Form::TEXT, b"Client of bob: 25".to_vec()),
        (
            Form::JSON,
            br#"{"client_name": "bob", "client_number": 25}"#.to_vec(),
        ),
        (
            Form::JSON_NAME,
            br#"{"name": "bob", "number": 25}"#.to_vec(),
        ),
        (Form::COLON, b"bob:25".to_vec()),
        (Form::COMMA, b"bob,25".to_vec()),
        (Form::SEMICOLON, b"bob;25".to_vec()),
        (Form::PIPE, b"bob|25".to_vec()),
        (Form::BLANK, b"bob 25".to_vec()),
        (Form::UTF_INT, b"\0\x03bob\0\0\0\x19".to_vec()),
        (Form::UTF_TEXT, b"\0\x06bob;25".to_vec()),
        (Form::STRUCT256, fixed),
    ]
}

#[test]
fn the_bytes_of_every_form() {
    let examples = examples();
    assert_eq!(examples.len(), Form::NAMED.len());
    for (form, bytes) in examples {
        let request = request(form, "bob", 25);
        assert_eq!(request.encode(), Ok(bytes.clone()), "{form}");
        assert_eq!(Request::parse(&bytes), Ok(request));
    }
}

#[test]
fn a_line_end_belongs_to_the_form() {
    for (form, bytes) in examples() {
        for line_end in [LineEnd::Lf, LineEnd::CrLf] {
            let with_end = [&bytes, line_end.as_str().as_bytes()].concat();
            let read = Request::parse(&with_end);
            match form {
                Form::Text(_) | Form::Json(_) => {
                    let request = request(form.ending(line_end), "bob", 25);
                    assert_eq!(request.encode(), Ok(with_end));
                    assert_eq!(read, Ok(request));
                }
                _ => assert_eq!(read, Err(BadRequest::Binary), "{form}"),
            }
        }
    }
    let inside = Request::parse(b"\0\x06bob;5\n").unwrap();
    assert_eq!(inside.encode(), Ok(b"\0\x06bob;5\n".to_vec()));
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    for (bytes, why) in [
        (&b""[..], BadRequest::Form),
        (b"nonsense", BadRequest::Form),
        (b"HELLO 1234", BadRequest::Form),
        (b"Client of x: 1.5", BadRequest::Number),
        (b"Client of \xff: 5", BadRequest::NotUtf8),
        (b"{\"name\": \"\xff\", \"number\": 5}", BadRequest::NotUtf8),
        (b"\0\xff\xfe\x80Client", BadRequest::Binary),
        (b"bob,5\0", BadRequest::Binary),
    ] {
        assert_eq!(Request::parse(bytes), Err(why));
    }
    let cut = Request::parse(br#"{"name": "a""#);
    assert!(matches!(cut, Err(BadRequest::Json(_))));
}

#[test]
fn what_a_form_cannot_say_is_not_written() {
    let refused = |form: Form, name: &str, number| request(form, name, number).encode().err();
    for form in [
        Form::COLON,
        Form::COMMA,
        Form::SEMICOLON,
        Form::PIPE,
        Form::UTF_TEXT,
    ] {
        let title = Some(Inexpressible::Title);
        assert_eq!(refused(form, "Client of bob", 5), title, "{form}");
        assert_eq!(refused(form, "", 5), Some(Inexpressible::Empty));
    }
    for name in [
        "two words",
        "HELLO",
        "bob:",
        "bob,",
        "bob;",
        "bob|",
        "a\u{a0}b",
    ] {
        assert_eq!(refused(Form::BLANK, name, 5), Some(Inexpressible::Word));
    }
    assert_eq!(refused(Form::COMMA, "{a}", 5), Some(Inexpressible::Title));
    assert_eq!(
        refused(Form::STRUCT256, "{a}", 5),
        Some(Inexpressible::Title)
    );
    let long = "x".repeat(256);
    let length = Some(Inexpressible::Length(255));
    assert_eq!(refused(Form::STRUCT256, &long, 5), length);
    assert_eq!(refused(Form::UTF_INT, &long, 5), None);
    let number = Some(Inexpressible::Number);
    for form in [Form::UTF_INT, Form::STRUCT256] {
        assert_eq!(refused(form, "bob", 1 << 31), number);
        assert_eq!(refused(form, "bob", -(1 << 31)), None);
    }
    assert_eq!(refused(Form::COMMA, "bob", i128::MAX), None);
}

/// Forms in all their variety, those with names among them.
fn any_form() -> impl Strategy<Value = Form> {
    let named = prop::sample::select(Form::NAMED.map(|(_, form)| form).to_vec());
    let line_end = prop::sample::select(vec![LineEnd::None, LineEnd::Lf, LineEnd::CrLf]);
    let separator = prop::sample::select(vec![
        Separator::Colon,
        Separator::Comma,
        Separator::Semicolon,
        Separator::Pipe,
    ]);
    let text = (any::<bool>(), separator, 0..4_u8, any::<bool>());
    let text = text.prop_map(|(titled, separator, count, tabs)| {
        let tabs = tabs && count > 0;
        // Behind the title, a colon and blanks are the seeds' form, which has one blank.
        let count = if titled && !tabs && count > 1 {
            1
        } else {
            count
        };
        TextForm {
            titled,
            separator,
            blanks: Blanks { count, tabs },
            line_end: LineEnd::None,
        }
    });
    let inside = text
        .clone()
        .prop_map(|text| Form::UtfText(Utf::Modified, text));
    let forms = Union::new([
        named.boxed(),
        text.prop_map(Form::Text).boxed(),
        inside.boxed(),
        Just(Form::TEXT).boxed(),
    ]);
    (forms, line_end).prop_map(|(form, line_end)| form.ending(line_end))
}

/// Names as people give them: words, blanks, dots, separators, quotes, other scripts.
fn any_name() -> impl Strategy<Value = String> {
    let words = "[A-Za-z0-9.\u{eb}\u{6f22}\u{1f980}_-]{1,8}( [A-Za-z0-9.:,;|\u{eb}]{1,6}){0,4}";
    let strange = "[^\\p{Cc}]{1,60}";
    Union::new([words.boxed(), strange.boxed()])
}

/// Whether `docs/number-exchange.md` lists the name among those that the form cannot express.
fn is_exception(form: Form, name: &str) -> bool {
    let plain = |text: TextForm| {
        let title = name.starts_with("Client of ") || name.starts_with("Server of ");
        let word = !name.contains(char::is_whitespace) && name != "HELLO";
        let sign = name.ends_with([':', ',', ';', '|']);
        match text.titled {
            true => !text.is_seeds() && name.contains(": "),
            false => title || text.separator == Separator::Blank && (!word || sign),
        }
    };
    match form {
        Form::Text(text) => plain(text) || !text.titled && name.starts_with('{'),
        Form::UtfText(_, text) => plain(text),
        Form::Struct256 => name.starts_with('{') || name.len() > 255,
        Form::Json(_) | Form::UtfInt(_) => false,
    }
}

proptest! {
    #[test]
    fn names_survive_every_form(form in any_form(), name in any_name(), number in any::<i32>()) {
        let request = request(form, &name, number.into());
        match request.encode() {
            Ok(bytes) => assert_eq!(Request::parse(&bytes), Ok(request)),
            Err(_) => assert!(is_exception(form, &name), "{form}: {name}"),
        }
        if is_exception(form, &name) {
            assert!(request_is_refused(form, &name), "{form}: {name}");
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(request) = Request::parse(&bytes) {
            // What was read can be written, and is read in the same way.
            let again = request.encode().map(|bytes| Request::parse(&bytes));
            assert_eq!(again, Ok(Ok(request)));
        }
    }
}

fn request_is_refused(form: Form, name: &str) -> bool {
    request(form, name, 5).encode().is_err()
}
