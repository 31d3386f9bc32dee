//! Changes by way of the writer's batch, and listings.

mod listing;
mod model;
mod queue;

use rusqlite::OptionalExtension as _;

use super::*;
use crate::{
    channel::{
        ChannelId, Content, Events, Message, MessageCode, MessageId, Outcome, Position, Seq, Write,
    },
    config::GroupAdd,
    group::Action,
    store::sqlite::{
        messages::{Batch, ChannelKeys},
        migrations, sign_up,
    },
    user::{Notification, NotificationCode},
};

const NOW: Micros = Micros(1_000_000);
const MOST_NOTIFICATIONS: usize = 100;

/// One database with one group, whose channel's places are counted here as its actor would.
struct Scene {
    conn: Connection,
    keys: ChannelKeys,
    group: GroupId,
    seq: u64,
}

impl Scene {
    /// A group of `max` made by the first user.
    fn new(open: bool, max: u32) -> (Self, UserId) {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut conn).unwrap();
        let (ada, group) = (sign_up(&conn, "ada"), GroupId::random());
        create(&conn, group, ada, new_group("Group", open, max), NOW).unwrap();
        let scene = Self {
            conn,
            keys: ChannelKeys::default(),
            group,
            seq: 0,
        };
        (scene, ada)
    }

    fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        names.map(|name| sign_up(&self.conn, name))
    }

    fn channel(&self) -> ChannelId {
        ChannelId::group(self.group)
    }

    fn place(&mut self, places: usize) -> Place {
        let place = Place {
            channel: self.channel(),
            seq: Seq(self.seq + 1),
            time: Micros(NOW.0 + 1000 * i64::try_from(self.seq + 1).unwrap()),
        };
        self.seq += places as u64;
        place
    }

    /// In a transaction of its own.
    fn change(&mut self, caller: UserId, action: Action) -> Result<Changed, GroupError> {
        let place = self.place(action.most_events());
        let change = change(self.group, caller, action);
        self.batch(|batch| batch.change(&change, &place))
    }

    fn batch<T>(&mut self, work: impl FnOnce(&mut Batch<'_>) -> T) -> T {
        self.conn.execute_batch("BEGIN").unwrap();
        let mut batch = Batch::new(&self.conn, &mut self.keys, MOST_NOTIFICATIONS).unwrap();
        let result = work(&mut batch);
        batch.finish().unwrap();
        self.conn.execute_batch("COMMIT").unwrap();
        result
    }

    /// Where the channel's history ends.
    fn position(&mut self) -> (Seq, Micros) {
        let channel = self.channel();
        end(self.batch(|batch| batch.open(&channel)))
    }

    fn role(&self, user: UserId) -> Option<Role> {
        role(&self.conn, self.group, user).unwrap()
    }

    fn edge_count(&self) -> Option<u32> {
        self.conn
            .query_row(
                "SELECT edge_count FROM chat_group WHERE id = ?1",
                [self.group.0],
                |row| row.get(0),
            )
            .optional()
            .unwrap()
    }

    fn count(&self, table: &str) -> usize {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: u32 = self.conn.query_row(&sql, [], |row| row.get(0)).unwrap();
        count as usize
    }

    fn since(&self, user: UserId) -> Micros {
        let sql = "SELECT since FROM group_edge WHERE group_id = ?1 AND user_id = ?2";
        let since = self
            .conn
            .query_row(sql, params![self.group.0, user.0], |row| row.get(0));
        Micros(since.unwrap())
    }
}

fn end(position: Result<Position, StoreError>) -> (Seq, Micros) {
    let position = position.unwrap();
    (position.last_seq, position.last_time)
}

fn new_group(name: &str, open: bool, max_count: u32) -> NewGroup {
    NewGroup {
        name: name.into(),
        description: String::new(),
        lang_tag: "en".into(),
        avatar_url: String::new(),
        open,
        max_count,
    }
}

fn change(group: GroupId, caller: UserId, action: Action) -> Change {
    Change {
        group,
        caller,
        action,
        group_add: GroupAdd::Anybody,
        now: NOW,
    }
}

fn said(place: &Place, sender: UserId) -> Write {
    Write::Append(
        Message {
            id: MessageId::at(place.time),
            channel: place.channel.clone(),
            seq: Some(place.seq),
            code: MessageCode::Chat,
            sender,
            username: "somebody".into(),
            content: Content::empty(),
            create_time: place.time,
            update_time: place.time,
            persistent: true,
        }
        .into(),
    )
}

/// Who the events are about, and what they say.
fn told(events: &Events) -> Vec<(UserId, MessageCode)> {
    events
        .messages
        .iter()
        .map(|message| (message.sender, message.code))
        .collect()
}

#[test]
fn each_change_has_its_event_with_the_name_of_whom_it_concerns() {
    use MessageCode::{
        GroupAdd, GroupBan, GroupDemote, GroupJoin, GroupKick, GroupLeave, GroupPromote,
    };
    let (mut scene, ada) = Scene::new(true, 10);
    let [bob, cy] = scene.users(["bob", "cy"]);
    let everything = [
        (bob, Action::Join, bob, GroupJoin, Some(Role::Member)),
        (ada, Action::Add(vec![cy]), cy, GroupAdd, Some(Role::Member)),
        (
            ada,
            Action::Promote(vec![cy]),
            cy,
            GroupPromote,
            Some(Role::Admin),
        ),
        (
            ada,
            Action::Demote(vec![cy]),
            cy,
            GroupDemote,
            Some(Role::Member),
        ),
        (ada, Action::Kick(vec![cy]), cy, GroupKick, None),
        (
            ada,
            Action::Ban(vec![bob]),
            bob,
            GroupBan,
            Some(Role::Banned),
        ),
        (cy, Action::Join, cy, GroupJoin, Some(Role::Member)),
        (cy, Action::Leave, cy, GroupLeave, None),
    ];
    for (n, (caller, action, concerned, code, role)) in everything.into_iter().enumerate() {
        let events = scene.change(caller, action).unwrap().events;
        assert_eq!(told(&events), [(concerned, code)]);
        assert_eq!(scene.role(concerned), role);
        let event = &events.messages[0];
        let name = if concerned == bob { "bob" } else { "cy" };
        assert_eq!((&*event.username, event.content.as_str()), (name, "{}"));
        assert_eq!(event.seq, Some(Seq(n as u64 + 1)));
        let end = (Seq(n as u64 + 1), event.create_time);
        assert_eq!(scene.position(), end);
        let gone = role.is_none_or(|role| !role.is_member());
        assert_eq!(events.removed, if gone { vec![concerned] } else { vec![] });
        assert!(!events.ended);
    }
    assert_eq!(scene.edge_count(), Some(1));
    assert_eq!(scene.count("message"), 8);
}

#[test]
fn only_a_ban_sets_the_time_anew() {
    let (mut scene, ada) = Scene::new(false, 10);
    let [bob] = scene.users(["bob"]);
    scene.change(bob, Action::Join).unwrap();
    scene.change(ada, Action::Add(vec![bob])).unwrap();
    scene.change(ada, Action::Promote(vec![bob])).unwrap();
    assert_eq!(scene.since(bob), NOW);
    let ban = scene.change(ada, Action::Ban(vec![bob])).unwrap();
    assert_eq!(scene.since(bob), ban.events.messages[0].create_time);
}

#[test]
fn a_closed_group_asks_its_admins_and_tells_who_is_accepted() {
    let (mut scene, ada) = Scene::new(false, 10);
    let [bob, cy, dan] = scene.users(["bob", "cy", "dan"]);
    scene.change(ada, Action::Add(vec![bob, dan])).unwrap();
    scene.change(ada, Action::Promote(vec![bob])).unwrap();
    let asked = scene.change(cy, Action::Join).unwrap();
    assert!(asked.events.messages.is_empty());
    assert_eq!(scene.role(cy), Some(Role::JoinRequest));
    let to = |notifications: &[Notification]| -> Vec<_> {
        notifications.iter().map(|it| (it.user, it.code)).collect()
    };
    let request = NotificationCode::GroupJoinRequest as i32;
    assert_eq!(to(&asked.notifications), [(ada, request), (bob, request)]);
    let again = scene.change(cy, Action::Join).unwrap();
    assert!(again.notifications.is_empty());
    let accepted = scene.change(bob, Action::Add(vec![cy, cy])).unwrap();
    assert_eq!(
        to(&accepted.notifications),
        [(cy, NotificationCode::GroupAdd as i32)]
    );
    assert_eq!(told(&accepted.events), [(cy, MessageCode::GroupAdd)]);
    assert_eq!(
        (scene.edge_count(), scene.count("notification")),
        (Some(4), 5)
    );
}

#[test]
fn a_request_to_join_is_heard_once_until_it_is_read() {
    let (mut scene, ada) = Scene::new(false, 10);
    let [bob, cy] = scene.users(["bob", "cy"]);
    let mut ask = |user| {
        let asked = scene.change(user, Action::Join).unwrap();
        scene.change(user, Action::Leave).unwrap();
        let told = asked.notifications.iter().map(|it| it.user).collect();
        (told, scene.count("notification"))
    };
    assert_eq!(ask(bob), (vec![ada], 1));
    assert_eq!(ask(bob), (vec![], 1));
    assert_eq!(ask(cy), (vec![ada], 2));
    scene
        .conn
        .execute("UPDATE notification SET read = 1", [])
        .unwrap();
    assert_eq!(
        scene.change(bob, Action::Join).unwrap().notifications.len(),
        1
    );
}

#[test]
fn who_has_blocked_an_admin_is_not_added_and_accepted_without_a_word() {
    let (mut scene, ada) = Scene::new(false, 10);
    let [bob] = scene.users(["bob"]);
    let block = "INSERT INTO friend_edge
        (user_id, other_id, state, since, change_time, metadata) VALUES (?1, ?2, 3, 0, 0, '{}')";
    scene.conn.execute(block, params![bob.0, ada.0]).unwrap();
    let add = || Action::Add(vec![bob]);
    let refused = scene.change(ada, add());
    assert!(matches!(refused, Err(GroupError::UserNotFound)));
    assert_eq!(scene.role(bob), None);
    scene.change(bob, Action::Join).unwrap();
    let asked = scene.count("notification");
    let added = scene.change(ada, add()).unwrap();
    assert!(added.notifications.is_empty());
    assert_eq!(scene.role(bob), Some(Role::Member));
    assert_eq!(scene.count("notification"), asked);
}

#[test]
fn a_refused_change_leaves_nothing_behind() {
    let (mut scene, ada) = Scene::new(true, 3);
    let [bob, cy, dan] = scene.users(["bob", "cy", "dan"]);
    let channel = scene.channel();
    // The channel is made, and unmade, within the savepoint.
    for users in [
        vec![bob, cy, dan],
        vec![bob, UserId::random()],
        vec![bob, UserId::SERVER],
    ] {
        let refused = scene.change(ada, Action::Add(users));
        assert!(matches!(
            refused,
            Err(GroupError::Full | GroupError::UserNotFound)
        ));
        let left = ["message", "notification", "channel"].map(|table| scene.count(table));
        assert_eq!(left, [0, 0, 0]);
        assert_eq!((scene.role(bob), scene.edge_count()), (None, Some(1)));
        assert_eq!(scene.position(), Default::default());
    }
    // What the same batch wrote before and after stays.
    let places = [scene.place(1), scene.place(3), scene.place(1)];
    let refused = change(scene.group, ada, Action::Add(vec![bob, cy, dan]));
    let (during, after) = scene.batch(|batch| {
        batch.write(&said(&places[0], ada)).unwrap();
        batch.change(&refused, &places[1]).unwrap_err();
        let during = end(batch.open(&channel));
        batch.write(&said(&places[2], ada)).unwrap();
        (during, end(batch.open(&channel)))
    });
    assert_eq!([during.0, after.0], [places[0].seq, places[2].seq]);
    assert_eq!((scene.position(), scene.count("message")), (after, 2));
}

#[test]
fn those_who_may_not_are_refused() {
    let (mut scene, ada) = Scene::new(true, 2);
    let [bob, cy] = scene.users(["bob", "cy"]);
    scene.change(bob, Action::Join).unwrap();
    assert!(matches!(
        scene.change(cy, Action::Join),
        Err(GroupError::Full)
    ));
    assert!(matches!(
        scene.change(ada, Action::Leave),
        Err(GroupError::LastSuperadmin)
    ));
    for caller in [bob, cy] {
        assert!(matches!(
            scene.change(caller, Action::Kick(vec![ada])),
            Err(GroupError::NotAdmin)
        ));
        assert!(matches!(
            scene.change(caller, Action::Delete),
            Err(GroupError::NotSuperadmin)
        ));
        let update = GroupUpdate::default();
        assert!(matches!(
            self::update(&scene.conn, scene.group, caller, &update, NOW),
            Err(GroupError::NotAdmin)
        ));
    }
    // Nobody does anything to themselves.
    scene.change(ada, Action::Demote(vec![ada])).unwrap();
    assert_eq!(scene.role(ada), Some(Role::Superadmin));
    scene.change(bob, Action::Leave).unwrap();
    assert!(matches!(
        scene.change(UserId::random(), Action::Join),
        Err(GroupError::NotFound)
    ));
    scene.group = GroupId::random();
    assert!(matches!(
        scene.change(cy, Action::Join),
        Err(GroupError::NotFound)
    ));
    assert!(matches!(
        scene.change(ada, Action::Add(vec![cy])),
        Err(GroupError::NotAdmin)
    ));
    assert!(matches!(
        scene.change(ada, Action::Delete),
        Err(GroupError::NotSuperadmin)
    ));
    for action in [Action::Leave, Action::Depart] {
        assert!(told(&scene.change(ada, action).unwrap().events).is_empty());
    }
}

#[test]
fn a_group_ends_with_all_its_edges() {
    let ends: [fn(&mut Scene, UserId) -> UserId; 3] = [
        |_, ada| ada,
        |scene, ada| {
            let [bob] = scene.users(["bob"]);
            scene.change(ada, Action::Add(vec![bob])).unwrap();
            ada
        },
        |scene, ada| {
            let [bob] = scene.users(["bob"]);
            scene.change(ada, Action::Add(vec![bob])).unwrap();
            scene.change(ada, Action::Ban(vec![bob])).unwrap();
            ada
        },
    ];
    let actions = [Action::Leave, Action::Depart, Action::Delete];
    for (prepare, action) in ends.into_iter().zip(actions) {
        let (mut scene, ada) = Scene::new(true, 5);
        let last = prepare(&mut scene, ada);
        let messages = scene.count("message");
        let events = scene.change(last, action).unwrap().events;
        assert!(events.ended && events.messages.is_empty() && events.removed.is_empty());
        let left = ["chat_group", "group_edge", "message"].map(|table| scene.count(table));
        assert_eq!(left, [0, 0, messages]);
    }
}

#[test]
fn what_a_kicked_user_had_queued_is_not_written() {
    let (mut scene, ada) = Scene::new(true, 5);
    let [bob] = scene.users(["bob"]);
    let places = [
        scene.place(1),
        scene.place(1),
        scene.place(1),
        scene.place(1),
    ];
    let group = scene.group;
    let outcomes = scene.batch(|batch| {
        let mut outcomes = vec![batch.write(&said(&places[0], bob))];
        let join = change(group, bob, Action::Join);
        batch.change(&join, &places[0]).unwrap();
        outcomes.push(batch.write(&said(&places[1], bob)));
        let kick = change(group, ada, Action::Kick(vec![bob]));
        batch.change(&kick, &places[2]).unwrap();
        outcomes.push(batch.write(&said(&places[3], bob)));
        outcomes.push(batch.write(&said(&places[3], UserId::SERVER)));
        outcomes
    });
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(matches!(
        outcomes[..],
        [
            Outcome::Forbidden,
            Outcome::Appended,
            Outcome::Forbidden,
            Outcome::Appended
        ]
    ));
    scene.change(ada, Action::Delete).unwrap();
    let place = scene.place(1);
    let server = scene.batch(|batch| batch.write(&said(&place, UserId::SERVER)));
    assert!(matches!(server, Ok(Outcome::Forbidden)));
    assert_eq!(scene.count("message"), 4);
}

#[test]
fn an_event_is_neither_changed_nor_removed_by_whom_it_concerns() {
    let (mut scene, _) = Scene::new(true, 5);
    let [bob] = scene.users(["bob"]);
    let events = scene.change(bob, Action::Join).unwrap().events;
    let remove = Write::Remove {
        channel: scene.channel(),
        id: events.messages[0].id,
        sender: bob,
    };
    let outcome = scene.batch(|batch| batch.write(&remove));
    assert!(matches!(outcome, Ok(Outcome::NoSuchMessage)));
}

#[test]
fn a_name_belongs_to_one_group() {
    let (scene, ada) = Scene::new(true, 5);
    let make = |creator, name| {
        let group = new_group(name, true, 5);
        create(&scene.conn, GroupId::random(), creator, group, NOW)
    };
    assert!(matches!(make(ada, "Group"), Err(GroupError::NameTaken)));
    assert!(matches!(
        make(UserId::random(), "Ghosts"),
        Err(GroupError::NotFound)
    ));
    let other = make(ada, "group").unwrap();
    let rename = |name: &str| {
        let update = GroupUpdate {
            name: Some(name.into()),
            ..GroupUpdate::default()
        };
        self::update(&scene.conn, other.id, ada, &update, Micros(NOW.0 + 1))
    };
    assert!(matches!(rename("Group"), Err(GroupError::RenameTaken)));
    rename("group").unwrap();
    rename("GROUPS").unwrap();
    let filter = GroupFilter::Name("groups".into());
    let found = super::list::groups(&scene.conn, &filter, None, 5)
        .unwrap()
        .entries;
    let renamed = Group {
        name: "GROUPS".into(),
        updated: Micros(NOW.0 + 1),
        ..other
    };
    assert_eq!(found, [renamed]);
}
