//! Connections that come and go: what one sees is right again each time.

use futures_util::future::join_all;

use crate::harness::{Client, Dice, Door, Online, Person, Server, settings, through_both_doors};

through_both_doors!(
    a_follower_who_reconnects_sees_the_truth_each_time,
    who_reconnects_again_and_again_is_seen_with_the_sessions_there_are,
);

async fn a_follower_who_reconnects_sees_the_truth_each_time(door: Door) {
    const TIMES: usize = 100;
    let mut dice = Dice::new();
    let server = Server::through(door, settings()).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", 6).await;
    let all: Vec<&Person> = crowd.iter().collect();
    let mut speakers = Vec::new();
    for person in &crowd {
        speakers.push(server.shown_socket(person).await);
    }
    let mut truth: Vec<Option<String>> = vec![Some(String::new()); crowd.len()];
    for time in 0..TIMES {
        let mut follower = server.socket(&ana).await;
        // Some changes are made before, some while, some after the question is asked.
        for change in 0..6 {
            if change == 2 {
                follower.post_follow(&all).await;
            }
            let who = dice.roll(crowd.len());
            let status = (dice.roll(4) > 0).then(|| format!("{time} {change}"));
            if change % 2 == 0 {
                speakers[who].post_status(status.as_deref()).await;
            } else {
                speakers[who].set_status(status.as_deref()).await;
            }
            truth[who] = status;
        }
        // The last that each says is said once only: whoever sees it has seen all before it.
        for (client, truth) in speakers.iter_mut().zip(&mut truth) {
            let last = format!("{time} at last");
            client.set_status(Some(&last)).await;
            *truth = Some(last);
        }
        let answer = follower
            .take("the answer", |v| v.get("cid").is_some())
            .await;
        let mut online = Online::default();
        online.enter(&answer["status"]["presences"]);
        let right = |o: &Online| {
            let mut both = speakers.iter().zip(&truth);
            both.all(|(client, status)| o.status(&client.session) == status.as_deref())
        };
        follower.look(&mut online, right).await;
        assert!(follower.look_at_all(&mut online).await.is_empty());
        assert!(right(&online), "in the end of {time}");
    }
    server.sessions_become(crowd.len()).await;
    server.stop().await;
}

async fn who_reconnects_again_and_again_is_seen_with_the_sessions_there_are(door: Door) {
    const TIMES: usize = 40;
    let mut dice = Dice::new();
    let server = Server::through(door, settings()).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", 5).await;
    let all: Vec<&Person> = crowd.iter().collect();
    let mut early = server.socket(&ana).await;
    let mut seen = Online::default();
    seen.enter(&early.follow(&all).await);
    let mut rolls: Vec<Dice> = crowd.iter().map(|_| dice.split()).collect();
    let coming = crowd.iter().zip(&mut rolls).map(async |(person, dice)| {
        let mut open: Vec<Client> = Vec::new();
        for time in 0..TIMES {
            if dice.roll(3) == 0 && !open.is_empty() {
                drop(open.swap_remove(dice.roll(open.len())));
            }
            let opened = Client::open(server.address, &person.name, &person.tokens, "&status=true");
            let mut client = opened.await.unwrap();
            let status = format!("{} {time}", person.name);
            client.set_status(Some(&status)).await;
            open.push(client);
        }
        let statuses = open.len();
        open.truncate(statuses.min(3));
        open
    });
    let open = join_all(coming).await;
    let left: usize = open.iter().map(Vec::len).sum();
    server.sessions_become(left + 1).await;
    let mut late = server.socket(&ana).await;
    let mut fresh = Online::default();
    fresh.enter(&late.follow(&all).await);
    assert!(late.everything().await.is_empty(), "all is known");
    assert_eq!(fresh.len(), left);
    // Who came early sees the same in the end.
    early.look(&mut seen, |o| *o == fresh).await;
    drop(open);
    for (client, view) in [(&mut early, &mut seen), (&mut late, &mut fresh)] {
        client.look(view, |o| o.len() == 0).await;
        assert!(client.look_at_all(view).await.is_empty());
    }
    server.stop().await;
}
