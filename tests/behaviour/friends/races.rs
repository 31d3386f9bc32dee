//! Deeds at the same time: what two are to each other fits on both sides, and each step was told once.

use futures_util::future::{join, join_all};
use serde_json::Value;

use crate::harness::{BAD, DONE, Dice, Person, Server, id_of, senders, settings};

/// Both entries of two people, as far as there are any.
type Bond = (Option<u8>, Option<u8>);

const POSSIBLE: [Bond; 7] = [
    (None, None),
    (Some(0), Some(0)),
    (Some(1), Some(2)),
    (Some(2), Some(1)),
    (Some(3), None),
    (None, Some(3)),
    (Some(3), Some(3)),
];

#[actix_web::test]
async fn two_who_invite_each_other_at_once_are_friends() {
    const ROUNDS: usize = 40;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    for round in 0..ROUNDS {
        join(
            server.bond(&ana, "add", &ben),
            server.bond(&ben, "add", &ana),
        )
        .await;
        assert_eq!(server.bonds(&ana).await, [("ben".to_owned(), 0)].into());
        assert_eq!(server.bonds(&ben).await, [("ana".to_owned(), 0)].into());
        let mut told = Vec::new();
        for person in [&ana, &ben] {
            told.extend(server.notifications(person).await);
        }
        let mut codes: Vec<i64> = senders(&told).iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        assert_eq!(
            codes,
            [-3, -2],
            "round {round}: one has asked, one has agreed"
        );
        // Both end it at once, which happens once.
        join(
            server.bond(&ana, "delete", &ben),
            server.bond(&ben, "delete", &ana),
        )
        .await;
        let mut ended = 0;
        for person in [&ana, &ben] {
            assert!(server.bonds(person).await.is_empty());
            let told = server.notifications(person).await;
            ended += told.iter().filter(|n| n["code"] == -9).count();
            let ids: Vec<String> = told.iter().map(id_of).collect();
            server.forget(person, &ids).await;
        }
        assert_eq!(ended, 1, "round {round}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn whatever_many_do_at_once_both_sides_fit() {
    const PEOPLE: usize = 8;
    const STEPS: usize = 60;
    let mut dice = Dice::new();
    let mut server = Server::start().await;
    let crowd = server.crowd("user", PEOPLE).await;
    for _ in 0..4 {
        let mut plans: Vec<Vec<(&str, Vec<&Person>)>> = Vec::new();
        for who in 0..PEOPLE {
            let step = |_| {
                let verb = dice.pick(&["add", "add", "add", "delete", "block"]);
                let others = (0..=dice.roll(3)).map(|_| dice.roll(PEOPLE));
                let others = others.filter(|other| *other != who).collect::<Vec<_>>();
                (verb, others.into_iter().map(|n| &crowd[n]).collect())
            };
            plans.push((0..STEPS).map(step).collect());
        }
        let acting = crowd.iter().zip(&plans).map(async |(who, plan)| {
            for (verb, others) in plan {
                assert_eq!(server.befriend(who, verb, others).await, DONE);
            }
        });
        join_all(acting).await;
        let mut lists = Vec::new();
        for person in &crowd {
            lists.push(server.bonds(person).await);
        }
        for (n, one) in crowd.iter().enumerate() {
            for (m, other) in crowd.iter().enumerate().skip(n + 1) {
                let bond = (
                    lists[n].get(&other.name).copied(),
                    lists[m].get(&one.name).copied(),
                );
                assert!(
                    POSSIBLE.contains(&bond),
                    "{} and {}: {bond:?}",
                    one.name,
                    other.name
                );
            }
            let told = server.notifications(one).await;
            assert_eq!(server.unread(one).await, told.len());
        }
        server = server.restart(settings()).await;
        for (person, list) in crowd.iter().zip(&lists) {
            assert_eq!(server.bonds(person).await, *list);
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_list_takes_no_more_than_it_may_when_many_are_added_at_once() {
    const CROWD: usize = 40;
    const MOST: usize = 10;
    let mut small = settings();
    small.max_friends = MOST;
    let server = Server::with(small).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", CROWD).await;
    let verdicts = join_all(crowd.iter().enumerate().map(async |(n, other)| {
        let verb = if n % 2 == 0 { "block" } else { "add" };
        server.befriend(&ana, verb, &[other]).await
    }))
    .await;
    assert!(verdicts.iter().all(|verdict| [DONE, BAD].contains(verdict)));
    let bonds = server.bonds(&ana).await;
    for (parity, state) in [(0, 3), (1, 1)] {
        let done = verdicts.iter().skip(parity).step_by(2);
        assert_eq!(done.filter(|v| **v == DONE).count(), MOST);
        assert_eq!(bonds.values().filter(|it| **it == state).count(), MOST);
    }
    assert_eq!(bonds.len(), 2 * MOST);
    for (person, verdict) in crowd.iter().zip(verdicts) {
        assert_eq!(bonds.contains_key(&person.name), verdict == DONE);
        let told: Vec<Value> = server.notifications(person).await;
        let invited = bonds.get(&person.name) == Some(&1);
        assert_eq!(told.len(), usize::from(invited), "{}", person.name);
    }
    server.stop().await;
}
