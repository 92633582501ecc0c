//! The forms of the number exchange's messages.

use std::fmt;

use super::limits::MAX_UTF_TEXT_BYTES;

/// The written form of a message, which a reply takes over from its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `Client of <name>: <integer>`, `<name>,<integer>`, and what is between them.
    Text(TextForm),
    /// An object with a name and a number.
    Json(JsonForm),
    /// A 16-bit length, the name and a 32-bit integer, in network order.
    UtfInt(Utf),
    /// A 16-bit length and a text form, in network order.
    UtfText(Utf, TextForm),
    /// The name in 256 bytes, filled up with zeros, and a 32-bit integer in network order.
    Struct256,
}

/// A form in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextForm {
    /// Whether it begins with `Client of ` or `Server of `.
    pub titled: bool,
    /// The separator between name and number.
    pub separator: Separator,
    /// The blanks between the separator and the number.
    pub blanks: Blanks,
    /// The line end.
    pub line_end: LineEnd,
}

/// A form in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JsonForm {
    /// The keys of name and number.
    pub keys: JsonKeys,
    /// The line end.
    pub line_end: LineEnd,
}

/// The sign between a name and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Separator {
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `|`
    Pipe,
    /// Only blanks.
    Blank,
}

impl Separator {
    /// The separator that a character is.
    pub(super) fn of(character: char) -> Option<Self> {
        match character {
            ':' => Some(Separator::Colon),
            ',' => Some(Separator::Comma),
            ';' => Some(Separator::Semicolon),
            '|' => Some(Separator::Pipe),
            _ => None,
        }
    }

    /// As it is written, without the blanks behind it.
    pub fn as_str(self) -> &'static str {
        match self {
            Separator::Colon => ":",
            Separator::Comma => ",",
            Separator::Semicolon => ";",
            Separator::Pipe => "|",
            Separator::Blank => "",
        }
    }
}

/// Blanks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blanks {
    /// Their number.
    pub count: u8,
    /// Whether they are tabulators.
    pub tabs: bool,
}

impl Blanks {
    /// Not one.
    pub const NONE: Blanks = Blanks::spaces(0);
    /// A single space.
    pub const ONE: Blanks = Blanks::spaces(1);

    const fn spaces(count: u8) -> Self {
        Blanks { count, tabs: false }
    }

    /// The blanks in a message; where they differ the first says what they are.
    pub(super) fn of(text: &str) -> Self {
        Blanks {
            count: u8::try_from(text.len()).unwrap_or(u8::MAX),
            tabs: text.starts_with('\t'),
        }
    }
}

impl fmt::Display for Blanks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.tabs { "\t" } else { " " };
        f.write_str(&blank.repeat(usize::from(self.count)))
    }
}

/// The end of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// Nothing.
    #[default]
    None,
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

impl LineEnd {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            LineEnd::None => "",
            LineEnd::Lf => "\n",
            LineEnd::CrLf => "\r\n",
        }
    }

    /// The line end with which these bytes begin.
    pub(super) fn at_start(bytes: &[u8]) -> Self {
        match bytes {
            [b'\n', ..] => LineEnd::Lf,
            [b'\r', b'\n', ..] => LineEnd::CrLf,
            _ => LineEnd::None,
        }
    }

    /// Takes the line end off the end of a text.
    pub(super) fn strip(text: &str) -> (&str, Self) {
        if let Some(line) = text.strip_suffix("\r\n") {
            (line, LineEnd::CrLf)
        } else if let Some(line) = text.strip_suffix('\n') {
            (line, LineEnd::Lf)
        } else {
            (text, LineEnd::None)
        }
    }
}

/// The JSON keys of a name and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKeys {
    /// `client_name`, `client_number`, `server_name` and `server_number`.
    Sided,
    /// `name` and `number`, on both sides.
    Plain,
}

/// The encoding of a name behind a 16-bit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Utf {
    /// As Java's `writeUTF` does: NUL in two bytes, surrogate pairs in six.
    Modified,
    /// UTF-8.
    Standard,
}

impl TextForm {
    const fn new(titled: bool, separator: Separator, blanks: Blanks) -> Self {
        TextForm {
            titled,
            separator,
            blanks,
            line_end: LineEnd::None,
        }
    }

    const fn plain(separator: Separator) -> Self {
        Self::new(false, separator, Blanks::NONE)
    }

    /// `Client of <name>: <integer>`.
    pub const SEEDS: TextForm = TextForm::new(true, Separator::Colon, Blanks::ONE);

    /// Whether that is the form, whatever ends it.
    pub fn is_seeds(self) -> bool {
        let line_end = LineEnd::None;
        TextForm { line_end, ..self } == TextForm::SEEDS
    }
}

impl Form {
    /// `Client of <name>: <integer>`.
    pub const TEXT: Form = Form::Text(TextForm::SEEDS);
    /// `{"client_name": "<name>", "client_number": <integer>}`.
    pub const JSON: Form = Form::json(JsonKeys::Sided);
    /// `{"name": "<name>", "number": <integer>}`.
    pub const JSON_NAME: Form = Form::json(JsonKeys::Plain);
    /// `<name>:<integer>`.
    pub const COLON: Form = Form::Text(TextForm::plain(Separator::Colon));
    /// `<name>,<integer>`.
    pub const COMMA: Form = Form::Text(TextForm::plain(Separator::Comma));
    /// `<name>;<integer>`.
    pub const SEMICOLON: Form = Form::Text(TextForm::plain(Separator::Semicolon));
    /// `<name>|<integer>`.
    pub const PIPE: Form = Form::Text(TextForm::plain(Separator::Pipe));
    /// `<name> <integer>`.
    pub const BLANK: Form = Form::Text(TextForm::new(false, Separator::Blank, Blanks::ONE));
    /// A length, the name and an integer.
    pub const UTF_INT: Form = Form::UtfInt(Utf::Modified);
    /// A length and `<name>;<integer>`.
    pub const UTF_TEXT: Form = Form::UtfText(Utf::Modified, TextForm::plain(Separator::Semicolon));
    /// A name of fixed size and an integer.
    pub const STRUCT256: Form = Form::Struct256;

    /// The forms that have a name, which a client can be told to speak.
    pub const NAMED: [(&'static str, Form); 11] = [
        ("text", Form::TEXT),
        ("json", Form::JSON),
        ("json-name", Form::JSON_NAME),
        ("colon", Form::COLON),
        ("comma", Form::COMMA),
        ("semicolon", Form::SEMICOLON),
        ("pipe", Form::PIPE),
        ("blank", Form::BLANK),
        ("utf-int", Form::UTF_INT),
        ("utf-text", Form::UTF_TEXT),
        ("struct256", Form::STRUCT256),
    ];

    const fn json(keys: JsonKeys) -> Form {
        Form::Json(JsonForm {
            keys,
            line_end: LineEnd::None,
        })
    }

    /// The form with this name.
    pub fn named(name: &str) -> Option<Form> {
        let mut named = Form::NAMED.iter();
        named.find(|(n, _)| *n == name).map(|(_, form)| *form)
    }

    /// The name of this form, or of the nearest that has one: blanks, line ends and what is inside
    /// a length make no difference.
    pub fn name(&self) -> &'static str {
        match self {
            Form::Text(text) if text.is_seeds() => "text",
            Form::Text(text) => match text.separator {
                Separator::Colon => "colon",
                Separator::Comma => "comma",
                Separator::Semicolon => "semicolon",
                Separator::Pipe => "pipe",
                Separator::Blank => "blank",
            },
            Form::Json(json) => match json.keys {
                JsonKeys::Sided => "json",
                JsonKeys::Plain => "json-name",
            },
            Form::UtfInt(_) => "utf-int",
            Form::UtfText(..) => "utf-text",
            Form::Struct256 => "struct256",
        }
    }

    /// Whether the form is one of the two of the first servers: one request a connection, and a
    /// number out of range ends the server.
    pub fn is_seeds(&self) -> bool {
        match self {
            Form::Text(text) => text.is_seeds(),
            Form::Json(json) => json.keys == JsonKeys::Sided,
            Form::UtfInt(_) | Form::UtfText(..) | Form::Struct256 => false,
        }
    }

    /// The end of a message in this form.
    pub fn line_end(&self) -> LineEnd {
        match self {
            Form::Text(text) => text.line_end,
            Form::Json(json) => json.line_end,
            Form::UtfInt(_) | Form::UtfText(..) | Form::Struct256 => LineEnd::None,
        }
    }

    /// The same form with another end; a binary one has none.
    #[must_use]
    pub fn ending(self, line_end: LineEnd) -> Form {
        match self {
            Form::Text(text) => Form::Text(TextForm { line_end, ..text }),
            Form::Json(json) => Form::Json(JsonForm { line_end, ..json }),
            binary => binary,
        }
    }
}

/// An example of a message: `name,number`, say.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Text(text) => text.fmt(f),
            Form::Json(json) if json.keys == JsonKeys::Sided => {
                f.write_str(r#"{"client_name": name, "client_number": number}"#)
            }
            Form::Json(_) => f.write_str(r#"{"name": name, "number": number}"#),
            Form::UtfInt(_) => f.write_str("16-bit length, name, 32-bit number"),
            Form::UtfText(_, text) => write!(f, "16-bit length, {text}"),
            Form::Struct256 => f.write_str("name in 256 bytes, 32-bit number"),
        }
    }
}

impl fmt::Display for TextForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.titled { "Client of " } else { "" };
        let (separator, blanks) = (self.separator.as_str(), self.blanks);
        write!(f, "{title}name{separator}{blanks}number")
    }
}

/// The first byte of a message says of which kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Utf,
}

impl Kind {
    pub(super) fn of(first: u8) -> Self {
        if first == b'{' {
            Kind::Json
        } else if usize::from(first) <= MAX_UTF_TEXT_BYTES >> 8 {
            Kind::Utf
        } else {
            Kind::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_form_has_its_name_and_its_looks() {
        for (name, form) in Form::NAMED {
            assert_eq!(Form::named(name), Some(form));
            assert_eq!(form.name(), name);
            assert_eq!(form.ending(LineEnd::CrLf).name(), name);
        }
        assert_eq!(Form::named("xml"), None);
        assert_eq!(Form::TEXT.to_string(), "Client of name: number");
        assert_eq!(Form::COMMA.to_string(), "name,number");
        assert_eq!(Form::UTF_TEXT.to_string(), "16-bit length, name;number");
    }

    #[test]
    fn two_forms_are_the_seeds() {
        let seeds = Form::NAMED.iter().filter(|(_, form)| form.is_seeds());
        let names: Vec<&str> = seeds.map(|(name, _)| *name).collect();
        assert_eq!(names, ["text", "json"]);
        assert!(Form::TEXT.ending(LineEnd::Lf).is_seeds());
    }

    #[test]
    fn what_text_and_json_begin_with_is_no_length() {
        assert_eq!(Kind::of(b'{'), Kind::Json);
        for first in [b'\t', b'\n', b'\r', b' ', b'C', 0xc3, 0xff] {
            assert_eq!(Kind::of(first), Kind::Text, "{first}");
        }
        for first in 0..=3 {
            assert_eq!(Kind::of(first), Kind::Utf);
        }
    }
}
