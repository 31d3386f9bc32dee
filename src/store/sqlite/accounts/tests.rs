use super::{super::migrations, *};
use crate::account::{Ends, TokenId, Username};

const NOW: SystemTime = UNIX_EPOCH;

fn database() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations().to_latest(&mut conn).unwrap();
    conn
}

fn device(text: &str) -> DeviceId {
    DeviceId::parse(&format!("device-{text:0>9}")).unwrap()
}

fn email(name: &str) -> NewIdentity {
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    NewIdentity::Email {
        email,
        password_hash: format!("hash of {name}"),
    }
}

/// The end of a password made by [`email`].
fn over(name: &str, user: UserId) -> PasswordChange {
    PasswordChange {
        replaces: format!("hash of {name}"),
        end: Revocation {
            user,
            ends: Ends::UpTo(TokenId::MAX),
            until: NOW + Duration::from_secs(9),
        },
    }
}

/// An account named and reached by `name`.
fn sign_up(conn: &Connection, name: &str) -> Result<UserId, CreateError> {
    let (user, username) = (UserId::random(), Username::parse(name).unwrap());
    create(
        conn,
        &NewAccount {
            user,
            username,
            identity: NewIdentity::Device(device(name)),
            now: NOW,
        },
    )?;
    Ok(user)
}

#[test]
fn a_name_and_an_identity_belong_to_one_account() {
    let conn = database();
    let ada = sign_up(&conn, "ada").unwrap();
    assert!(matches!(
        sign_up(&conn, "ada"),
        Err(CreateError::IdentityTaken)
    ));
    let other = NewIdentity::Device(device("other"));
    let username = Username::parse("ada").unwrap();
    let account = NewAccount {
        user: UserId::random(),
        username: username.clone(),
        identity: other,
        now: NOW,
    };
    assert!(matches!(
        create(&conn, &account),
        Err(CreateError::UsernameTaken)
    ));
    for by in [
        LoginBy::Identity(Identity::Device(device("ada"))),
        LoginBy::Username(username),
        LoginBy::User(ada),
    ] {
        assert_eq!(login(&conn, &by).unwrap().unwrap().user, ada);
    }
    assert!(
        login(&conn, &LoginBy::Identity(Identity::Device(device("other"))))
            .unwrap()
            .is_none()
    );
}

#[test]
fn linking() {
    let conn = database();
    let (ada, bob) = (
        sign_up(&conn, "ada").unwrap(),
        sign_up(&conn, "bob").unwrap(),
    );
    let second = NewIdentity::Device(device("second"));
    link(&conn, ada, &second, None, NOW).unwrap();
    link(&conn, ada, &second, None, NOW).unwrap();
    assert!(matches!(
        link(&conn, bob, &second, None, NOW),
        Err(LinkError::Taken)
    ));
    link(&conn, ada, &email("ada"), None, NOW).unwrap();
    link(&conn, ada, &email("countess"), Some(&over("ada", ada)), NOW).unwrap();
    link(&conn, bob, &email("ada"), None, NOW).unwrap();
    assert!(matches!(
        link(&conn, bob, &email("countess"), None, NOW),
        Err(LinkError::Taken)
    ));
    assert!(matches!(
        link(&conn, UserId::random(), &email("ghost"), None, NOW),
        Err(LinkError::NoSuchUser)
    ));
    let found = account(&conn, ada).unwrap().unwrap();
    assert_eq!(found.devices, [device("ada"), device("second")]);
    assert_eq!(found.email.unwrap().as_str(), "countess@example.com");
}

#[test]
fn the_last_identity_stays() {
    let conn = database();
    let ada = sign_up(&conn, "ada").unwrap();
    let first = Identity::Device(device("ada"));
    assert!(matches!(
        unlink(&conn, ada, &first, None, NOW),
        Err(LinkError::NotRemovable)
    ));
    link(&conn, ada, &email("ada"), None, NOW).unwrap();
    let unknown = Identity::Device(device("unknown"));
    assert!(matches!(
        unlink(&conn, ada, &unknown, None, NOW),
        Err(LinkError::NotRemovable)
    ));
    unlink(&conn, ada, &first, None, NOW).unwrap();
    let last = Identity::Email(Email::parse("ada@example.com").unwrap());
    assert!(matches!(
        unlink(&conn, ada, &last, None, NOW),
        Err(LinkError::NotRemovable)
    ));
    link(&conn, ada, &NewIdentity::Device(device("again")), None, NOW).unwrap();
    unlink(&conn, ada, &last, None, NOW).unwrap();
    assert_eq!(
        login(&conn, &LoginBy::User(ada))
            .unwrap()
            .unwrap()
            .password_hash,
        None
    );
}

#[test]
fn updates_keep_what_is_not_given() {
    let conn = database();
    let ada = sign_up(&conn, "ada").unwrap();
    sign_up(&conn, "bob").unwrap();
    let name = |name: &str| ProfileUpdate {
        username: Username::parse(name).ok(),
        ..ProfileUpdate::default()
    };
    assert!(matches!(
        update(&conn, ada, &name("bob"), NOW),
        Err(UpdateError::UsernameTaken)
    ));
    update(&conn, ada, &name("ada"), NOW).unwrap();
    let berlin = ProfileUpdate {
        location: Some("Berlin".into()),
        ..ProfileUpdate::default()
    };
    update(&conn, ada, &berlin, NOW + Duration::from_secs(1)).unwrap();
    update(&conn, ada, &name("Ada"), NOW + Duration::from_secs(2)).unwrap();
    let user = account(&conn, ada).unwrap().unwrap().user;
    assert_eq!(
        (&*user.username, &*user.location, &*user.lang_tag),
        ("Ada", "Berlin", "en")
    );
    assert_eq!(
        (user.created, user.updated),
        (NOW, NOW + Duration::from_secs(2))
    );
    assert!(matches!(
        update(&conn, UserId::random(), &berlin, NOW),
        Err(UpdateError::NoSuchUser)
    ));
}

#[test]
fn users_are_found_once_and_by_exact_name() {
    let conn = database();
    let (ada, bob) = (
        sign_up(&conn, "ada").unwrap(),
        sign_up(&conn, "b\"o'b,c").unwrap(),
    );
    let find = |ids: &[UserId], names: &[&str]| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut found: Vec<_> = users(&conn, ids, &names)
            .unwrap()
            .into_iter()
            .map(|user| user.id)
            .collect();
        found.sort();
        found
    };
    let mut both = vec![ada, bob];
    both.sort();
    assert_eq!(find(&[ada, ada], &["ada", "b\"o'b,c"]), both);
    assert_eq!(find(&[UserId::random()], &["ADA", "ad_", "ad%"]), []);
    assert_eq!(find(&[], &[""]), [UserId::SERVER]);
}

#[test]
fn look_ups_never_scan_the_users() {
    let conn = database();
    let sql = "EXPLAIN QUERY PLAN SELECT id FROM user WHERE id IN (SELECT unhex(value) FROM json_each('[]')) \
               UNION SELECT id FROM user WHERE username IN (SELECT value FROM json_each('[]'))";
    let mut statement = conn.prepare(sql).unwrap();
    let plan: Vec<String> = statement
        .query_map([], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(
        plan.iter().all(|step| !step.starts_with("SCAN user")),
        "{plan:?}"
    );
}

#[test]
fn a_revocation_kept_twice_lasts_the_longer_time() {
    let conn = database();
    let until = |seconds| Revocation {
        user: UserId::SERVER,
        ends: Ends::UpTo(TokenId::MAX),
        until: NOW + Duration::from_secs(seconds),
    };
    for seconds in [5, 9, 7] {
        tokens::insert(&conn, &until(seconds)).unwrap();
    }
    let kept: i64 = conn
        .query_row("SELECT until FROM revocation", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 9_000_000);
}

#[test]
fn a_password_is_replaced_by_who_knows_which_one_there_is_and_with_it_tokens_end() {
    let conn = database();
    let ada = sign_up(&conn, "ada").unwrap();
    let changed = |result| matches!(result, Err(LinkError::PasswordChanged));
    let hash = || password_hash(&conn, ada).unwrap();
    assert!(changed(link(
        &conn,
        ada,
        &email("ada"),
        Some(&over("ada", ada)),
        NOW
    )));
    link(&conn, ada, &email("ada"), None, NOW).unwrap();
    assert!(tokens::revocations(&conn, NOW).unwrap().is_empty());
    assert!(changed(link(&conn, ada, &email("countess"), None, NOW)));
    assert!(changed(link(
        &conn,
        ada,
        &email("countess"),
        Some(&over("eve", ada)),
        NOW
    )));
    assert_eq!(hash().as_deref(), Some("hash of ada"));
    link(&conn, ada, &email("countess"), Some(&over("ada", ada)), NOW).unwrap();
    assert_eq!(hash().as_deref(), Some("hash of countess"));
    assert_eq!(
        tokens::revocations(&conn, NOW).unwrap(),
        [over("ada", ada).end]
    );
    let address = Identity::Email(Email::parse("countess@example.com").unwrap());
    assert!(changed(unlink(
        &conn,
        ada,
        &address,
        Some("hash of ada"),
        NOW
    )));
    unlink(&conn, ada, &address, Some("hash of countess"), NOW).unwrap();
    assert_eq!(hash(), None);
}

#[test]
fn all_kinds_of_revocations_are_read_as_they_were_kept() {
    let conn = database();
    let [one, other, third] = [1u128, 2, 3].map(|id| TokenId(Uuid::from_u128(id)));
    let kept: Vec<_> = [
        Ends::Family(one),
        Ends::UpTo(other),
        Ends::Others {
            up_to: third,
            but: one,
        },
    ]
    .map(|ends| Revocation {
        user: UserId::SERVER,
        ends,
        until: NOW + Duration::from_secs(5),
    })
    .into();
    tokens::revoke(&conn, &kept, NOW).unwrap();
    assert_eq!(tokens::revocations(&conn, NOW).unwrap(), kept);
    let late = NOW + Duration::from_secs(5);
    assert_eq!(tokens::revocations(&conn, late).unwrap(), []);
}

#[test]
fn families_of_tokens_are_remembered_for_as_long_as_one_of_their_tokens_is_good() {
    let conn = database();
    let at = |seconds| NOW + Duration::from_secs(seconds);
    let family = |id| TokenId(Uuid::from_u128(id));
    let present = |id, generation, second| {
        let end = Revocation {
            user: UserId::SERVER,
            ends: Ends::Family(family(id)),
            until: at(second + 100),
        };
        let presented = Presented {
            family: family(id),
            generation,
            now: at(second),
            grace: Duration::from_secs(5),
            end,
        };
        tokens::rotate_family(&conn, &presented).unwrap()
    };
    let families = || {
        let sql = "SELECT count(*) FROM token_family";
        conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(present(1, 0, 0), Rotation::Next(1));
    assert_eq!(present(1, 0, 4), Rotation::Again(1));
    assert_eq!(present(1, 1, 50), Rotation::Next(2));
    assert_eq!(present(2, 0, 60), Rotation::Next(1));
    assert_eq!(families(), 2);
    assert!(tokens::revocations(&conn, NOW).unwrap().is_empty());
    assert_eq!(present(1, 0, 61), Rotation::Reused);
    let [ended] = tokens::revocations(&conn, NOW).unwrap()[..] else {
        panic!("not one family has ended")
    };
    assert_eq!(ended.ends, Ends::Family(family(1)));
    assert_eq!(present(3, 0, 154), Rotation::Next(1));
    assert_eq!(families(), 3);
    assert_eq!(present(3, 1, 155), Rotation::Next(2));
    assert_eq!(families(), 2, "the first has no good token left");
}
