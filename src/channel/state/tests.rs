use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::channel::{Events, GroupId, in_flight::End};

const LIMITS: ChannelLimits = ChannelLimits {
    rate: None,
    sessions: 10,
    ephemeral_memory: 4,
    presence_immediate: 8,
    presence_window: Duration::ZERO,
};

fn channel() -> ChannelState {
    let id = ChannelId::group(GroupId(Uuid::from_u128(7)));
    let mut state = ChannelState::new(id, LIMITS, Vec::new());
    state.continue_from(Position {
        last_seq: Seq(10),
        last_time: Micros(1000),
    });
    state
}

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n)))
}

fn session(n: u8) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(n)))
}

/// Lets a session of a user in.
fn enter(state: &mut ChannelState, n: u8, of: u8, persistence: bool) {
    let presence = Presence {
        session: session(n),
        user: user(of),
        username: "ana".into(),
        persistence,
    };
    state.join(presence, false).unwrap();
}

fn say(state: &mut ChannelState, n: u8, call: u64) -> Option<Write> {
    let edit = Edit::Send(Content::new("{}").unwrap());
    state
        .admit(session(n), edit, None, ReplyTo::Call(call), Micros(0))
        .unwrap()
}

fn kick(of: u8) -> Result<Events, StoreError> {
    Ok(Events {
        removed: vec![user(of)],
        ..Events::default()
    })
}

/// The calls of everything that is released, and whether it went well.
fn release_all(state: &mut ChannelState) -> Vec<(u64, bool)> {
    let mut released = Vec::new();
    while let Some(Released { reply_to, end }) = state.release() {
        let ReplyTo::Call(call) = reply_to else {
            panic!("{reply_to:?}")
        };
        let good = match end {
            End::Message(result) => result.is_ok(),
            End::Events(Ok(events)) => {
                for user in events.removed {
                    for session in state.expel(Expelled::User(user)) {
                        state.leave(session);
                    }
                }
                true
            }
            End::Events(Err(_)) => false,
        };
        released.push((call, good));
    }
    released
}

#[test]
fn a_change_holds_as_many_places_as_it_may_have_events() {
    let mut state = channel();
    enter(&mut state, 1, 1, true);
    let place = state.reserve(3, ReplyTo::Call(1), Micros(0));
    assert_eq!((place.seq, place.time), (Seq(11), Micros(1001)));
    assert_eq!(place.nth(2), (Seq(13), Micros(1003)));
    let Some(Write::Append(message)) = say(&mut state, 1, 2) else {
        panic!("to be stored")
    };
    assert_eq!(
        (message.seq, message.create_time),
        (Some(Seq(14)), Micros(1004))
    );
}

#[test]
fn what_is_withdrawn_gives_its_places_back() {
    let mut state = channel();
    state.reserve(3, ReplyTo::Call(1), Micros(0));
    state.withdraw();
    let place = state.reserve(0, ReplyTo::Call(2), Micros(0));
    assert_eq!(place.seq, Seq(11));
    state.withdraw();
    assert_eq!(state.reserve(1, ReplyTo::Call(3), Micros(0)).seq, Seq(11));
}

#[test]
fn nothing_overtakes_a_change_that_the_store_has_not_decided() {
    let mut state = channel();
    enter(&mut state, 1, 1, false);
    state.reserve(1, ReplyTo::Call(1), Micros(0));
    assert!(say(&mut state, 1, 2).is_none());
    assert!(state.release().is_none());
    state.changed(Ok(Events::default()));
    assert_eq!(release_all(&mut state), [(1, true), (2, true)]);
}

#[test]
fn what_a_kicked_user_sent_after_the_kick_is_not_delivered() {
    let mut state = channel();
    enter(&mut state, 1, 1, false);
    enter(&mut state, 2, 1, true);
    enter(&mut state, 3, 3, false);
    say(&mut state, 1, 1);
    state.reserve(1, ReplyTo::Call(2), Micros(0));
    say(&mut state, 1, 3);
    assert!(say(&mut state, 2, 4).is_some());
    say(&mut state, 3, 5);
    state.committed(vec![Ok(Outcome::Forbidden)]);
    state.changed(kick(1));
    assert_eq!(
        release_all(&mut state),
        [(1, true), (2, true), (3, false), (4, false), (5, true)]
    );
    assert!(!state.has(session(1)) && !state.has(session(2)) && state.has(session(3)));
}

#[test]
fn leaving_after_a_kick_delivers_nothing_that_was_sent_in_between() {
    let mut state = channel();
    enter(&mut state, 1, 1, false);
    state.reserve(1, ReplyTo::Call(1), Micros(0));
    say(&mut state, 1, 2);
    state.leave(session(1));
    state.changed(kick(1));
    assert_eq!(release_all(&mut state), [(1, true), (2, false)]);
}

#[test]
fn a_change_that_failed_takes_nobody_out() {
    let mut state = channel();
    enter(&mut state, 1, 1, false);
    state.reserve(1, ReplyTo::Call(1), Micros(0));
    say(&mut state, 1, 2);
    state.changed(Err(StoreError::Busy));
    assert_eq!(release_all(&mut state), [(1, false), (2, true)]);
    assert!(state.has(session(1)));
}

#[test]
fn when_the_channel_ends_everybody_has_to_go() {
    let mut state = channel();
    enter(&mut state, 1, 1, true);
    enter(&mut state, 2, 2, true);
    let mut gone = state.expel(Expelled::Everybody);
    gone.sort();
    assert_eq!(gone, [session(1), session(2)]);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A session sends.
    Say(u8),
    /// A change that may have so many events.
    Change(u64),
    /// The store decides the oldest so many messages.
    Commit(usize),
    /// The store decides the oldest change.
    Decide,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4u8).prop_map(Step::Say),
        2 => (0..4u64).prop_map(Step::Change),
        2 => (1..4usize).prop_map(Step::Commit),
        1 => Just(Step::Decide),
    ]
}

proptest! {
    /// Whatever is asked and however the store's answers come: all ends come out once, in the order of
    /// admission, and no place is given twice.
    #[test]
    fn ends_come_in_the_order_of_admission(steps in prop::collection::vec(step(), 0..60)) {
        let mut state = channel();
        enter(&mut state, 1, 1, true);
        enter(&mut state, 2, 2, false);
        enter(&mut state, 3, 3, true);
        let (mut calls, mut taken) = (0, 10);
        let (mut messages, mut changes) = (0, 0);
        let mut released = Vec::new();
        for step in steps {
            match step {
                Step::Say(n) => {
                    calls += 1;
                    if let Some(Write::Append(message)) = say(&mut state, n, calls) {
                        taken += 1;
                        prop_assert_eq!(message.seq, Some(Seq(taken)));
                        messages += 1;
                    }
                }
                Step::Change(places) => {
                    calls += 1;
                    let place = state.reserve(places as usize, ReplyTo::Call(calls), Micros(0));
                    prop_assert_eq!(place.seq, Seq(taken + 1));
                    taken += places;
                    changes += 1;
                }
                Step::Commit(count) => {
                    let count = count.min(messages);
                    messages -= count;
                    state.committed(vec![Ok(Outcome::Appended); count]);
                    released.extend(release_all(&mut state));
                }
                Step::Decide if changes > 0 => {
                    changes -= 1;
                    state.changed(Ok(Events::default()));
                    released.extend(release_all(&mut state));
                }
                Step::Decide => {}
            }
        }
        for _ in 0..changes {
            state.changed(Ok(Events::default()));
        }
        state.committed(vec![Ok(Outcome::Appended); messages]);
        released.extend(release_all(&mut state));
        let all: Vec<_> = (1..=calls).map(|call| (call, true)).collect();
        prop_assert_eq!(released, all);
        prop_assert!(state.in_flight.is_empty());
    }
}
