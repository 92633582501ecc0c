//! Names of data files, as texts and in JSON.

use super::*;

fn parse(text: &str) -> Result<DataFile, DataFileError> {
    text.parse()
}

fn from_json(json: &str) -> Result<DataFile, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_number_is_the_name_that_its_shortest_form_makes() {
    for (text, number) in [("0", 0), ("1", 1), ("4294967295", u32::MAX)] {
        let file = DataFile::numbered(number);
        assert_eq!(parse(text), Ok(file.clone()));
        assert_eq!(file.to_string(), text);
        assert_eq!((file.number(), file.text()), (Some(number), None));
        assert_eq!(serde_json::to_string(&file).unwrap(), text);
        assert_eq!(from_json(text), Ok(file.clone()));
        assert_eq!(from_json(&format!("\"{text}\"")), Ok(file));
    }
}

#[test]
fn any_other_name_is_a_text() {
    let longest = format!("{}/b", "a".repeat(MAX_DATA_FILE_BYTES - 2));
    for text in [
        "temperature",
        "a/b/c",
        "A_b.c-9",
        "01",
        "00",
        "4294967296",
        "-1",
        "-0",
        "1.0",
        "1e0",
        "...",
        ".hidden",
        "a/..b",
        "x",
        "99999999999999999999",
        &longest,
    ] {
        let file = parse(text).unwrap();
        assert_eq!(file.to_string(), text);
        assert_eq!((file.number(), file.text()), (None, Some(text)));
        let json = format!("\"{text}\"");
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        assert_eq!(from_json(&json), Ok(file));
    }
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let long = "n".repeat(MAX_DATA_FILE_BYTES + 1);
    for (text, error) in [
        ("", DataFileError::Empty),
        (long.as_str(), DataFileError::TooLong(129)),
        ("a b", DataFileError::Character(' ')),
        ("%2F", DataFileError::Character('%')),
        ("a\\b", DataFileError::Character('\\')),
        ("+1", DataFileError::Character('+')),
        (" 1", DataFileError::Character(' ')),
        ("1\n", DataFileError::Character('\n')),
        ("a\0", DataFileError::Character('\0')),
        ("\u{1b}[2J", DataFileError::Character('\u{1b}')),
        ("é", DataFileError::Character('é')),
        ("\u{661}", DataFileError::Character('\u{661}')),
        ("\u{202e}a", DataFileError::Character('\u{202e}')),
        ("/", DataFileError::EmptyPart),
        ("/a", DataFileError::EmptyPart),
        ("a/", DataFileError::EmptyPart),
        ("a//b", DataFileError::EmptyPart),
        (".", DataFileError::DotPart),
        ("..", DataFileError::DotPart),
        ("../x", DataFileError::DotPart),
        ("a/./b", DataFileError::DotPart),
        ("a/..", DataFileError::DotPart),
    ] {
        assert_eq!(parse(text), Err(error.clone()), "{text:?}");
        let said = from_json(&serde_json::to_string(text).unwrap()).unwrap_err();
        assert!(said.starts_with(&error.to_string()), "{text:?}: {said}");
        let shown = error.to_string();
        assert!(
            !shown.contains(['\u{1b}', '\u{202e}', '\n', '\0']),
            "{shown:?}"
        );
    }
    for (json, said) in [
        ("-1", "from 0 to 4294967295, not -1"),
        ("4294967296", "from 0 to 4294967295, not 4294967296"),
        ("1e300", "from 0 to 4294967295, not 1e300"),
        ("1.0", "a whole number"),
        ("1e0", "a whole number"),
        ("-0", "a whole number"),
        ("-0.0", "a whole number"),
        ("1.5", "a whole number"),
        ("18446744073709551616", "a whole number"),
        ("null", "a text or a whole number"),
        ("true", "a text or a whole number"),
        ("[1]", "a text or a whole number"),
        ("{}", "a text or a whole number"),
    ] {
        let error = from_json(json).unwrap_err();
        assert!(error.contains(said), "{json}: {error}");
    }
}

#[test]
fn numbers_come_first_by_value_and_names_follow_by_bytes() {
    let sorted = [
        "0",
        "2",
        "10",
        "4294967295",
        "-1",
        "00",
        "01",
        "4294967296",
        "A",
        "Z/a",
        "a",
        "a-b",
        "a.b",
        "a/b",
        "a0",
        "aa",
    ];
    let files: Vec<DataFile> = sorted.iter().map(|text| parse(text).unwrap()).collect();
    assert!(files.is_sorted(), "{files:?}");
    assert!(files.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_local_name_has_no_slash_and_no_two_names_share_one() {
    assert_eq!(parse("7").unwrap().local_name(), "7");
    assert_eq!(
        parse("lab/room-1/t").unwrap().local_name(),
        "lab%2Froom-1%2Ft"
    );
    assert!(parse("lab%2Froom").is_err());
    let of_local_name = |local| DataFile::of_local_name(local).map(|file| file.to_string());
    assert_eq!(of_local_name("lab%2Ft").as_deref(), Some("lab/t"));
    for other in ["lab/t", "lab%2ft", "%2F", "a%2F%2Fb", "..%2Fx", ""] {
        assert_eq!(of_local_name(other), None, "{other}");
    }
}
