//! Every action by every caller, cell by cell.

use std::collections::BTreeMap;

use fleetlink_core::authorisation::{Action, Caller, Decision, Means, decide};
use fleetlink_proto::DeviceName;

use crate::fixture::name;

/// What is expected: `+` allowed, `l` after a login, `p` with the present password, `-` never.
/// The first device of a call is the one that asks.
const TABLE: &str = "
                      stranger  password  key  joined  operator
    converse          +         +         +    +       -
    join own          l         +         +    +       -
    join other        l         -         -    -       -
    list devices      l         +         +    +       +
    read own          l         +         +    +       +
    read other        l         -         -    -       +
    write own         l         +         +    +       -
    write other       l         -         -    -       -
    delete own        l         +         +    +       +
    delete other      l         -         -    -       +
    list-keys own     l         +         p    p       +
    list-keys other   l         -         -    -       +
    change-key own    l         +         p    p       +
    change-key other  l         -         -    -       +
    transfer own      l         +         +    +       -
    transfer other    l         -         -    -       -
    redeem-ticket     +         -         -    -       -
    administer        -         -         -    -       +
";

fn callers(own: &DeviceName) -> Vec<(&'static str, Caller<'_>)> {
    let device = |means, joined| Caller::Device {
        name: own,
        means,
        joined,
    };
    vec![
        ("stranger", Caller::Stranger),
        ("password", device(Means::Password, false)),
        ("key", device(Means::Key, false)),
        ("joined", device(Means::Key, true)),
        ("operator", Caller::Operator),
    ]
}

fn actions<'a>(own: &'a DeviceName, other: &'a DeviceName) -> Vec<(String, Action<'a>)> {
    let mut actions = vec![
        ("converse".to_owned(), Action::Converse),
        ("list devices".to_owned(), Action::ListDevices),
        ("redeem-ticket".to_owned(), Action::RedeemTicket),
        ("administer".to_owned(), Action::Administer),
    ];
    for (whose, name) in [("own", own), ("other", other)] {
        for (what, action) in [
            ("join", Action::Join(name)),
            ("read", Action::ReadData(name)),
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

#[test]
fn every_cell_of_the_table_holds() {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut expected = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let (action, cells) = cells.split_at(cells.len() - columns.len());
        for (caller, cell) in columns.iter().zip(cells) {
            expected.insert((action.join(" "), *caller), *cell);
        }
    }
    let (own, other) = (name("cam"), name("Cam"));
    let mut cells = 0;
    for (action_name, action) in actions(&own, &other) {
        for (caller_name, caller) in callers(&own) {
            let cell = match decide(caller, action) {
                Decision::Allowed => "+",
                Decision::LoginNeeded => "l",
                Decision::PasswordNeeded => "p",
                Decision::Forbidden => "-",
            };
            let wanted = expected.get(&(action_name.clone(), caller_name));
            assert_eq!(Some(&cell), wanted, "{action_name} by {caller_name}");
            cells += 1;
        }
    }
    assert_eq!(cells, expected.len(), "a row or a column without a case");
}
