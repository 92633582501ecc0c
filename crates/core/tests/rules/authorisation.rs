//! Every action by every caller through every door, cell by cell.

use std::collections::BTreeMap;

use fleetlink_core::authorisation::{Action, Caller, Decision, Door, Means, Proof, decide};
use fleetlink_proto::access::AccessHash;
use fleetlink_proto::{DeviceKey, DeviceName};

use crate::fixture::{administrator, hash, name, viewer};

/// The expected decisions: `+` permitted, `l` after a login, `p` with the present password, `-` never. The
/// device that calls is the owner of `own`; a web caller owns none.
const TABLE: &str = "
                      nobody@session  password@session  key@session  operator@socket  nobody@http  password@http  key@http  token@http  administrator@http  viewer@http  nobody@mqtt  password@mqtt  key@mqtt
    converse          +               +                 +            -                -            -              -         -           -                   -            -            -              -
    show-password     -               -                 -            -                +            -              -         -           -                   -            +            -              -
    log-in-to-page    -               -                 -            -                +            -              -         -           -                   -            -            -              -
    act-as-device     l               +                 +            -                l            +              +         +           -                   -            l            +              +
    join own          l               +                 +            -                l            -              -         -           -                   -            l            -              -
    join other        l               -                 -            -                l            -              -         -           -                   -            l            -              -
    list devices      l               +                 +            +                l            +              +         +           +                   +            l            +              +
    read own          l               +                 +            +                l            +              +         +           +                   +            l            +              +
    read other        l               -                 -            +                l            -              -         -           +                   +            l            -              -
    follow own        l               +                 +            +                l            +              +         +           +                   +            l            +              +
    follow other      l               -                 -            +                l            -              -         -           +                   +            l            -              -
    follow all        l               -                 -            +                l            -              -         -           +                   +            l            -              -
    write own         l               +                 +            -                l            +              +         +           -                   -            l            +              +
    write other       l               -                 -            -                l            -              -         -           -                   -            l            -              -
    delete own        l               +                 +            +                l            +              +         +           +                   -            l            +              +
    delete other      l               -                 -            +                l            -              -         -           +                   -            l            -              -
    list-keys own     l               +                 p            +                l            -              -         -           +                   -            l            -              -
    list-keys other   l               -                 -            +                l            -              -         -           +                   -            l            -              -
    change-key own    l               +                 p            +                l            -              -         -           +                   -            l            -              -
    change-key other  l               -                 -            +                l            -              -         -           +                   -            l            -              -
    transfer own      l               +                 +            -                l            -              -         -           -                   -            l            -              -
    transfer other    l               -                 -            -                l            -              -         -           -                   -            l            -              -
    redeem-ticket     +               -                 -            -                -            -              -         -           -                   -            -            -              -
    inspect           -               -                 -            +                l            -              -         -           +                   +            -            -              -
    administer        -               -                 -            +                l            -              -         -           +                   -            -            -              -
";

pub(crate) const DOORS: [(&str, Door); 4] = [
    ("session", Door::Session),
    ("socket", Door::Socket),
    ("http", Door::Http),
    ("mqtt", Door::Mqtt),
];

/// A device that has proved so who it is.
pub(crate) fn device_caller(own: &DeviceName, means: Means) -> Caller {
    let proof = match means {
        Means::Password => Proof::Password(hash("right")),
        Means::Key => Proof::Key(DeviceKey::from_bytes([1; 32])),
        Means::Token => Proof::Token(AccessHash::from_bytes([3; 32])),
    };
    Caller::Device {
        name: own.clone(),
        proof,
        address: None,
    }
}

pub(crate) fn callers(own: &DeviceName) -> Vec<(&'static str, Caller)> {
    vec![
        ("nobody", Caller::Nobody),
        ("password", device_caller(own, Means::Password)),
        ("key", device_caller(own, Means::Key)),
        ("token", device_caller(own, Means::Token)),
        ("operator", Caller::Operator),
        ("administrator", administrator()),
        ("viewer", viewer()),
    ]
}

fn actions<'a>(own: &'a DeviceName, other: &'a DeviceName) -> Vec<(String, Action<'a>)> {
    let mut actions = vec![
        ("converse".to_owned(), Action::Converse),
        ("show-password".to_owned(), Action::ShowPassword),
        ("log-in-to-page".to_owned(), Action::LogInToPage),
        ("act-as-device".to_owned(), Action::ActAsDevice),
        ("list devices".to_owned(), Action::ListDevices),
        ("redeem-ticket".to_owned(), Action::RedeemTicket),
        ("inspect".to_owned(), Action::Inspect),
        ("administer".to_owned(), Action::Administer),
        ("follow all".to_owned(), Action::Follow(None)),
    ];
    for (whose, name) in [("own", own), ("other", other)] {
        for (what, action) in [
            ("join", Action::Join(name)),
            ("read", Action::ReadData(name)),
            ("follow", Action::Follow(Some(name))),
            ("write", Action::WriteData(name)),
            ("delete", Action::DeleteData(name)),
            ("list-keys", Action::ListKeys(name)),
            ("change-key", Action::ChangeKey(name)),
            ("transfer", Action::Transfer(name)),
        ] {
            actions.push((format!("{what} {whose}"), action));
        }
    }
    actions
}

/// The cells by action, and by caller and door.
fn table() -> BTreeMap<(String, String), &'static str> {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut expected = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let (action, cells) = cells.split_at(cells.len() - columns.len());
        for (column, cell) in columns.iter().zip(cells) {
            let before = expected.insert((action.join(" "), (*column).to_owned()), *cell);
            assert_eq!(before, None, "{action:?} twice");
        }
    }
    expected
}

#[test]
fn every_cell_of_the_table_holds() {
    let mut expected = table();
    let (own, other) = (name("cam"), name("Cam"));
    for (action_name, action) in actions(&own, &other) {
        for (caller_name, caller) in callers(&own) {
            for (door_name, door) in DOORS {
                let cell = match decide(&caller, door, action) {
                    Decision::Permitted => "+",
                    Decision::LoginNeeded => "l",
                    Decision::PasswordNeeded => "p",
                    Decision::Forbidden => "-",
                };
                let column = format!("{caller_name}@{door_name}");
                let wanted = expected.remove(&(action_name.clone(), column.clone()));
                // A caller without a column is not one of this door: nothing is permitted.
                let wanted = wanted.unwrap_or("-");
                assert_eq!(cell, wanted, "{action_name} by {column}");
            }
        }
    }
    assert_eq!(expected, BTreeMap::new(), "rows or columns without a case");
}
