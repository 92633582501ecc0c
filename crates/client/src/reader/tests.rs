use fleetlink_proto::samples::{BadLineReason, DecimalError, SampleParser, TimestampError};
use proptest::prelude::*;

use super::*;

struct Read {
    strict: String,
    samples: u64,
    rounded: u64,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, RefusedInput> {
    let (mut reader, mut strict) = (SampleReader::default(), Vec::new());
    for piece in pieces {
        reader.feed(piece, &mut strict)?;
    }
    reader.finish(&mut strict)?;
    Ok(Read {
        strict: String::from_utf8(strict).expect("the strict form is ASCII"),
        samples: reader.samples(),
        rounded: reader.rounded(),
    })
}

fn whole(text: &[u8]) -> Result<Read, RefusedInput> {
    read([text])
}

#[test]
fn ordinary_sensor_output_becomes_strict_wherever_it_is_split() {
    let long = "21\n".repeat(30_000);
    let long_strict = format!("{long}5\n");
    for (text, strict, samples, rounded) in [
        ("", "", 0, 0),
        ("\u{feff}", "", 0, 0),
        ("\u{feff}21.5\n", "21.5\n", 1, 0),
        ("\u{feff}\n\n", "", 0, 0),
        ("1\n2\n\n\r\n  \n", "1\n2\n", 2, 0),
        ("1\n2", "1\n2", 2, 0),
        ("1\r\n +2\r\n3\r", "1\r\n2\r\n3", 3, 0),
        ("+5\n-5\n", "5\n-5\n", 2, 0),
        (
            "4.4E-7\n1e5\n2.5e+1\n-0.5e0\n",
            "0.00000044\n100000\n25\n-0.5\n",
            4,
            0,
        ),
        (".5\n5.\n-.25\n", "0.5\n5\n-0.25\n", 3, 0),
        ("  7 \t\n8\t\n", "7\n8\n", 2, 0),
        // Half to even, and what is exact is not counted.
        ("0.0000000005\n", "0\n", 1, 1),
        ("0.0000000015\n", "0.000000002\n", 1, 1),
        ("0.0000000025\n", "0.000000002\n", 1, 1),
        ("0.00000000250000000001\n", "0.000000003\n", 1, 1),
        ("-0.0000000015\n", "-0.000000002\n", 1, 1),
        ("1.5000000000000\n", "1.5\n", 1, 0),
        ("1e-400\n", "0\n", 1, 1),
        ("0e999999999999\n", "0\n", 1, 0),
        ("21.123456789123\n1\n", "21.123456789\n1\n", 2, 1),
        ("00000000000000000000007\n", "7\n", 1, 0),
        (
            "9223372036854775807.9999999991\n",
            "9223372036854775807.999999999\n",
            1,
            1,
        ),
        ("1664533873,21\n", "1664533873,21\n", 1, 0),
        (
            "2022-09-30T10:31:13Z, +21.50\n",
            "2022-09-30T10:31:13Z,21.5\n",
            1,
            0,
        ),
        (
            "1664533873.25 , 1e1\n1664533874,2\n\n",
            "1664533873.25,10\n1664533874,2\n",
            2,
            0,
        ),
        (&format!("{long}+5\n"), &long_strict, 30_001, 0),
    ] {
        let text = text.as_bytes();
        let splits = (0..=text.len().min(200)).map(|split| read([&text[..split], &text[split..]]));
        for read in splits.chain([read(text.chunks(1))]) {
            let read = read.unwrap_or_else(|refused| panic!("{refused}"));
            assert_eq!(read.strict, strict, "{:?}", String::from_utf8_lossy(text));
            assert_eq!((read.samples, read.rounded), (samples, rounded), "{strict}");
        }
    }
}

#[test]
fn what_could_mean_something_else_is_refused_with_what_was_recognised() {
    use BadLineReason as Bad;
    let line = Problem::Line;
    let time = |problem| Problem::Line(Bad::Time { problem });
    let sample = |problem| Problem::Line(Bad::Sample { problem });
    for (text, number, problem) in [
        ("21,5\n", 1, line(Bad::DecimalComma)),
        ("-21,5\n", 1, line(Bad::DecimalComma)),
        ("1,234.5\n", 1, line(Bad::DecimalComma)),
        ("1.234,5\n", 1, line(Bad::DecimalComma)),
        ("1,234,567\n", 1, line(Bad::DecimalComma)),
        ("20\n21,5\n", 2, line(Bad::DecimalComma)),
        ("1664533873,21,5\n", 1, line(Bad::DecimalComma)),
        (
            "1664533873,20\n2022-09-30T10:31:13Z,21,5\n",
            2,
            line(Bad::DecimalComma),
        ),
        ("1664533873,20\n21,5\n", 2, line(Bad::DecimalComma)),
        ("1664533873000,20\n", 1, time(TimestampError::OutOfRange)),
        ("temperature\n21.5\n", 1, Problem::Header),
        ("time,value\n1664533873,20\n", 1, Problem::Header),
        ("\"t\"\n1\n", 1, Problem::Header),
        ("\u{feff}Zeit;Wert\n", 1, Problem::Semicolon),
        ("21;5\n", 1, Problem::Semicolon),
        ("2022-09-30T10:31:13Z;21\n", 1, Problem::Semicolon),
        ("1664533873\t21\n", 1, Problem::Tab),
        ("1\nNaN\n", 2, Problem::NotANumber),
        ("-inf\n", 1, Problem::NotANumber),
        ("null\n", 1, Problem::NotANumber),
        ("1664533873,nan\n", 1, Problem::NotANumber),
        ("1664533873,\n", 1, sample(DecimalError::Empty)),
        ("1\n\n2\n", 2, line(Bad::Empty)),
        ("\n1\n", 1, line(Bad::Empty)),
        ("1\n\n\n\n2\n", 2, line(Bad::Empty)),
        ("1\r2\r3", 1, line(Bad::LoneCarriageReturn)),
        ("1\n1664533873,5\n", 2, line(Bad::UnexpectedTime)),
        ("1664533873,5\n7\n", 2, line(Bad::MissingTime)),
        (
            "2022-02-30T00:00:00Z,1\n",
            1,
            time(TimestampError::NoSuchDate),
        ),
        ("21.5C\n", 1, sample(DecimalError::UnexpectedByte(b'C'))),
        ("1e\n", 1, sample(DecimalError::UnexpectedByte(b'e'))),
        ("-\n", 1, sample(DecimalError::NoWholeDigits)),
        ("1e19\n", 1, sample(DecimalError::WholeOutOfRange)),
        (
            "9223372036854775808\n",
            1,
            sample(DecimalError::WholeOutOfRange),
        ),
        ("1\n2\0\n", 2, sample(DecimalError::UnexpectedByte(0))),
        ("1\u{feff}\n", 1, sample(DecimalError::UnexpectedByte(0xef))),
        ("1 2\n", 1, sample(DecimalError::UnexpectedByte(b' '))),
    ] {
        let text = text.as_bytes();
        let splits = (0..=text.len()).map(|split| read([&text[..split], &text[split..]]));
        for read in splits.chain([read(text.chunks(1))]) {
            let refused = read
                .err()
                .unwrap_or_else(|| panic!("{}", text.escape_ascii()));
            let found = (refused.line, refused.problem);
            assert_eq!(found, (number, problem), "{}", text.escape_ascii());
        }
    }
}

#[test]
fn utf_16_is_recognised() {
    let little: Vec<u8> = "21.5\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = "21.5\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = [b"\xff\xfe", little.as_slice()].concat();
    for text in [little, big, marked] {
        let refused = whole(&text).err().expect("UTF-16 is refused");
        assert_eq!((refused.line, refused.problem), (1, Problem::Utf16));
    }
}

#[test]
fn the_lines_before_a_refused_one_are_there() {
    let (mut reader, mut strict) = (SampleReader::default(), Vec::new());
    let fed = reader.feed(b"1\n+2\nx\n4\n", &mut strict);
    assert_eq!(fed.map_err(|refused| refused.line), Err(3));
    assert_eq!((strict.as_slice(), reader.samples()), (&b"1\n2\n"[..], 2));
}

#[test]
fn an_endless_line_is_refused_and_not_kept() {
    let (mut reader, mut strict) = (SampleReader::default(), Vec::new());
    let piece = [b'1'; 64 * 1024];
    let refused = reader.feed(&piece, &mut strict).expect_err("too long");
    assert_eq!((refused.line, refused.problem), (1, Problem::TooLong));
    assert!(reader.begun.capacity() <= 2 * MAX_INPUT_LINE_BYTES + 1);
}

proptest! {
    #[test]
    fn what_the_hub_takes_goes_through_unchanged(
        samples in prop::collection::vec("-?[0-9]{1,18}(\\.[0-9]{1,9})?", 0..300),
        timed: bool,
        size in 1_usize..5000,
    ) {
        let time = if timed { "1664533873.5," } else { "" };
        let text: String = samples.iter().map(|sample| format!("{time}{sample}\n")).collect();
        let read = read(text.as_bytes().chunks(size)).map_err(|refused| refused.to_string());
        let read = read.map_err(TestCaseError::fail)?;
        prop_assert_eq!(read.strict, text);
        prop_assert_eq!(read.rounded, 0);
    }

    #[test]
    fn what_it_writes_is_what_the_hub_takes(
        lines in prop::collection::vec("[+-]?[0-9]{0,12}(\\.[0-9]{0,12})?([eE][+-]?[0-9]{1,2})?[ \t]?", 1..20),
        size in 1_usize..100,
    ) {
        let text = lines.join("\n");
        if let Ok(read) = read(text.as_bytes().chunks(size)) {
            let mut parser = SampleParser::new();
            prop_assert_eq!(parser.feed(read.strict.as_bytes()), Ok(()));
            prop_assert_eq!(parser.finish().map(|summary| summary.count()), Ok(read.samples));
        }
    }

    #[test]
    fn any_bytes_are_read_alike_wherever_they_are_cut(text in "([0-9]{1,3}|[+,. \r\n-]|\r\n){0,60}", size in 1_usize..20) {
        let cut = read(text.as_bytes().chunks(size)).map(|read| read.strict);
        prop_assert_eq!(cut.ok(), whole(text.as_bytes()).map(|read| read.strict).ok());
    }

    #[test]
    fn a_float_is_read_as_its_nearest_decimal(value in -1e9_f64..1e9) {
        let read = whole(format!("{value:e}").as_bytes()).map_err(|refused| refused.to_string());
        let read = read.map_err(TestCaseError::fail)?;
        let decimals: f64 = read.strict.parse().expect("a number");
        prop_assert!((decimals - value).abs() <= 0.500_001e-9 + value.abs() * f64::EPSILON);
    }
}
