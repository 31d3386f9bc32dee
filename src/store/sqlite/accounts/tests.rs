use super::{super::migrations, *};
use crate::account::Username;

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
    link(&conn, ada, &second, NOW).unwrap();
    link(&conn, ada, &second, NOW).unwrap();
    assert!(matches!(
        link(&conn, bob, &second, NOW),
        Err(LinkError::Taken)
    ));
    link(&conn, ada, &email("ada"), NOW).unwrap();
    link(&conn, ada, &email("countess"), NOW).unwrap();
    link(&conn, bob, &email("ada"), NOW).unwrap();
    assert!(matches!(
        link(&conn, bob, &email("countess"), NOW),
        Err(LinkError::Taken)
    ));
    assert!(matches!(
        link(&conn, UserId::random(), &email("ghost"), NOW),
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
        unlink(&conn, ada, &first, NOW),
        Err(LinkError::NotRemovable)
    ));
    link(&conn, ada, &email("ada"), NOW).unwrap();
    let unknown = Identity::Device(device("unknown"));
    assert!(matches!(
        unlink(&conn, ada, &unknown, NOW),
        Err(LinkError::NotRemovable)
    ));
    unlink(&conn, ada, &first, NOW).unwrap();
    let last = Identity::Email(Email::parse("ada@example.com").unwrap());
    assert!(matches!(
        unlink(&conn, ada, &last, NOW),
        Err(LinkError::NotRemovable)
    ));
    link(&conn, ada, &NewIdentity::Device(device("again")), NOW).unwrap();
    unlink(&conn, ada, &last, NOW).unwrap();
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
        insert_revocation(&conn, &until(seconds)).unwrap();
    }
    let kept: i64 = conn
        .query_row("SELECT until FROM revocation", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 9_000_000);
}
