use proptest::prelude::*;

use super::*;

fn ticket() -> JoinTicket {
    let subject = TicketSubject::Name("cam".parse().unwrap());
    let addresses = vec!["192.0.2.1:7421".to_owned(), "[2001:db8::1]:7421".to_owned()];
    let secret = TicketSecret::from_bytes([0x0f; 16]);
    JoinTicket::new(HubPin::from_sha256([0xa7; 32]), secret, subject, addresses).unwrap()
}

fn any_ticket() -> impl Strategy<Value = JoinTicket> {
    let name = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,53}";
    let address = "[a-z0-9.]{1,30}:[1-9][0-9]{0,4}";
    (
        any::<[u8; 32]>(),
        any::<[u8; 16]>(),
        (name, any::<bool>()),
        prop::collection::vec(address, 1..=8),
    )
        .prop_map(|(hub, secret, (name, is_prefix), addresses)| {
            let subject = match is_prefix {
                true => TicketSubject::Prefix(name.parse().unwrap()),
                false => TicketSubject::Name(name.parse().unwrap()),
            };
            let (hub, secret) = (HubPin::from_sha256(hub), TicketSecret::from_bytes(secret));
            JoinTicket::new(hub, secret, subject, addresses).unwrap()
        })
}

#[test]
fn the_text_of_the_document_is_this_ticket() {
    let document = include_str!("../../../../docs/protocol/trust.md");
    assert!(
        document.contains(&*ticket().to_text()),
        "{}",
        *ticket().to_text()
    );
}

#[test]
fn a_ticket_never_shows_its_secret() {
    let shown = format!("{:?}", ticket());
    assert!(!shown.contains("0f") && !shown.contains("15"), "{shown}");
}

#[test]
fn upper_case_spaces_and_hyphens_do_not_matter() {
    let text = ticket().to_text().to_uppercase();
    let mut spaced = String::from("\n ");
    for (place, c) in text.chars().enumerate() {
        spaced.push(c);
        spaced.push_str(["", "-", " ", "\r\n"][place % 4]);
    }
    assert_eq!(spaced.parse(), Ok(ticket()));
}

#[test]
fn what_is_no_ticket_says_what_it_is() {
    let text = ticket().to_text();
    for (wrong, expected) in [
        ("", TicketTextError::Foreign),
        ("f", TicketTextError::Foreign),
        ("hub:7421", TicketTextError::Foreign),
        ("fl2aaaa", TicketTextError::Newer),
        ("fl1", TicketTextError::Mistyped),
        ("fl1aaaaaaaa", TicketTextError::Mistyped),
        ("fl10", TicketTextError::Character),
        ("fl1é", TicketTextError::Character),
        (&text[..text.len() - 1], TicketTextError::Mistyped),
        (&format!("{}a", *text), TicketTextError::Mistyped),
        (
            &format!("fl1{}", "a".repeat(100_000)),
            TicketTextError::Mistyped,
        ),
    ] {
        assert_eq!(wrong.parse::<JoinTicket>(), Err(expected), "{wrong:.20}");
    }
}

#[test]
fn every_single_typing_mistake_is_found() {
    let text = ticket().to_text();
    let letters: Vec<char> = text.chars().collect();
    for place in 3..letters.len() {
        for other in "abcdefghijklmnopqrstuvwxyz234567".chars() {
            if letters[place] == other {
                continue;
            }
            let mut mistyped = letters.clone();
            mistyped[place] = other;
            let mistyped: String = mistyped.into_iter().collect();
            let read = mistyped.parse::<JoinTicket>();
            assert_eq!(read, Err(TicketTextError::Mistyped), "at {place}");
        }
    }
}

#[test]
fn a_ticket_has_bounds() {
    let made = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|&a| a.to_owned()).collect();
        let (ticket, hub) = (ticket(), HubPin::from_sha256([1; 32]));
        JoinTicket::new(hub, ticket.secret, ticket.subject, addresses).err()
    };
    assert_eq!(made(&[]), Some(TicketFormError::Addresses(0)));
    assert_eq!(made(&["a:1"; 9]), Some(TicketFormError::Addresses(9)));
    assert_eq!(made(&["a b:1"]), Some(TicketFormError::Address));
    assert_eq!(made(&["host"]), Some(TicketFormError::Address));
    let long = format!("{}:1", "x".repeat(250));
    assert_eq!(made(&[&long]), None);
    assert_eq!(made(&[&long, &long]), Some(TicketFormError::TooLong));
}

proptest! {
    #[test]
    fn every_ticket_comes_back_from_its_text(ticket in any_ticket()) {
        let text = ticket.to_text();
        prop_assert_eq!(text.parse::<JoinTicket>(), Ok(ticket.clone()));
        prop_assert_eq!(text.to_uppercase().parse::<JoinTicket>(), Ok(ticket));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
        let _ = text.parse::<JoinTicket>();
        let _ = format!("fl1{text}").parse::<JoinTicket>();
    }

    /// Bytes with a right checksum that nobody has printed: their lengths lie.
    #[test]
    fn any_bytes_are_a_ticket_with_one_spelling_or_none(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        name in 0u8..20,
        addresses in 0u8..4,
    ) {
        let mut content = vec![VERSION];
        content.extend([7; 48]);
        content.extend([OF_NAME, name]);
        content.extend(vec![b'x'; usize::from(name)]);
        content.push(addresses);
        content.append(&mut bytes);
        content.extend(checksum(&content));
        let mut text = MARK.to_owned();
        text.push_str(&BASE32.encode(&content).to_lowercase());
        if let Ok(ticket) = text.parse::<JoinTicket>() {
            prop_assert_eq!(&*ticket.to_text(), &text);
        }
    }
}
