//! The parser against the plainest model of the grammar, however the text is cut.

use proptest::prelude::*;

use super::limits::MAX_LINE_BYTES;
use super::totals::{Integers, Totals};
use super::{
    BadLine, BadLineReason, Decimal, DecimalError, LineStart, SampleParser, Summary, Timestamp,
    TimestampError, first_sample,
};

fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Summary, BadLine> {
    let mut parser = SampleParser::new();
    for piece in pieces {
        parser.feed(piece)?;
    }
    parser.finish()
}

fn whole(text: &[u8]) -> Result<Summary, BadLine> {
    parse([text])
}

/// The grammar, written for plainness: cut at line feeds, one line after the other.
fn model(text: &[u8]) -> Result<Summary, u64> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = lines.pop().unwrap_or_default();
    let mut lines: Vec<&[u8]> = lines
        .into_iter()
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    lines.extend((!last.is_empty()).then_some(last));

    let timed = lines.first().is_some_and(|line| line.contains(&b','));
    let mut samples = Vec::new();
    let mut times = Vec::new();
    for (line, number) in lines.iter().zip(1..) {
        let sample = match (timed, line.iter().position(|byte| *byte == b',')) {
            (false, _) => line,
            (true, None) => return Err(number),
            (true, Some(comma)) => {
                times.push(Timestamp::parse(&line[..comma]).map_err(|_| number)?);
                &line[comma + 1..]
            }
        };
        samples.push(
            model_sample(sample)
                .filter(|_| line.len() <= MAX_LINE_BYTES)
                .ok_or(number)?,
        );
    }
    let row = serde_json::json!({
        "count": samples.len(),
        "sum": Decimal::from_units(samples.iter().sum()),
        "min": samples.iter().min().map(|units| Decimal::from_units(*units)),
        "max": samples.iter().max().map(|units| Decimal::from_units(*units)),
        "first": times.iter().min(),
        "last": times.iter().max(),
    });
    Ok(serde_json::from_value(row).expect("a consistent summary"))
}

fn model_sample(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, number) = text
        .strip_prefix('-')
        .map_or((1, text), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 19) || !digits(fraction, 9) {
        return None;
    }
    let whole = sign * whole.parse::<i128>().ok()?;
    i64::try_from(whole).ok()?;
    Some(whole * 1_000_000_000 + sign * format!("{fraction:0<9}").parse::<i128>().ok()?)
}

const GOOD: &[&str] = &[
    "",
    "1",
    "1\n",
    "1\n2\n3",
    "1\r\n-2\r\n3.5\r\n",
    "1\n2\r\n3",
    "0\n1234567\n12345678\n-1\n0.5\n999999999999999999\n9223372036854775807\n7\n7\n7\n7\n7\n7\n7\n7\n",
    "-9223372036854775808.999999999\n9223372036854775807.999999999\n",
    "9223372036854775807.999999999\n9223372036854775807.999999999\n",
    "-9223372036854775808.999999999\n-9223372036854775808.999999999\n",
    "2022-09-30T10:31:13Z,21.5\n2022-09-30T10:31:12+02:00,-3\r\n1664533873.25,0\n",
];

#[test]
fn good_files_are_read_alike_wherever_they_are_split() {
    for text in GOOD.iter().map(|text| text.as_bytes()) {
        let expected = model(text).expect("a good file");
        assert_eq!(whole(text), Ok(expected));
        assert_eq!(parse(text.chunks(1)), Ok(expected));
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(parse(pieces), Ok(expected), "{first} {second}");
            }
        }
    }
}

#[test]
fn bad_lines_are_named_alike_wherever_the_file_is_split() {
    use BadLineReason::*;
    let long = |length| format!("1\n{}\n2\n", "5".repeat(length));
    let sample = |problem| Sample { problem };
    let time = |problem| Time { problem };
    for (text, line, reason) in [
        ("\n", 1, Empty),
        ("\r\n", 1, Empty),
        ("1\n\n2\n", 2, Empty),
        ("1\n2\n\n", 3, Empty),
        ("1\r\n\r\n", 2, Empty),
        ("1\r2\n", 1, LoneCarriageReturn),
        ("1\n2\r", 2, LoneCarriageReturn),
        ("1\n\r", 2, LoneCarriageReturn),
        ("1\n2\r\r\n", 2, LoneCarriageReturn),
        ("1\nx\n", 2, sample(DecimalError::UnexpectedByte(b'x'))),
        (
            "1\n2\n3\n4\n5\n6 \n7\n8\n",
            6,
            sample(DecimalError::UnexpectedByte(b' ')),
        ),
        ("1\n1\0\n", 2, sample(DecimalError::UnexpectedByte(0))),
        ("\u{feff}1\n", 1, sample(DecimalError::UnexpectedByte(0xef))),
        ("1\n+5\n", 2, sample(DecimalError::UnexpectedByte(b'+'))),
        ("-\n", 1, sample(DecimalError::NoWholeDigits)),
        ("1\n.5\n", 2, sample(DecimalError::NoWholeDigits)),
        ("1\n1.\n", 2, sample(DecimalError::NoFractionDigits)),
        (
            "1\n00000000000000000001\n",
            2,
            sample(DecimalError::TooManyWholeDigits),
        ),
        (
            "1\n0.0000000001",
            2,
            sample(DecimalError::TooManyFractionDigits),
        ),
        (
            "1\n9223372036854775808\n",
            2,
            sample(DecimalError::WholeOutOfRange),
        ),
        (
            "-9223372036854775809\n",
            1,
            sample(DecimalError::WholeOutOfRange),
        ),
        (
            &long(MAX_LINE_BYTES),
            2,
            sample(DecimalError::TooManyWholeDigits),
        ),
        (&long(MAX_LINE_BYTES + 1), 2, TooLong),
        (&long(1000), 2, TooLong),
        ("1\n2,3\n", 2, DecimalComma),
        ("1\n1664533873,3\n", 2, UnexpectedTime),
        ("21,5\n", 1, DecimalComma),
        ("-21,5\n", 1, DecimalComma),
        ("1664533873,21\n12345678,5\n", 2, DecimalComma),
        ("1664533873000,21\n", 1, time(TimestampError::OutOfRange)),
        ("1664533873,2\n3\n", 2, MissingTime),
        ("1664533873,2\n\n", 2, Empty),
        (
            "1664533873,2\n1664533874,\n",
            2,
            sample(DecimalError::Empty),
        ),
        (
            "1664533873,2\n1664533874,4,5\n",
            2,
            sample(DecimalError::UnexpectedByte(b',')),
        ),
        ("time,value\n", 1, time(TimestampError::NotATime)),
        (
            "1664533873,2\n2022-02-30T00:00:00Z,1\n",
            2,
            time(TimestampError::NoSuchDate),
        ),
        (",1\n", 1, time(TimestampError::NotATime)),
    ] {
        let text = text.as_bytes();
        let bad = whole(text).expect_err("a bad line");
        assert_eq!((bad.line, bad.reason), (line, reason));
        assert_eq!(model(text), Err(line), "{bad}");
        assert_eq!(parse(text.chunks(1)), Err(bad));
        for split in 0..=text.len() {
            assert_eq!(parse([&text[..split], &text[split..]]), Err(bad), "{split}");
        }
    }
}

#[test]
fn a_bad_line_is_named_wherever_the_lanes_are() {
    for bad in 1..=100_u64 {
        let text: String = (1..=100)
            .map(|line| if line == bad { "1 \n" } else { "4711\n" })
            .collect();
        assert_eq!(whole(text.as_bytes()).map_err(|error| error.line), Err(bad));
    }
    let text = "123456\n".repeat(30_000) + "x\n" + &"1\n".repeat(30_000);
    assert_eq!(
        whole(text.as_bytes()).map_err(|error| error.line),
        Err(30_001)
    );
}

#[test]
fn after_an_error_it_stays_the_same() {
    let mut parser = SampleParser::new();
    let bad = parser.feed(b"1\n2\nx\n4\n").expect_err("x is no sample");
    assert_eq!(parser.count(), 2);
    assert_eq!(parser.feed(b"5\n"), Err(bad));
    assert_eq!(parser.feed(b""), Err(bad));
    assert_eq!(parser.finish(), Err(bad));
}

#[test]
fn an_endless_line_is_refused_as_soon_as_it_is_too_long() {
    let mut parser = SampleParser::new();
    parser.feed(b"1\n").expect("a good line");
    let fed = (1..).find_map(|fed| Some((fed, parser.feed(b"1").err()?)));
    let bad = BadLine {
        line: 2,
        reason: BadLineReason::TooLong,
        text: LineStart::of(&[b'1'; MAX_LINE_BYTES + 1]),
    };
    assert_eq!(fed, Some((MAX_LINE_BYTES + 1, bad)));
}

#[test]
fn the_count_is_of_lines_that_have_ended() {
    let mut parser = SampleParser::new();
    for (piece, count) in [("1\n2", 1), ("3\n4\r", 2), ("\n", 3), ("", 3), ("5", 3)] {
        parser.feed(piece.as_bytes()).expect("good lines");
        assert_eq!(parser.count(), count);
    }
    assert_eq!(parser.finish().map(|summary| summary.count()), Ok(4));
}

#[test]
fn a_sum_that_does_not_fit_is_no_summary() {
    let mut totals = Totals::new();
    totals.add_integers(Integers {
        sum: i128::MAX,
        min: 0,
        max: i64::MAX,
    });
    assert_eq!(totals.summary(1 << 63), None);
}

/// A line, mostly good and short.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => "[0-9]{1,7}",
        5 => "-?[0-9]{1,19}",
        5 => "-?[0-9]{1,9}\\.[0-9]{1,9}",
        1 => "[-+0-9., x\r\0]{0,12}",
        1 => "-?[0-9]{0,21}\\.?[0-9]{0,11}",
    ]
}

fn file(line: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let ended = (line, prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]));
    (prop::collection::vec(ended, 0..60), any::<bool>()).prop_map(|(lines, cut)| {
        let mut text: String = lines.into_iter().map(|(line, end)| line + end).collect();
        if cut && text.pop().is_some() && text.ends_with('\r') {
            text.pop();
        }
        text.into_bytes()
    })
}

proptest! {
    #[test]
    fn good_plain_files_are_as_the_model_says(
        text in file(prop_oneof![4 => "[0-9]{1,7}", 1 => "-?[0-9]{1,18}(\\.[0-9]{1,9})?"]),
        size in 1_usize..200,
    ) {
        let expected = model(&text);
        prop_assert!(expected.is_ok());
        prop_assert_eq!(whole(&text).map_err(|bad| bad.line), expected);
        prop_assert_eq!(parse(text.chunks(size)).map_err(|bad| bad.line), expected);
    }

    #[test]
    fn good_timed_files_are_as_the_model_says(
        text in file("(20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z|[0-9]{9,11}(\\.[0-9]{1,9})?),-?[0-9]{1,7}"),
        size in 1_usize..200,
    ) {
        let expected = model(&text);
        prop_assert!(expected.is_ok());
        prop_assert_eq!(parse(text.chunks(size)).map_err(|bad| bad.line), expected);
    }

    #[test]
    fn files_with_bad_lines_are_as_the_model_says(text in file(line()), size in 1_usize..200) {
        let result = whole(&text);
        prop_assert_eq!(result.map_err(|bad| bad.line), model(&text));
        prop_assert_eq!(parse(text.chunks(size)), result);
    }

    #[test]
    fn any_bytes_are_as_the_model_says(text: Vec<u8>, size in 1_usize..20) {
        let result = whole(&text);
        prop_assert_eq!(result.map_err(|bad| bad.line), model(&text));
        prop_assert_eq!(parse(text.chunks(size)), result);
    }

    #[test]
    fn a_run_is_the_file_of_its_lines_and_all_runs_are_the_file(
        samples in prop::collection::vec("-?[0-9]{1,9}(\\.[0-9]{1,9})?", 0..60),
        is_timed: bool,
        length in 1_usize..20,
        cut in 1_usize..50,
    ) {
        let lines = (1_664_533_873..).zip(&samples).map(|(time, sample)| match is_timed {
            true => format!("{time},{sample}\n"),
            false => format!("{sample}\n"),
        });
        let lines: Vec<String> = lines.collect();
        let mut parser = SampleParser::new();
        for run in lines.chunks(length) {
            let run = run.concat();
            for piece in run.as_bytes().chunks(cut) {
                prop_assert_eq!(parser.feed(piece), Ok(()));
            }
            prop_assert_eq!(parser.end_run(), whole(run.as_bytes()).ok());
        }
        prop_assert_eq!(parser.finish(), whole(lines.concat().as_bytes()));
    }

    #[test]
    fn lines_are_read_again_as_they_were(text in file(prop_oneof![
        "-?[0-9]{1,18}(\\.[0-9]{1,9})?",
        "([0-9]{9,11}|20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9]Z)(\\.[0-9]{1,9})?,-?[0-9]{1,19}(\\.[0-9]{1,9})?",
        "[-0-9.,T:Z\r]{0,20}",
    ])) {
        let mut rest = &text[..];
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            let expected = whole(&rest[..end]).ok();
            let read = first_sample(rest);
            prop_assert_eq!(read.is_some(), expected.is_some());
            let (Some((time, sample, after)), Some(expected)) = (read, expected) else {
                break;
            };
            prop_assert_eq!((Some(sample), time), (expected.min(), expected.first()));
            prop_assert_eq!(after, &rest[end..]);
            rest = after;
        }
    }
}
