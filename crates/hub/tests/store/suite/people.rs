//! Logins of people, tokens, one-time links and sessions of the page.

use fleetlink_core::{Admission, Ended, PageSession, PageSessions, Token, TokenId, WebLogin};
use fleetlink_proto::access::limits::{
    LINK_LIFE, LINK_SESSION_LIFE, LOGIN_SESSION_LIFE, MAX_LOGINS, MAX_OPEN_LINKS,
    MAX_PAGE_SESSIONS, MAX_TOKENS, PAGE_SESSION_IDLE,
};
use fleetlink_proto::access::{AccessHash, AccessName, Role};

use super::*;

fn secret(number: usize) -> AccessHash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    AccessHash::from_bytes(bytes)
}

/// The reply to a change that ends so many sessions and links.
fn ended(sessions: usize, links: usize) -> Result<StoreReply, StoreError> {
    let tokens = 0;
    Ok(StoreReply::Ended(Ended {
        sessions,
        links,
        tokens,
    }))
}

fn called(text: &str) -> AccessName {
    text.parse().unwrap()
}

fn login(text: &str, role: Role) -> WebLogin {
    WebLogin {
        name: called(text),
        role,
        password_hash: PasswordHash::new(format!("$test${text}")),
        created: AT,
    }
}

fn token(role: &str) -> Token {
    Token {
        id: TokenId::default(),
        name: called("script"),
        role: role.parse().unwrap(),
        created: AT,
        expires: None,
        used: None,
    }
}

async fn change(store: &dyn Store, change: Change) -> Result<StoreReply, StoreError> {
    store.execute(StoreCall::Change(change)).await
}

async fn add_login(store: &dyn Store, text: &str) -> Result<StoreReply, StoreError> {
    change(store, Change::AddWebLogin(login(text, Role::Viewer))).await
}

async fn add_token(store: &dyn Store, number: usize, role: &str) -> Result<Token, StoreError> {
    let (hash, token) = (secret(number), token(role));
    match change(store, Change::AddToken { hash, token }).await? {
        StoreReply::Token(token) => Ok(token),
        other => panic!("{other:?}"),
    }
}

async fn open_session(
    store: &dyn Store,
    text: &str,
    number: usize,
    at: WallTime,
) -> Result<PageSession, StoreError> {
    let open = Change::OpenPageSession {
        login: called(text),
        password_hash: PasswordHash::new(format!("$test${text}")),
        session: secret(number),
        at,
    };
    opened(change(store, open).await)
}

fn opened(reply: Result<StoreReply, StoreError>) -> Result<PageSession, StoreError> {
    match reply? {
        StoreReply::Admission(Some(Admission::Session(session))) => Ok(session),
        other => panic!("{other:?}"),
    }
}

async fn admission(store: &dyn Store, number: usize) -> Option<Admission> {
    let secret = secret(number);
    match ask(store, Query::Admission { secret }).await {
        Ok(StoreReply::Admission(found)) => found,
        other => panic!("{other:?}"),
    }
}

async fn add_link(store: &dyn Store, number: usize, at: WallTime) {
    let link = Change::AddLink {
        link: secret(number),
        at,
        expires: at.later(LINK_LIFE),
    };
    assert_eq!(change(store, link).await, Ok(StoreReply::Done));
}

async fn use_link(
    store: &dyn Store,
    number: usize,
    session: usize,
    at: WallTime,
) -> Result<PageSession, StoreError> {
    let (link, session) = (secret(number), secret(session));
    opened(change(store, Change::UseLink { link, session, at }).await)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) async fn have_logins_by_name(subject: &dyn Subject) {
    let store = subject.open();
    for text in ["eve", "Ana", "bob@example.org"] {
        assert_eq!(add_login(&*store, text).await, Ok(StoreReply::Done));
    }
    is_conflict(add_login(&*store, "eve").await);
    is_conflict(add_login(&*store, "ANA").await);
    let remove = |text| Change::RemoveWebLogin { name: called(text) };
    assert_eq!(change(&*store, remove("eve")).await, ended(0, 0));
    assert_eq!(
        change(&*store, remove("eve")).await,
        Err(StoreError::NotFound)
    );
    drop(store);
    let store = subject.open();
    let page = |after: Option<&str>| Query::WebLogins {
        after: after.map(called),
        limit: 1,
    };
    let ana = login("Ana", Role::Viewer);
    let bob = login("bob@example.org", Role::Viewer);
    for (after, expected) in [
        (None, vec![ana.clone()]),
        (Some("Ana"), vec![bob]),
        (Some("bob@example.org"), vec![]),
    ] {
        let reply = ask(&*store, page(after)).await;
        assert_eq!(reply, Ok(StoreReply::WebLogins(expected)));
    }
    let found = ask(
        &*store,
        Query::WebLogin {
            name: called("ana"),
        },
    )
    .await;
    assert_eq!(found, Ok(StoreReply::WebLogin(Some(ana))));
    let found = ask(&*store, Query::WebLogin { name: called("x") }).await;
    assert_eq!(found, Ok(StoreReply::WebLogin(None)));
}

pub(crate) async fn have_tokens_by_number(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "cam").await.unwrap();
    let first = add_token(&*store, 1, "viewer").await.unwrap();
    let second = add_token(&*store, 2, "device=cam").await.unwrap();
    assert!(first.id.0 >= 1 && second.id > first.id);
    let revoke = |token| Change::RevokeToken { token };
    assert_eq!(
        change(&*store, revoke(second.id)).await,
        Ok(StoreReply::Done)
    );
    assert_eq!(
        change(&*store, revoke(second.id)).await,
        Err(StoreError::NotFound)
    );
    drop(store);
    let store = subject.open();
    let third = add_token(&*store, 3, "administrator").await.unwrap();
    assert!(third.id > second.id, "no number is used again");
    let page = |after| Query::Tokens { after, limit: 1 };
    for (after, expected) in [
        (None, vec![first.clone()]),
        (Some(first.id), vec![third.clone()]),
        (Some(third.id), vec![]),
    ] {
        let reply = ask(&*store, page(after)).await;
        assert_eq!(reply, Ok(StoreReply::Tokens(expected)));
    }
}

pub(crate) async fn are_admitted_by_their_secrets(subject: &dyn Subject) {
    let store = subject.open();
    add_login(&*store, "ana").await.unwrap();
    let token = add_token(&*store, 1, "viewer").await.unwrap();
    let session = open_session(&*store, "ana", 2, AT).await.unwrap();
    assert_eq!(session.login, Some(called("ana")));
    assert_eq!((session.role, session.used), (Role::Viewer, AT));
    drop(store);
    let store = subject.open();
    assert_eq!(admission(&*store, 1).await, Some(Admission::Token(token)));
    let session = Admission::Session(session);
    assert_eq!(admission(&*store, 2).await, Some(session));
    assert_eq!(admission(&*store, 3).await, None);
    let end = Change::EndPageSession { session: secret(2) };
    for _ in 0..2 {
        assert_eq!(change(&*store, end.clone()).await, Ok(StoreReply::Done));
    }
    assert_eq!(admission(&*store, 2).await, None);
}

pub(crate) async fn end_their_sessions_with_their_passwords(subject: &dyn Subject) {
    let store = subject.open();
    for (number, text) in ["ana", "bob", "eve"].into_iter().enumerate() {
        add_login(&*store, text).await.unwrap();
        open_session(&*store, text, number, AT).await.unwrap();
    }
    let set = Change::SetWebPassword {
        name: called("ana"),
        password_hash: PasswordHash::new("$test$new"),
    };
    change(&*store, set).await.unwrap();
    let remove = Change::RemoveWebLogin {
        name: called("bob"),
    };
    change(&*store, remove).await.unwrap();
    let set = Change::SetWebPassword {
        name: called("bob"),
        password_hash: PasswordHash::new("$test$new"),
    };
    assert_eq!(change(&*store, set).await, Err(StoreError::NotFound));
    assert_eq!(admission(&*store, 0).await, None);
    assert_eq!(admission(&*store, 1).await, None);
    assert!(admission(&*store, 2).await.is_some());
}

pub(crate) async fn open_nothing_by_an_old_password(subject: &dyn Subject) {
    let store = subject.open();
    add_login(&*store, "ana").await.unwrap();
    let set = Change::SetWebPassword {
        name: called("ana"),
        password_hash: PasswordHash::new("$test$new"),
    };
    change(&*store, set).await.unwrap();
    let refused = open_session(&*store, "ana", 1, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    let refused = open_session(&*store, "nobody", 1, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    assert_eq!(admission(&*store, 1).await, None);
}

pub(crate) async fn use_a_link_once_however_many_try(subject: &dyn Subject) {
    let store = subject.open();
    add_link(&*store, 1, AT).await;
    let tasks: Vec<_> = (0..16)
        .map(|session| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { use_link(&*store, 1, 100 + session, AT).await })
        })
        .collect();
    let mut winners = Vec::new();
    for (number, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(session) => {
                assert_eq!((session.login, session.role), (None, Role::Administrator));
                winners.push(100 + number);
            }
            Err(error) => assert_eq!(error, StoreError::NotFound),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    for session in 100..116 {
        let admits = admission(&*store, session).await.is_some();
        assert_eq!(admits, winners.contains(&session));
    }
}

pub(crate) async fn use_no_link_whose_time_is_over(subject: &dyn Subject) {
    let store = subject.open();
    add_link(&*store, 1, AT).await;
    add_link(&*store, 2, AT).await;
    let last = AT.later(LINK_LIFE - Duration::from_millis(1));
    use_link(&*store, 1, 10, last).await.unwrap();
    let refused = use_link(&*store, 2, 11, AT.later(LINK_LIFE)).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    let refused = use_link(&*store, 3, 11, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound), "never made");
}

pub(crate) async fn are_bounded(subject: &dyn Subject) {
    let store = subject.open();
    for number in 0..=MAX_OPEN_LINKS {
        let at = AT.later(Duration::from_millis(number as u64));
        add_link(&*store, 100_000 + number, at).await;
    }
    let refused = use_link(&*store, 100_000, 99_999, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound), "the oldest made room");
    use_link(&*store, 100_001, 99_999, AT).await.unwrap();

    let fill = (0..MAX_TOKENS).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            add_token(&*store, number, "viewer").await.unwrap();
            if number < MAX_LOGINS {
                add_login(&*store, &format!("p{number}")).await.unwrap();
            }
        })
    });
    for filled in fill.collect::<Vec<_>>() {
        filled.await.unwrap();
    }
    is_conflict(add_token(&*store, MAX_TOKENS, "viewer").await);
    is_conflict(add_login(&*store, "one-too-many").await);

    // The session of the link was used first.
    let later = AT.later(seconds(1));
    for number in 0..MAX_PAGE_SESSIONS {
        let session = 200_000 + number;
        open_session(&*store, "p1", session, later).await.unwrap();
        if number == MAX_PAGE_SESSIONS - 2 {
            assert!(admission(&*store, 99_999).await.is_some());
        }
    }
    assert_eq!(admission(&*store, 99_999).await, None, "it made room");
    assert!(admission(&*store, 200_000).await.is_some());
    // Whoever comes after they have ended finds none of them.
    let much_later = later.later(PAGE_SESSION_IDLE);
    open_session(&*store, "p2", 300_000, much_later)
        .await
        .unwrap();
    assert_eq!(admission(&*store, 200_000).await, None);
}

pub(crate) async fn are_noted_when_they_come(subject: &dyn Subject) {
    let store = subject.open();
    add_login(&*store, "ana").await.unwrap();
    add_token(&*store, 1, "viewer").await.unwrap();
    open_session(&*store, "ana", 2, AT).await.unwrap();
    let (late, later) = (AT.later(seconds(60)), AT.later(seconds(120)));
    for at in [later, late] {
        let uses = vec![(secret(1), at), (secret(2), at), (secret(3), at)];
        let noted = change(&*store, Change::NoteUses(uses)).await;
        assert_eq!(noted, Ok(StoreReply::Done));
    }
    let Some(Admission::Token(token)) = admission(&*store, 1).await else {
        panic!("a token");
    };
    assert_eq!(token.used, Some(later), "an earlier use changes nothing");
    let Some(Admission::Session(session)) = admission(&*store, 2).await else {
        panic!("a session");
    };
    assert_eq!((session.opened, session.used), (AT, later));
    assert_eq!(admission(&*store, 3).await, None);
}

pub(crate) async fn lose_the_tokens_of_a_removed_device(subject: &dyn Subject) {
    let store = subject.open();
    for device in ["cam", "uav"] {
        add(&*store, device).await.unwrap();
    }
    add_token(&*store, 1, "device=cam").await.unwrap();
    add_token(&*store, 2, "device=uav").await.unwrap();
    let remove = Change::RemoveAccount { name: name("cam") };
    change(&*store, remove).await.unwrap();
    add(&*store, "cam").await.unwrap();
    assert_eq!(admission(&*store, 1).await, None);
    assert!(admission(&*store, 2).await.is_some());
}

pub(crate) async fn have_no_token_of_no_device(subject: &dyn Subject) {
    let store = subject.open();
    let refused = add_token(&*store, 1, "device=cam").await;
    assert_eq!(refused, Err(StoreError::NotFound));
    add(&*store, "cam").await.unwrap();
    let remove = Change::RemoveAccount { name: name("cam") };
    change(&*store, remove).await.unwrap();
    let refused = add_token(&*store, 2, "device=cam").await;
    assert_eq!(refused, Err(StoreError::NotFound));
    // Nobody has a token of the next device of this name.
    add(&*store, "cam").await.unwrap();
    for number in [1, 2] {
        assert_eq!(admission(&*store, number).await, None);
    }
    add_token(&*store, 3, "device=cam").await.unwrap();
}

pub(crate) async fn are_logged_out_by_order(subject: &dyn Subject) {
    let store = subject.open();
    for (number, text) in ["ana", "bob"].into_iter().enumerate() {
        add_login(&*store, text).await.unwrap();
        open_session(&*store, text, number, AT).await.unwrap();
    }
    for link in 10..14 {
        add_link(&*store, link, AT).await;
    }
    use_link(&*store, 10, 2, AT).await.unwrap();
    use_link(&*store, 11, 3, AT).await.unwrap();
    add_token(&*store, 4, "administrator").await.unwrap();
    let end = Change::EndPageSessions;
    let of_nobody = end(PageSessions::OfLogin(called("nobody")));
    assert_eq!(change(&*store, of_nobody).await, Err(StoreError::NotFound));
    let left = async || {
        let mut left = Vec::new();
        for number in 0..5 {
            if admission(&*store, number).await.is_some() {
                left.push(number);
            }
        }
        left
    };
    assert_eq!(left().await, [0, 1, 2, 3, 4]);
    for (sessions, stay) in [
        (PageSessions::OfLogin(called("ana")), vec![1, 2, 3, 4]),
        (PageSessions::OfLogin(called("ana")), vec![1, 2, 3, 4]),
        (PageSessions::OfLinks, vec![1, 4]),
    ] {
        let reply = match (&sessions, left().await.len()) {
            (PageSessions::OfLinks, _) => ended(2, 2),
            (_, before) => ended(before - stay.len(), 0),
        };
        assert_eq!(change(&*store, end(sessions)).await, reply);
        assert_eq!(left().await, stay);
    }
    let refused = use_link(&*store, 12, 5, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound), "it opens nothing more");
    add_link(&*store, 14, AT).await;
    let all = end(PageSessions::All);
    assert_eq!(change(&*store, all).await, ended(1, 1));
    assert_eq!(left().await, [4], "a token is no session");
    let refused = use_link(&*store, 14, 5, AT).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    open_session(&*store, "ana", 6, AT).await.unwrap();
}

pub(crate) async fn forget_sessions_at_their_end_however_used(subject: &dyn Subject) {
    let store = subject.open();
    add_login(&*store, "ana").await.unwrap();
    open_session(&*store, "ana", 1, AT).await.unwrap();
    add_link(&*store, 10, AT).await;
    use_link(&*store, 10, 2, AT).await.unwrap();
    for (number, (life, stay)) in [
        (LINK_SESSION_LIFE, [true, false]),
        (LOGIN_SESSION_LIFE, [false, false]),
    ]
    .into_iter()
    .enumerate()
    {
        let end = AT.later(life);
        let uses = vec![(secret(1), end), (secret(2), end)];
        change(&*store, Change::NoteUses(uses)).await.unwrap();
        open_session(&*store, "ana", 3 + number, end).await.unwrap();
        for (session, stays) in [1, 2].into_iter().zip(stay) {
            assert_eq!(admission(&*store, session).await.is_some(), stays);
        }
    }
}
