//! Names of data files, as any client may write them.

use serde_json::{Value, json};

use super::device::Device;
use super::fixture;

/// Uploads one sample to the file and has it summed; the file as each answer writes it.
async fn round_trip(device: &mut Device, file: &Value, key: u32) -> Vec<Value> {
    let open = json!({"file": file, "mode": "replace", "key": format!("{key:032x}")});
    let opened = device.call("upload.open", open).await;
    device.chunk(&opened["upload"], b"1\n").await;
    let commit = json!({"upload": opened["upload"], "bytes": 2});
    let receipt = device.call("upload.commit", commit).await;
    let compute = json!({"file": file, "operation": "SUM"});
    let sum = device.call("file.compute", compute).await;
    vec![receipt["file"].clone(), sum["file"].clone()]
}

#[tokio::test]
async fn a_name_is_written_in_one_form_and_read_in_both() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let longest = format!("z/{}", "a".repeat(126));
    let sent = [
        json!(0),
        json!("0"),
        json!(7),
        json!("7"),
        json!(4_294_967_295_u32),
        json!("4294967295"),
        json!("-1"),
        json!("01"),
        json!("1.0"),
        json!("4294967296"),
        json!("A"),
        json!("a"),
        json!("a/b"),
        json!("temperature"),
        json!(longest),
    ];
    let mut files: Vec<Value> = Vec::new();
    for (key, file) in (1..).zip(&sent) {
        let shortest = file.as_str().and_then(|text| text.parse::<u32>().ok());
        let written = match shortest.filter(|number| json!(number.to_string()) == *file) {
            Some(number) => json!(number),
            None => file.clone(),
        };
        assert_eq!(
            round_trip(&mut device, file, key).await,
            [written.clone(), written.clone()]
        );
        files.push(written);
    }
    files.dedup();
    let listed = async |device: &mut Device, params: Value| {
        let list = device.call("file.list", params).await;
        let entries = list["files"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["file"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut device, json!({})).await, files);
    assert_eq!(listed(&mut device, json!({"after": "7"})).await, files[2..]);
    assert_eq!(
        listed(&mut device, json!({"after": "A/x"})).await,
        files[8..]
    );
    for (key, file) in (100..).zip(&files) {
        let params = json!({"file": file, "key": format!("{key:032x}")});
        let deleted = device.call("file.delete", params).await;
        assert_eq!((&deleted["file"], &deleted["samples"]), (file, &json!(1)));
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn what_is_no_name_is_refused_with_its_reason_and_the_session_goes_on() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let long = json!("n".repeat(129)).to_string();
    for (file, said) in [
        (r#""""#, "not be empty"),
        (long.as_str(), "at most 128 bytes"),
        (r#""../x""#, "'.' or '..'"),
        (r#""..""#, "'.' or '..'"),
        (r#""a/./b""#, "'.' or '..'"),
        (r#""/etc/passwd""#, "begin or end with '/'"),
        (r#""a//b""#, "begin or end with '/'"),
        (r#""a/""#, "begin or end with '/'"),
        (r#""a%2Fb""#, "not '%'"),
        (r#""a\\b""#, "not '\\\\'"),
        (r#""a b""#, "not ' '"),
        (r#""a\u0000""#, "not '\\0'"),
        (r#""\u001b[2J""#, "not '\\u{1b}'"),
        (r#""\u202egpj.exe""#, "not '\\u{202e}'"),
        (r#""temperatür""#, "not 'ü'"),
        ("-1", "from 0 to 4294967295, not -1"),
        ("4294967296", "from 0 to 4294967295, not 4294967296"),
        ("1.0", "whole number"),
        ("1e0", "whole number"),
        ("-0", "whole number"),
        ("null", "a text or a whole number"),
        ("true", "a text or a whole number"),
        ("[1]", "a text or a whole number"),
    ] {
        let key = "00112233445566778899aabbccddeeff";
        for (method, rest) in [
            ("upload.open", format!(r#","mode":"append","key":"{key}""#)),
            ("file.compute", r#","operation":"SUM""#.to_owned()),
            ("file.delete", format!(r#","key":"{key}""#)),
            ("download.open", String::new()),
        ] {
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":"x","method":"{method}","params":{{"file":{file}{rest}}}}}"#
            );
            device.send(format!("{call}\n").as_bytes()).await;
            let answer = device.read().await;
            assert_eq!(
                (&answer["id"], &answer["error"]["code"]),
                (&json!("x"), &json!(-32602))
            );
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(said), "{method} {file}: {message}");
        }
    }
    device.call("ping", json!({})).await;
    fixture.hub.close().await;
}
