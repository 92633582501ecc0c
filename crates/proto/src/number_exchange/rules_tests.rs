//! The responses of a server in each form, to numbers in range and out of it.

use super::*;
use crate::number_exchange::Integer;

fn service(on_out_of_range: OnOutOfRange) -> Service {
    Service {
        name: "A Server".parse().unwrap(),
        number: ServerNumber::ByForm,
        on_out_of_range,
        reply_sum: false,
    }
}

fn respond(service: &Service, form: Form, number: i128) -> Response {
    let request = Request {
        form,
        name: "Client".parse().unwrap(),
        number: Integer::from(number),
    };
    service.respond(&request, || InRange::new(77).unwrap())
}

fn reply(service: &Service, form: Form, number: i128) -> String {
    let bytes = respond(service, form, number).reply;
    let text = String::from_utf8(bytes).unwrap();
    text.replace(&"\0".repeat(248), "<zeros>")
}

fn lines(response: &Response) -> Vec<String> {
    response.lines.iter().map(Line::to_string).collect()
}

#[test]
fn the_reply_has_the_form_of_the_request() {
    let unset = service(OnOutOfRange::default());
    let expected = [
        ("text", "Server of A Server: 42"),
        (
            "json",
            r#"{"server_name": "A Server", "server_number": 77, "sum": 102}"#,
        ),
        (
            "json-name",
            r#"{"name": "A Server", "number": 77, "sum": 102}"#,
        ),
        ("colon", "A Server:42"),
        ("comma", "A Server,42"),
        ("semicolon", "A Server;42"),
        ("pipe", "A Server|42"),
        ("blank", "A Server 42"),
        ("utf-int", "\0\x08A Server\0\0\0*"),
        ("utf-text", "\0\x0bA Server;42"),
        ("struct256", "A Server<zeros>\0\0\0*"),
    ];
    for ((name, form), (expected_name, expected)) in Form::NAMED.iter().zip(expected) {
        assert_eq!(*name, expected_name);
        assert_eq!(reply(&unset, *form, 25), expected, "{name}");
        for line_end in [LineEnd::Lf, LineEnd::CrLf] {
            let ending = form.ending(line_end);
            let end = ending.line_end().as_str();
            assert_eq!(reply(&unset, ending, 25), format!("{expected}{end}"));
        }
        let next = respond(&unset, *form, 25).next;
        let expected = if form.is_seeds() {
            Next::Close
        } else {
            Next::Request
        };
        assert_eq!(next, expected, "{name}");
    }
}

#[test]
fn the_number_is_42_and_in_json_random_unless_it_is_set() {
    let mut service = service(OnOutOfRange::Stop);
    service.number = ServerNumber::Fixed(InRange::new(10).unwrap());
    assert_eq!(reply(&service, Form::TEXT, 25), "Server of A Server: 10");
    assert!(reply(&service, Form::JSON, 25).contains(r#""sum": 35"#));
    service.number = ServerNumber::Random;
    assert_eq!(reply(&service, Form::TEXT, 25), "Server of A Server: 77");
    assert_eq!(reply(&service, Form::COMMA, 25), "A Server,77");
}

#[test]
fn a_sum_is_stated_where_it_is_wanted_and_there_is_room() {
    let mut service = service(OnOutOfRange::Stop);
    service.reply_sum = true;
    assert_eq!(reply(&service, Form::TEXT, 25), "Server of A Server: 42");
    assert_eq!(reply(&service, Form::COMMA, 25), "A Server,42,67");
    assert_eq!(reply(&service, Form::BLANK, 25), "A Server 42 67");
    assert_eq!(reply(&service, Form::UTF_TEXT, 25), "\0\x0eA Server;42;67");
    assert!(reply(&service, Form::STRUCT256, 25).ends_with("*\0\0\0C"));
}

#[test]
fn a_number_out_of_range_stops_the_server_in_the_seeds_forms_each_in_its_way() {
    for on_out_of_range in [OnOutOfRange::StopForSeeds, OnOutOfRange::Stop] {
        let service = service(on_out_of_range);
        for number in [0, 101, -5, i128::MAX] {
            let text = respond(&service, Form::TEXT, number);
            assert_eq!(text.reply, b"Server of A Server: 42\nServer closing...");
            let sum = Integer::from(number).plus(&42.into());
            assert!(lines(&text)[3].ends_with(&format!("Server Number: 42 | Sum: {sum}")));
            let last = Line::terminating(&number.into());
            assert_eq!(text.next, Next::Stop(last.clone()));

            let json = respond(&service, Form::JSON, number);
            assert_eq!(
                (json.reply.as_slice(), &json.next),
                (&b""[..], &Next::Stop(last))
            );
            assert_eq!(json.lines, [Line::received()]);
        }
    }
}

#[test]
fn a_number_out_of_range_stops_the_server_in_another_form_only_where_that_is_said() {
    for (_, form) in Form::NAMED.iter().filter(|(_, form)| !form.is_seeds()) {
        let by_default = respond(&service(OnOutOfRange::default()), *form, 0);
        assert_eq!(
            (by_default.reply.as_slice(), by_default.next),
            (&b""[..], Next::Close)
        );
        let stops = respond(&service(OnOutOfRange::Stop), *form, 0);
        assert!(stops.reply.is_empty());
        assert_eq!(stops.next, Next::Stop(Line::terminating(&0.into())));
    }
}

#[test]
fn a_server_that_refuses_goes_on() {
    let service = service(OnOutOfRange::Refuse);
    for (_, form) in Form::NAMED {
        let response = respond(&service, form, 101);
        assert_eq!(response.next, Next::Close);
        let error = &b"Error: the number must be an integer from 1 to 100"[..];
        let expected = if form == Form::TEXT { error } else { b"" };
        assert_eq!(response.reply, expected);
        assert!(
            lines(&response)
                .last()
                .unwrap()
                .ends_with("101. Refusing the client.")
        );
    }
}

#[test]
fn malformed_input_is_shown_and_answered_where_there_is_room() {
    let respond = |bytes: &[u8]| {
        let bad = Request::parse(bytes).unwrap_err();
        let bytes = bytes.to_vec();
        Service::respond_to_malformed(&Malformed { bytes, bad })
    };
    let text = respond(b"nonsense");
    assert!(
        text.reply
            .starts_with(b"Error: expected is: Client of <name>: <integer>")
    );
    let shown = "[WARNING] [handle_client]: Malformed message from client: \"nonsense\": expected";
    assert!(lines(&text)[1].starts_with(shown));
    let json = respond(b"{}");
    assert_eq!((json.reply.as_slice(), json.next), (&b""[..], Next::Close));
}
