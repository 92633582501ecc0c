//! Names that peers think up.

use std::fs;

use fleetlink_proto::Escaped;
use fleetlink_proto::transfer::Reason;

use crate::{listing, open, take};

/// Pieces that hostile names are made of; each stands alone, in front, at the end and in the midst.
const HOSTILE: &[&str] = &[
    "/",
    "\\",
    "../",
    "..\\",
    "/../",
    "/etc/passwd",
    "//",
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{1b}[2J",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{1b}]8;;http://x\u{1b}\\",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{90}",
    "\u{9b}",
    "\u{9b}2J",
    "\u{9d}",
    "\u{9f}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{2028}",
    "\u{2029}",
    "\u{2060}",
    "\u{206f}",
    "\u{feff}",
    "\u{fff9}",
    "\u{fffb}",
    "\u{e0001}",
    "\u{e007f}",
];

/// Names that are hostile as they are.
const WHOLE: &[&str] = &[
    "",
    ".",
    "..",
    " ",
    "  ",
    "\u{a0}",
    "\u{3000}",
    "a ",
    " a",
    "a. ",
    "Z:\\x",
    "\\\\host\\share",
    "\\\\?\\C:\\x",
    "//host/share",
    "~/../x",
    "\u{202e}",
    ".\u{200f}.",
];

fn hostile() -> Vec<String> {
    let mut names: Vec<_> = WHOLE.iter().map(|&name| name.to_owned()).collect();
    for piece in HOSTILE {
        names.push((*piece).to_owned());
        names.push(format!("{piece}x"));
        names.push(format!("x{piece}"));
        names.push(format!("x{piece}y.txt"));
    }
    names.push("n".repeat(256));
    names.push("é".repeat(128));
    names.push("n".repeat(1 << 20));
    names
}

/// Nothing is created, inside or outside, and what is said of it holds no control character.
#[test]
fn hostile_names_create_nothing_anywhere() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inbox");
    fs::create_dir(&folder).unwrap();
    let inbox = open(&folder);
    let names = hostile();
    assert!(names.len() >= 150, "{}", names.len());
    for name in &names {
        let refused = take(&inbox, name, b"x").unwrap_err();
        assert_eq!(refused.reason, Reason::BadName, "{name:?}");
        let said = refused.to_string();
        assert_eq!(Escaped(&said).to_string(), said, "{name:?}");
        assert!(said.len() <= 512);
    }
    assert_eq!(listing(&folder), [""; 0]);
    assert_eq!(listing(outer.path()), ["inbox"]);
}

/// Names that look dangerous to a shell or a terminal user and are files like others.
#[test]
fn odd_names_are_files_beneath_the_inbox() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    let odd = [
        "-rf",
        "--help",
        "$HOME",
        "`id`",
        "$(id)",
        "a;b",
        "a|b",
        "a&b",
        "*",
        "?",
        "~",
        "%00",
        "%2e%2e",
        ".bashrc",
        ".fleetlink-0000000000000000.part",
        "résumé.pdf",
        "漢字",
        "e\u{301}",
        "a b",
        "#x#",
        "2022-09-30T10:31:13.jpg",
        "con.x.",
        "CON",
        "nul.tar.gz",
        "COM¹",
        "C:x",
        "a.",
        "...",
        "می\u{200c}خواهم.pdf",
        "👨\u{200d}👩\u{200d}👧.jpg",
        "COM10",
        "x".repeat(255).as_str(),
    ]
    .map(str::to_owned);
    let all = odd.len();
    for name in odd {
        let as_name = take(&inbox, &name, b"content").unwrap();
        assert!(as_name.as_str().starts_with("uav-camera_"), "{as_name}");
        let content = fs::read(folder.path().join(as_name.as_str())).unwrap();
        assert_eq!(content, b"content");
    }
    assert_eq!(listing(folder.path()).len(), all);
}

/// They show nothing by themselves; without them a name shows itself as it is.
#[test]
fn direction_marks_are_left_out_of_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    let marks = [
        "\u{61c}", "\u{200e}", "\u{200f}", "\u{202a}", "\u{202b}", "\u{202c}", "\u{202d}",
        "\u{202e}", "\u{2066}", "\u{2067}", "\u{2068}", "\u{2069}",
    ];
    for mark in marks {
        let stored = take(&inbox, &format!("{mark}exe{mark}gpj.x{mark}"), b"x").unwrap();
        assert!(stored.as_str().starts_with("uav-camera_exegpj"), "{stored}");
    }
    assert_eq!(listing(folder.path()).len(), marks.len());
}
