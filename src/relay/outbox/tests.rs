use super::*;
use crate::{user::UserId, wire::EnvelopeError};

const LIMITS: OutboxLimits = OutboxLimits {
    // Of frames with a bit more than 50 bytes, the third is too much.
    bytes: 2 * FRAME_COST + 100,
    pipeline: 2,
    ping_period: Duration::from_secs(1),
    pong_wait: Duration::from_secs(2),
    write_timeout: Duration::from_secs(3),
    close_wait: Duration::from_secs(1),
};

fn outbox() -> Outbox {
    Outbox::new(Format::Json, LIMITS)
}

fn news(number: u64) -> News {
    let user = UserId::SERVER;
    News { user, number }
}

fn frame(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

/// With room for all that a test puts in.
fn roomy() -> Outbox {
    let limits = OutboxLimits {
        bytes: 10_000,
        ..LIMITS
    };
    Outbox::new(Format::Json, limits)
}

/// Of a peer that is not asked whether it is there.
fn unasked() -> Outbox {
    let limits = OutboxLimits {
        ping_period: Duration::from_secs(1000),
        pong_wait: Duration::from_secs(1000),
        ..LIMITS
    };
    Outbox::new(Format::Json, limits)
}

/// Writes at most `most` bytes, then the peer takes no more.
fn write(outbox: &Outbox, most: usize) -> Vec<u8> {
    let (mut written, mut left) = (Vec::new(), most);
    let _ = outbox.drain(|slices| {
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        let count = bytes.len().min(left);
        if count == 0 {
            return Poll::Pending;
        }
        left -= count;
        written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    });
    written
}

#[test]
fn one_large_frame_is_taken_and_cuts_off_who_does_not_read_on() {
    let outbox = outbox();
    outbox.push(frame(1000));
    assert!(!outbox.is_closing());
    assert_eq!(write(&outbox, 1000).len(), 1000);
    outbox.push(frame(1000));
    outbox.push(frame(1));
    assert!(outbox.is_closing());
}

#[test]
fn a_slow_consumer_gets_the_rest_of_a_frame_and_then_the_close_frame() {
    let outbox = outbox();
    outbox.push(frame(80));
    assert_eq!(write(&outbox, 30).len(), 30);
    for _ in 0..10 {
        outbox.push(frame(80));
    }
    let rest = write(&outbox, 1000);
    assert_eq!(rest[..50], [b'x'; 50]);
    assert_eq!(rest[50], 0x88, "a close frame");
    assert_eq!(rest[52..54], 1008_u16.to_be_bytes());
}

#[test]
fn answers_leave_in_the_order_of_requests() {
    let outbox = outbox();
    let first = outbox.stand_in_line(Some("1".into()));
    let second = outbox.stand_in_line(Some("2".into()));
    assert!(!outbox.has_room_in_line());
    outbox.answer(second, Some(&Outgoing::Empty));
    assert!(write(&outbox, 1000).is_empty());
    outbox.answer(first, Some(&Outgoing::Pong));
    outbox.answer(first, Some(&Outgoing::Empty));
    let written = String::from_utf8_lossy(&write(&outbox, 1000)).into_owned();
    let (pong, empty) = (written.find("pong"), written.find(r#"{"cid":"2"}"#));
    assert!(pong.is_some() && pong < empty, "{written}");
    assert!(outbox.has_room_in_line());
}

#[test]
fn a_lost_channel_answers_what_it_owes_and_nothing_else() {
    let outbox = outbox();
    let (lost, other) = (LiveChannel::new(), LiveChannel::new());
    let owed = outbox.stand_in_line(Some("1".into()));
    outbox.owed_by(owed, lost);
    outbox.owed_by(outbox.stand_in_line(Some("2".into())), other);
    outbox.answer_for(lost, &Outgoing::Empty);
    let written = String::from_utf8_lossy(&write(&outbox, 1000)).into_owned();
    assert!(written.contains(r#"{"cid":"1"}"#) && !written.contains(r#""2""#));
}

#[test]
fn silence_is_pinged_and_then_closed() {
    let outbox = outbox();
    let begun = Instant::now();
    outbox.tick(begun + LIMITS.ping_period);
    assert_eq!(write(&outbox, 100), [0x89, 0]);
    outbox.tick(begun + LIMITS.pong_wait + Duration::from_millis(10));
    assert!(outbox.is_closing() && !outbox.is_dead());
    outbox.tick(Instant::now() + LIMITS.close_wait);
    assert!(outbox.is_dead());
}

#[test]
fn news_waits_for_the_answers_before_it_and_no_longer() {
    let outbox = outbox();
    outbox.push_news(news(1), Bytes::from_static(b"early"));
    assert_eq!(write(&outbox, 1000), b"early");
    let asked = outbox.stand_in_line(Some("1".into()));
    outbox.push_news(news(2), Bytes::from_static(b"late"));
    outbox.push(Bytes::from_static(b"at once"));
    assert_eq!(write(&outbox, 1000), b"at once");
    assert!(outbox.has_room_in_line(), "news is no request");
    outbox.answer(asked, Some(&Outgoing::Empty));
    let written = String::from_utf8_lossy(&write(&outbox, 1000)).into_owned();
    assert!(written.contains(r#"{"cid":"1"}"#) && written.ends_with("late"));
    outbox.push_news(news(3), Bytes::from_static(b"early again"));
    assert_eq!(write(&outbox, 1000), b"early again");
}

#[test]
fn news_that_waits_for_an_answer_counts_as_what_waits_for_the_peer() {
    let outbox = outbox();
    outbox.stand_in_line(None);
    outbox.push_news(news(1), frame(60));
    outbox.push_news(news(1), frame(60));
    assert!(!outbox.is_closing());
    outbox.push_news(news(1), frame(1));
    assert!(outbox.is_closing());
}

#[test]
fn an_answer_takes_the_place_of_news_that_is_older() {
    let outbox = outbox();
    let asked = outbox.stand_in_line(Some("1".into()));
    for (number, text) in [(1, "old"), (2, "as old"), (3, "new")] {
        outbox.push_news(news(number), Bytes::from_static(text.as_bytes()));
    }
    let other = UserId::random();
    let others = News {
        user: other,
        number: 1,
    };
    outbox.push_news(others, Bytes::from_static(b" other"));
    outbox.forget_until(news(2));
    outbox.answer(asked, Some(&Outgoing::Empty));
    let written = String::from_utf8_lossy(&write(&outbox, 1000)).into_owned();
    assert!(written.ends_with("}new other"), "{written}");
    assert!(outbox.has_room_in_line());
}

/// The text of what is written, without the heads of frames.
fn written(outbox: &Outbox) -> String {
    String::from_utf8_lossy(&write(outbox, 10_000)).into_owned()
}

#[test]
fn what_a_channel_sends_leaves_behind_the_answer_to_its_join() {
    let outbox = roomy();
    let (older, joined) = (LiveChannel::new(), LiveChannel::new());
    let sent = outbox.stand_in_line(Some("send".into()));
    let join = outbox.stand_in_line(Some("join".into()));
    outbox.answer_join(join, joined, false, &Outgoing::Empty);
    outbox.push_from(joined, Sent::Presences, Bytes::from_static(b"left"));
    outbox.push_from(older, Sent::Presences, Bytes::from_static(b"elsewhere"));
    assert_eq!(written(&outbox), "elsewhere");
    let next = outbox.stand_in_line(Some("next".into()));
    outbox.answer(next, Some(&Outgoing::Empty));
    outbox.push_from(joined, Sent::Presences, Bytes::from_static(b"came"));
    outbox.answer(sent, Some(&Outgoing::Empty));
    let all = written(&outbox);
    let at = |text| all.find(text).unwrap();
    assert!(at("send") < at("join") && at("join") < at("left"), "{all}");
    assert!(at("left") < at("came") && at("came") < at("next"), "{all}");
    outbox.push_from(joined, Sent::Presences, Bytes::from_static(b"at once"));
    assert_eq!(written(&outbox), "at once");
}

#[test]
fn what_a_channel_sends_after_a_second_join_leaves_behind_that_answer() {
    let outbox = outbox();
    let channel = LiveChannel::new();
    let first = outbox.stand_in_line(Some("first".into()));
    outbox.answer_join(first, channel, false, &Outgoing::Empty);
    assert!(written(&outbox).contains("first"));
    let sent = outbox.stand_in_line(Some("send".into()));
    let second = outbox.stand_in_line(Some("second".into()));
    outbox.push_from(
        channel,
        Sent::Presences,
        Bytes::from_static(b"before the list"),
    );
    assert_eq!(written(&outbox), "before the list");
    outbox.answer_join(second, channel, true, &Outgoing::Empty);
    outbox.push_from(channel, Sent::Messages, Bytes::from_static(b"said"));
    assert_eq!(written(&outbox), "said", "it is a member all the time");
    outbox.push_from(
        channel,
        Sent::Presences,
        Bytes::from_static(b"after the list"),
    );
    outbox.answer(sent, None);
    assert!(written(&outbox).ends_with("after the list"));
}

#[test]
fn a_new_life_of_a_channel_waits_for_the_answer_to_the_join_of_the_old_one() {
    let outbox = outbox();
    let (lost, new) = (LiveChannel::new(), LiveChannel::new());
    let sent = outbox.stand_in_line(Some("send".into()));
    let join = outbox.stand_in_line(Some("join".into()));
    outbox.answer_join(join, lost, false, &Outgoing::Empty);
    outbox.rejoined(new);
    outbox.push_from(new, Sent::Presences, Bytes::from_static(b"of the new life"));
    assert_eq!(written(&outbox), "");
    outbox.answer(sent, None);
    assert!(written(&outbox).ends_with("of the new life"));
    outbox.rejoined(new);
    outbox.push_from(new, Sent::Presences, Bytes::from_static(b"at once"));
    assert_eq!(written(&outbox), "at once");
}

#[test]
fn what_waits_for_the_answer_to_a_join_counts_as_what_waits_for_the_peer() {
    let outbox = outbox();
    let channel = LiveChannel::new();
    outbox.stand_in_line(None);
    let join = outbox.stand_in_line(None);
    outbox.answer_join(join, channel, false, &Outgoing::Empty);
    outbox.push_from(channel, Sent::Presences, frame(60));
    outbox.push_from(channel, Sent::Presences, frame(60));
    assert!(!outbox.is_closing());
    outbox.push_from(channel, Sent::Presences, frame(1));
    assert!(outbox.is_closing());
}

#[test]
fn of_many_pings_the_first_and_the_last_are_answered_and_few_answers_wait() {
    let outbox = roomy();
    outbox.push(frame(40));
    assert_eq!(write(&outbox, 10).len(), 10, "the peer takes no more");
    let bound = 40 + FRAME_COST + PONGS * (8 + FRAME_COST);
    for number in 0..1000 {
        outbox.pong(format!("pong {number:03}").into());
        assert!(write(&outbox, 0).is_empty());
        assert!(outbox.waiting_bytes() < bound);
    }
    let all = String::from_utf8(write(&outbox, 10_000)).unwrap();
    assert!(all[30..].starts_with("pong 000pong 001"), "{all}");
    assert!(all.ends_with("pong 999"), "{all}");
    assert!(all.len() <= 30 + 2 * PONGS * 8, "{all}");
    assert_eq!(outbox.waiting_bytes(), 0);
}

#[test]
fn pings_that_come_together_are_all_answered_in_order() {
    let outbox = outbox();
    for number in 0..10 {
        outbox.pong(format!("{number}").into());
    }
    assert_eq!(write(&outbox, 1000), b"0123456789");
}

#[test]
fn a_pong_overtakes_what_waits_but_not_the_rest_of_a_frame() {
    let outbox = outbox();
    outbox.push(Bytes::from_static(b"begun"));
    assert_eq!(write(&outbox, 2), b"be");
    outbox.push(Bytes::from_static(b" waits"));
    outbox.pong(Bytes::from_static(b" pong"));
    assert_eq!(write(&outbox, 1000), b"gun pong waits");
}

#[test]
fn tiny_frames_count_with_what_they_cost() {
    let outbox = outbox();
    for _ in 0..4 {
        assert!(!outbox.is_closing());
        outbox.push(frame(1));
    }
    outbox.push(frame(1));
    assert!(outbox.is_closing());
}

#[test]
fn a_peer_that_takes_nothing_is_closed_though_it_is_heard() {
    let outbox = unasked();
    let begun = Instant::now();
    outbox.push(frame(10));
    // The first look sees that it was pushed a moment ago.
    outbox.tick(begun);
    for passed in [1, 2, 3] {
        assert!(!outbox.is_closing(), "after {passed} s");
        assert_eq!(write(&outbox, 0).len(), 0);
        outbox.tick(begun + Duration::from_secs(passed));
    }
    outbox.tick(begun + Duration::from_secs(4));
    assert!(outbox.is_closing());
}

#[test]
fn a_peer_that_takes_a_little_each_time_is_slow_and_alive() {
    let outbox = unasked();
    let begun = Instant::now();
    outbox.push(frame(50));
    for passed in 0..20 {
        outbox.tick(begun + Duration::from_secs(passed));
        assert_eq!(write(&outbox, 1).len(), 1);
        assert!(!outbox.is_closing(), "after {passed} s");
    }
}

#[test]
fn a_crowded_room_in_the_answer_to_a_join_is_not_held_against_a_peer_that_reads() {
    let outbox = outbox();
    let channel = LiveChannel::new();
    let sent = outbox.stand_in_line(Some("send".into()));
    let join = outbox.stand_in_line(Some("join".into()));
    let crowd = EnvelopeError::bad_input("x".repeat(5000));
    outbox.answer_join(join, channel, false, &Outgoing::Error(crowd));
    for text in ["one", "two"] {
        outbox.push_from(channel, Sent::Messages, Bytes::from_static(text.as_bytes()));
    }
    outbox.answer(sent, None);
    assert!(!outbox.is_closing());
    let all = written(&outbox);
    assert!(all.len() > 5000 && all.ends_with("onetwo"), "{}", all.len());
    assert_eq!(outbox.waiting_bytes(), 0);
}

#[test]
fn beyond_half_the_channel_that_sends_most_is_named() {
    let outbox = roomy();
    let (loud, calm) = (LiveChannel::new(), LiveChannel::new());
    let push = |channel, length| outbox.push_from(channel, Sent::Messages, frame(length));
    assert!(!push(loud, 4800));
    assert!(!push(loud, 200), "what waited before it was not half of it");
    assert!(
        push(calm, 500),
        "the first one beyond is the one that sends most"
    );
    assert!(push(loud, 600));
    assert!(!push(calm, 50));
    while outbox.pop().is_some() {}
    assert!(!push(loud, 600), "it has been read");
}
