//! A server in a few lines, right or wrong on purpose, and what the referee says to it.

use std::{collections::VecDeque, mem::discriminant, time::Duration};

use proptest::prelude::*;

use super::*;

const ROOM: ChannelNo = ChannelNo(0);

struct Message {
    number: u32,
    id: String,
    code: i32,
    sender: String,
    content: String,
    stored: bool,
}

impl Message {
    fn heard(&self) -> Heard<'_> {
        Heard {
            id: &self.id,
            code: self.code,
            sender_id: &self.sender,
            content: &self.content,
            stored: self.stored,
        }
    }
}

/// A channel, its messages in the order of the server, and the referee.
struct Room {
    referee: Referee,
    messages: Vec<Message>,
}

fn user(player: u32) -> String {
    Uuid::of(u128::from(player) + 1).to_string()
}

fn session(player: u32) -> String {
    Uuid::of(u128::from(player) + 1001).to_string()
}

impl Room {
    fn new() -> Self {
        let mut referee = Referee::new(&[plan::Channel::Direct(PlayerId(0), PlayerId(1))]);
        for player in 0..8 {
            referee.know_user(PlayerId(player), &user(player));
        }
        Self {
            referee,
            messages: Vec::new(),
        }
    }

    fn join(&mut self, player: u32) -> StayId {
        self.join_seeing(player, Manner::Seen, &[])
    }

    fn join_seeing(&mut self, player: u32, manner: Manner, others: &[u32]) -> StayId {
        let stay = self.referee.join(PlayerId(player), ROOM, manner);
        let ids: Vec<_> = others
            .iter()
            .map(|other| (user(*other), session(*other)))
            .collect();
        let (user_id, session_id) = (user(player), session(player));
        let own = Seen {
            user_id: &user_id,
            session_id: &session_id,
        };
        self.referee.joined(
            stay,
            own,
            ids.iter().map(|(user_id, session_id)| Seen {
                user_id,
                session_id,
            }),
        );
        stay
    }

    /// Shows joins and leaves.
    fn see(&mut self, stay: StayId, joins: &[u32], leaves: &[u32]) -> bool {
        let ids = |players: &[u32]| -> Vec<_> {
            players
                .iter()
                .map(|other| (user(*other), session(*other)))
                .collect()
        };
        let (joins, leaves) = (ids(joins), ids(leaves));
        fn seen((user_id, session_id): &(String, String)) -> Seen<'_> {
            Seen {
                user_id,
                session_id,
            }
        }
        self.referee
            .see(stay, joins.iter().map(seen), leaves.iter().map(seen))
    }

    /// Begins to send; the server places it at once.
    fn send(&mut self, player: u32, manner: Manner) -> usize {
        let sender = user(player);
        let (number, content) = self.referee.say(
            PlayerId(player),
            &sender,
            (ROOM, manner),
            Duration::ZERO,
            20,
        );
        let id = Uuid::of(u128::from(number) + 5000).to_string();
        let stored = manner != Manner::Fleeting;
        self.messages.push(Message {
            number,
            id,
            code: 0,
            sender,
            content,
            stored,
        });
        self.messages.len() - 1
    }

    fn confirm(&mut self, message: usize) {
        let message = &self.messages[message];
        self.referee.taken(message.number, Some(&message.id));
    }

    fn say(&mut self, player: u32) -> usize {
        let message = self.send(player, Manner::Seen);
        self.confirm(message);
        message
    }

    fn hear(&mut self, stay: StayId, messages: &[usize]) {
        for message in messages {
            self.referee.hear(stay, &self.messages[*message].heard());
        }
    }

    /// Comes back and reads these, newest first.
    fn catch_up(&mut self, stay: StayId, since: Option<Place>, newest_first: &[usize]) {
        let mut catch_up = self.referee.begin_catch_up(stay, since);
        let page = newest_first
            .iter()
            .map(|message| self.messages[*message].heard());
        self.referee.read_back(&mut catch_up, page);
        self.referee.end_catch_up(catch_up);
    }

    fn judge(&mut self, history: &[usize]) -> Vec<Violation> {
        let mut read = Vec::new();
        let page = history
            .iter()
            .map(|message| self.messages[*message].heard());
        self.referee
            .read_history(PlayerId(0), ROOM, page, &mut read);
        self.referee.judge_answers();
        let docket = self.referee.docket();
        self.referee.judge_channel(ROOM, &docket, &read);
        self.referee.violations().to_vec()
    }
}

/// Three messages heard like this by two players, with this history.
fn three(one: &[usize], two: &[usize], history: &[usize]) -> Vec<Violation> {
    let mut room = Room::new();
    let stays = [room.join(0), room.join(1)];
    for _ in 0..3 {
        room.say(0);
    }
    room.hear(stays[0], one);
    room.hear(stays[1], two);
    room.judge(history)
}

fn has(found: &[Violation], wanted: impl Fn(&Violation) -> bool) {
    assert!(found.iter().any(wanted), "{found:#?}");
}

#[test]
fn what_is_right_is_right() {
    assert_eq!(three(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]), []);
}

#[test]
fn a_lost_message_is_found_wherever_it_was() {
    for heard in [&[1, 2][..], &[0, 2], &[0, 1], &[0], &[]] {
        let found = three(&[0, 1, 2], heard, &[0, 1, 2]);
        has(&found, |found| {
            matches!(
                found,
                Violation::Lost {
                    player: PlayerId(1),
                    ..
                }
            )
        });
        assert_eq!(found.len(), 3 - heard.len(), "{found:#?}");
        // The first to hear may also be the one who lost something.
        let found = three(heard, &[0, 1, 2], &[0, 1, 2]);
        assert!(!found.is_empty());
    }
    has(&three(&[0, 1], &[0, 1], &[0, 1, 2]), |found| {
        matches!(found, Violation::Lost { .. })
    });
}

#[test]
fn whoever_lost_a_message_is_named_also_if_they_were_the_first_to_hear_the_next() {
    let mut room = Room::new();
    let stays = [0, 1, 2].map(|player| room.join(player));
    for _ in 0..5 {
        room.say(0);
    }
    room.hear(stays[0], &[0, 1, 4]);
    room.hear(stays[1], &[0, 1, 2, 3, 4]);
    room.hear(stays[2], &[0, 1, 2, 3, 4]);
    let found = room.judge(&[0, 1, 2, 3, 4]);
    assert_eq!(found.len(), 2, "{found:#?}");
    for found in found {
        let Violation::Lost { player, .. } = found else {
            panic!("{found}")
        };
        assert_eq!(player, PlayerId(0));
    }
}

#[test]
fn a_doubled_message_is_found() {
    for heard in [
        &[0, 0, 1, 2][..],
        &[0, 1, 1, 2],
        &[0, 1, 2, 2],
        &[0, 1, 2, 0],
        &[0, 1, 0, 2],
    ] {
        for found in [
            three(&[0, 1, 2], heard, &[0, 1, 2]),
            three(heard, &[0, 1, 2], &[0, 1, 2]),
            three(heard, heard, &[0, 1, 2]),
        ] {
            has(&found, |found| matches!(found, Violation::Doubled { .. }));
        }
    }
}

#[test]
fn swapped_messages_are_found() {
    for heard in [&[1, 0, 2][..], &[0, 2, 1], &[2, 1, 0]] {
        assert!(!three(&[0, 1, 2], heard, &[0, 1, 2]).is_empty());
        assert!(!three(heard, &[0, 1, 2], &[0, 1, 2]).is_empty());
        let found = three(heard, heard, &[0, 1, 2]);
        has(&found, |found| {
            matches!(found, Violation::HistoryOrder { .. })
        });
    }
}

#[test]
fn a_wrong_history_is_found() {
    let all = &[0, 1, 2];
    has(&three(all, all, &[0, 2, 1]), |found| {
        matches!(found, Violation::HistoryOrder { .. })
    });
    has(&three(all, all, &[0, 1]), |found| {
        matches!(found, Violation::NotStored { .. })
    });
    has(&three(all, all, &[0, 1, 1, 2]), |found| {
        matches!(found, Violation::HistoryTwice { .. })
    });
    has(&three(all, all, &[]), |found| {
        matches!(found, Violation::NotStored { .. })
    });
}

#[test]
fn who_comes_later_or_leaves_misses_nothing() {
    let mut room = Room::new();
    let first = room.join(0);
    let early = room.say(0);
    let second = room.join(1);
    let both = room.say(0);
    room.referee.leave(first);
    let late = room.say(1);
    room.hear(first, &[early, both]);
    room.hear(second, &[both, late]);
    assert_eq!(room.judge(&[0, 1, 2]), []);
}

#[test]
fn who_loses_the_connection_while_leaving_may_miss_something() {
    let mut room = Room::new();
    let (first, second) = (room.join(0), room.join(1));
    let message = room.say(1);
    room.hear(second, &[message]);
    room.referee.leave(first);
    room.referee.lose(first);
    assert_eq!(room.judge(&[0]), []);
}

#[test]
fn what_was_under_way_may_be_heard_or_not() {
    for heard_by_second in [&[0, 1][..], &[1]] {
        let mut room = Room::new();
        let first = room.join(0);
        let under_way = room.send(0, Manner::Seen);
        let second = room.join(1);
        room.confirm(under_way);
        let after = room.say(0);
        room.hear(first, &[under_way, after]);
        room.hear(second, heard_by_second);
        assert_eq!(room.judge(&[0, 1]), []);
    }
}

#[test]
fn unanswered_messages_are_there_or_not_but_never_twice() {
    for (heard, history, fine) in [
        (&[][..], &[][..], true),
        (&[0], &[0], true),
        (&[], &[0], true),
        (&[0], &[0, 1], false),
    ] {
        let mut room = Room::new();
        let first = room.join(0);
        let second = room.join(1);
        let message = room.send(0, Manner::Seen);
        room.referee.lose(first);
        room.referee.unanswered(room.messages[message].number);
        // The same once more.
        let other = Uuid::of(99).to_string();
        let Message {
            number,
            code,
            sender,
            content,
            stored,
            ..
        } = &room.messages[message];
        let again = Message {
            id: other,
            number: *number,
            code: *code,
            sender: sender.clone(),
            content: content.clone(),
            stored: *stored,
        };
        room.messages.push(again);
        room.hear(second, heard);
        assert_eq!(room.judge(history).is_empty(), fine);
    }
}

#[test]
fn acks_are_checked() {
    let mut room = Room::new();
    let stay = room.join(0);
    let message = room.say(0);
    room.hear(stay, &[message]);
    room.confirm(message);
    let second = room.send(0, Manner::Seen);
    room.hear(stay, &[second]);
    room.referee
        .taken(room.messages[second].number, Some(&Uuid::of(1).to_string()));
    let third = room.send(0, Manner::Seen);
    room.referee.refused(room.messages[third].number);
    room.hear(stay, &[third]);
    room.send(0, Manner::Seen);
    let found = room.judge(&[0, 1, 2]);
    has(&found, |found| {
        matches!(found, Violation::AnsweredTwice { .. })
    });
    has(&found, |found| matches!(found, Violation::WrongAck { .. }));
    has(&found, |found| {
        matches!(found, Violation::RefusedYetThere { .. })
    });
    has(&found, |found| {
        matches!(found, Violation::Unanswered { .. })
    });
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn altered_and_foreign_messages_are_found() {
    let mut room = Room::new();
    let stay = room.join(0);
    let message = room.say(0);
    let right = room.messages[message].content.clone();
    room.messages[message].content.push(' ');
    room.hear(stay, &[message]);
    has(room.referee.violations(), |found| {
        matches!(found, Violation::Altered { .. })
    });
    room.messages[message].content = right;
    let foreign = Heard {
        id: &Uuid::of(7).to_string(),
        code: 0,
        sender_id: &user(1),
        content: "{}",
        stored: true,
    };
    room.referee.hear(stay, &foreign);
    has(room.referee.violations(), |found| {
        matches!(found, Violation::Foreign { .. })
    });
}

#[test]
fn fleeting_messages_are_heard_and_not_stored() {
    for (history, fine) in [(&[0, 2][..], true), (&[0, 1, 2], false)] {
        let mut room = Room::new();
        let stays = [room.join(0), room.join(1)];
        room.say(0);
        let fleeting = room.send(1, Manner::Fleeting);
        room.confirm(fleeting);
        room.say(0);
        for stay in stays {
            room.hear(stay, &[0, 1, 2]);
        }
        assert_eq!(room.judge(history).is_empty(), fine);
    }
    // Heard by nobody, not even by who sent it.
    let mut room = Room::new();
    room.join(0);
    let fleeting = room.send(0, Manner::Fleeting);
    room.confirm(fleeting);
    has(&room.judge(&[]), |found| {
        matches!(found, Violation::Lost { .. })
    });
}

#[test]
fn who_comes_back_reads_what_they_missed() {
    /// Hears message 0, is away for 1 and 2, reads this and then hears 3.
    fn come_back(read: &[usize]) -> Vec<Violation> {
        let mut room = Room::new();
        let (stays, steady) = (room.join(0), room.join(1));
        room.say(1);
        room.hear(stays, &[0]);
        let since = room.referee.last_stored(stays);
        room.referee.lose(stays);
        room.say(1);
        room.say(1);
        let again = room.join(0);
        room.catch_up(again, since, read);
        room.say(1);
        room.hear(again, &[3]);
        room.hear(steady, &[0, 1, 2, 3]);
        room.judge(&[0, 1, 2, 3])
    }
    assert_eq!(come_back(&[2, 1, 0]), []);
    for wrong in [
        &[2, 0][..],
        &[1, 0],
        &[2, 1],
        &[0],
        &[],
        &[1, 2, 0],
        &[2, 2, 1, 0],
    ] {
        assert!(!come_back(wrong).is_empty(), "{wrong:?}");
    }
}

#[test]
fn hidden_players_stay_hidden() {
    let mut room = Room::new();
    room.join_seeing(2, Manner::Hidden, &[]);
    let stay = room.join_seeing(0, Manner::Seen, &[2]);
    has(room.referee.violations(), |found| {
        matches!(found, Violation::HiddenShown { .. })
    });
    room.see(stay, &[2], &[]);
    assert_eq!(room.referee.count(), 2);
}

#[test]
fn presences_are_who_is_there() {
    let mut room = Room::new();
    let one = room.join_seeing(0, Manner::Seen, &[]);
    room.see(one, &[0], &[]);
    assert!(room.referee.sees_right());
    let two = room.join_seeing(1, Manner::Seen, &[0]);
    assert!(!room.referee.sees_right(), "nobody has seen the second yet");
    room.see(two, &[1], &[]);
    room.see(one, &[1], &[]);
    let hidden = room.join_seeing(2, Manner::Hidden, &[0, 1]);
    assert!(room.referee.sees_right());
    room.referee.leave(two);
    room.referee.judge_presences();
    has(room.referee.violations(), |found| {
        matches!(
            found,
            Violation::StillSeen {
                player: PlayerId(0),
                ..
            }
        )
    });
    room.see(one, &[], &[1]);
    room.see(hidden, &[], &[1]);
    assert!(room.referee.sees_right());
    // Those who are there are told of whoever leaves, also if they were never shown them.
    let found = room.referee.count();
    room.see(one, &[], &[1]);
    assert_eq!(room.referee.count(), found);
    assert!(room.referee.sees_right());
    assert!(room.see(one, &[], &[0]), "the own session has left");
    room.referee.put_out(one);
    has(room.referee.violations(), |found| {
        matches!(found, Violation::PutOut { .. })
    });
}

#[test]
fn one_event_may_tell_of_leaving_and_coming_again() {
    let mut room = Room::new();
    let one = room.join_seeing(0, Manner::Seen, &[]);
    room.see(one, &[0], &[]);
    let two = room.join_seeing(1, Manner::Seen, &[0]);
    room.see(two, &[1], &[]);
    room.see(one, &[1], &[]);
    room.see(one, &[1], &[1]);
    assert!(room.referee.sees_right());
    // Somebody who came and went within one event.
    room.see(one, &[3], &[3]);
    assert!(room.referee.sees_right());
    assert_eq!(room.referee.count(), 0);
}

#[test]
fn the_blocked_are_silent() {
    /// One is blocked by the other and goes on; what the two hear of it, and whether the server takes it.
    fn block(heard: bool, taken: bool) -> Vec<Violation> {
        let mut room = Room::new();
        let stays = [room.join(0), room.join(1)];
        let before = room.say(1);
        room.hear(stays[1], &[before]);
        room.referee.block(ROOM, PlayerId(0));
        room.hear(stays[0], &[before]);
        room.referee.blocked(ROOM);
        let after = room.send(1, Manner::Seen);
        if heard {
            room.hear(stays[0], &[after]);
        }
        let mut history = vec![before];
        match taken {
            true => {
                room.confirm(after);
                history.push(after);
            }
            false => room.referee.refused(room.messages[after].number),
        }
        room.judge(&history)
    }
    assert_eq!(block(false, false), []);
    has(&block(true, true), |found| {
        matches!(found, Violation::BlockedHeard { .. })
    });
    has(&block(false, true), |found| {
        matches!(found, Violation::BlockedTaken { .. })
    });
    // After being put out, it is not even in a channel.
    let mut room = Room::new();
    let stays = [room.join(0), room.join(1)];
    room.referee.block(ROOM, PlayerId(0));
    room.referee.blocked(ROOM);
    room.referee.put_out(stays[0]);
    let after = room.send(1, Manner::Seen);
    room.referee
        .stray(PlayerId(0), ROOM, &room.messages[after].heard());
    assert_eq!(room.referee.count(), 1);
    has(room.referee.violations(), |found| {
        matches!(found, Violation::BlockedHeard { .. })
    });
}

#[test]
fn a_block_may_refuse_both() {
    let mut room = Room::new();
    let stays = [room.join(0), room.join(1)];
    let sends = [0, 1].map(|player| room.send(player, Manner::Seen));
    let numbers = sends.map(|send| room.messages[send].number);
    assert!(!numbers.iter().any(|send| room.referee.is_blocked(*send)));
    room.referee.block(ROOM, PlayerId(0));
    assert!(numbers.iter().all(|send| room.referee.is_blocked(*send)));
    for stay in stays {
        assert!(room.referee.has_joined(stay));
    }
}

#[test]
fn it_is_not_over_before_all_is_heard() {
    let mut room = Room::new();
    let stays = [room.join(0), room.join(1)];
    assert!(room.referee.heard_all());
    room.say(0);
    assert!(!room.referee.heard_all(), "nobody has heard it");
    room.hear(stays[0], &[0]);
    assert!(!room.referee.heard_all(), "one has not heard anything");
    room.hear(stays[1], &[0]);
    assert!(room.referee.heard_all());
    room.say(0);
    room.say(1);
    room.hear(stays[0], &[1, 2]);
    assert!(!room.referee.heard_all(), "one has not heard the end");
    let late = room.join(2);
    room.hear(stays[1], &[1]);
    assert!(!room.referee.heard_all());
    room.hear(stays[1], &[2]);
    assert!(
        room.referee.heard_all(),
        "who came late has nothing to hear"
    );
    room.referee.leave(late);
    room.send(0, Manner::Seen);
    assert!(room.referee.heard_all(), "nobody knows whether it is one");
}

#[test]
fn what_the_unsettled_have_not_heard_is_not_lost() {
    let mut room = Room::new();
    let stay = room.join(0);
    room.join(1);
    room.say(0);
    room.hear(stay, &[0]);
    room.referee.unsettled(PlayerId(1));
    assert!(room.referee.heard_all());
    assert_eq!(room.judge(&[0]), []);
}

#[test]
fn a_change_is_told_once() {
    for (history, heard, fine) in [
        (&[0][..], &[0][..], true),
        (&[], &[], false),
        (&[0], &[], false),
        (&[0, 0], &[0], false),
    ] {
        let mut room = Room::new();
        let stay = room.join(0);
        let number = room.referee.change(PlayerId(1), ROOM, Duration::ZERO, 3);
        let id = Uuid::of(5).to_string();
        room.messages.push(Message {
            number,
            id,
            code: 3,
            sender: user(1),
            content: "{}".into(),
            stored: true,
        });
        room.referee.taken(number, None);
        room.hear(stay, heard);
        assert_eq!(
            room.judge(history).is_empty(),
            fine,
            "{heard:?} {history:?}"
        );
    }
}

/// What happens in a random tournament of one room.
#[derive(Debug, Clone)]
enum Happening {
    Join(u32),
    Leave(u32),
    Drop(u32),
    Say(u32),
    Read(u32, usize),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let player = 0_u32..5;
    let one = prop_oneof![
        2 => player.clone().prop_map(Happening::Join),
        1 => player.clone().prop_map(Happening::Leave),
        1 => player.clone().prop_map(Happening::Drop),
        6 => player.clone().prop_map(Happening::Say),
        4 => (player, 1_usize..4).prop_map(|(player, count)| Happening::Read(player, count)),
    ];
    prop::collection::vec(one, 1..120)
}

/// What is wrong with one delivery.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Lost,
    Doubled,
    Swapped,
}

/// Plays it. The delivery with this number goes wrong if it is one that is to be found: heard to the end by
/// somebody who does not drop. What was found, whether anything went wrong, and how many deliveries there were.
fn play(happenings: &[Happening], fault: Option<(Fault, usize)>) -> (Vec<Violation>, bool, usize) {
    struct Listener {
        stay: StayId,
        waiting: VecDeque<usize>,
    }
    let mut room = Room::new();
    let mut listeners: Vec<Option<Listener>> = (0..5).map(|_| None).collect();
    let (mut deliveries, mut faulty) = (0, false);
    // Drops at the end of a stay hide what was lost before: a fault is not put there.
    let drops_later = |player: u32, from: usize| {
        let ends = happenings[from..]
            .iter()
            .find_map(|happening| match happening {
                Happening::Drop(who) if *who == player => Some(true),
                Happening::Leave(who) if *who == player => Some(false),
                _ => None,
            });
        ends == Some(true)
    };
    for (step, happening) in happenings.iter().enumerate() {
        match *happening {
            Happening::Join(player) => {
                let listener = &mut listeners[player as usize];
                if listener.is_none() {
                    let stay = room.join(player);
                    *listener = Some(Listener {
                        stay,
                        waiting: VecDeque::new(),
                    });
                }
            }
            Happening::Say(player) if listeners[player as usize].is_some() => {
                let message = room.say(player);
                for (number, listener) in (0..).zip(&mut listeners) {
                    let Some(listener) = listener else { continue };
                    deliveries += 1;
                    let wrong =
                        fault.filter(|(_, at)| *at == deliveries && !drops_later(number, step));
                    match wrong {
                        None => listener.waiting.push_back(message),
                        Some((Fault::Lost, _)) => faulty = true,
                        Some((Fault::Doubled, _)) => {
                            listener.waiting.extend([message, message]);
                            faulty = true;
                        }
                        Some((Fault::Swapped, _)) => {
                            let last = listener.waiting.pop_back();
                            listener.waiting.push_back(message);
                            listener.waiting.extend(last);
                            faulty = last.is_some();
                        }
                    }
                }
            }
            Happening::Say(_) => {}
            Happening::Read(player, count) => {
                if let Some(listener) = &mut listeners[player as usize] {
                    let count = count.min(listener.waiting.len());
                    let messages: Vec<_> = listener.waiting.drain(..count).collect();
                    room.hear(listener.stay, &messages);
                }
            }
            Happening::Leave(player) => {
                if let Some(listener) = listeners[player as usize].take() {
                    room.referee.leave(listener.stay);
                    room.hear(listener.stay, &Vec::from(listener.waiting));
                }
            }
            Happening::Drop(player) => {
                if let Some(listener) = listeners[player as usize].take() {
                    room.referee.lose(listener.stay);
                }
            }
        }
    }
    for listener in listeners.into_iter().flatten() {
        room.hear(listener.stay, &Vec::from(listener.waiting));
    }
    let history: Vec<_> = (0..room.messages.len()).collect();
    (room.judge(&history), faulty, deliveries)
}

proptest! {
    #[test]
    fn a_right_server_is_found_right(happenings in happenings()) {
        let (found, ..) = play(&happenings, None);
        prop_assert_eq!(found, vec![]);
    }

    #[test]
    fn any_fault_is_found(
        happenings in happenings(),
        at in any::<prop::sample::Index>(),
        fault in prop_oneof![Just(Fault::Lost), Just(Fault::Doubled), Just(Fault::Swapped)],
    ) {
        let (_, _, deliveries) = play(&happenings, None);
        prop_assume!(deliveries > 0);
        let (found, faulty, _) = play(&happenings, Some((fault, at.index(deliveries) + 1)));
        prop_assert_eq!(!found.is_empty(), faulty, "{:?}", found);
    }
}

#[test]
fn violations_are_counted_also_when_they_are_too_many_to_keep() {
    let mut violations = Violations::default();
    let violation = Violation::Malformed {
        player: PlayerId(3),
        what: "nothing".into(),
    };
    for _ in 0..3000 {
        violations.add(violation.clone(), None);
    }
    assert_eq!(violations.count(), 3000);
    assert_eq!(violations.kept().len(), 2000);
    assert_eq!(
        discriminant(&violations.kept()[0]),
        discriminant(&violation)
    );
    assert_eq!(
        violation.to_string(),
        "malformed: player 3 was given nothing"
    );
}
