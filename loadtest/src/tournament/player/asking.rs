//! What players ask for: on the socket without waiting, by REST and then waiting.

use std::time::Duration;

use banter_client::{
    ApiError, Client, Envelope, NewGroup, Session,
    protocol::{ChannelJoin, ChannelLeave, ChannelMessageSend, Message, Ping},
};
use tokio::time::sleep;

use super::{
    Asked, Joined, Player,
    connecting::{PAUSE, TRIES},
};
use crate::{
    causes::with_causes,
    tournament::{
        plan::{Channel, ChannelNo, Manner},
        steps::Skip,
    },
};

/// The code of the message that tells of a new member.
const BECAME_MEMBER: i32 = 3;

/// How long to wait for the captain to make the group, or for the other one of a direct channel to sign in.
const OTHERS: Duration = Duration::from_secs(30);

impl Player {
    /// Joins a channel.
    pub(super) async fn join(
        &mut self,
        channel: ChannelNo,
        manner: Manner,
        planned: Duration,
    ) -> Result<(), Skip> {
        let game = self.game.clone();
        // Nearly always it is there.
        let id = self.until(OTHERS, || game.channel_id(channel)).await;
        let id = id.ok_or(Skip::Channel)?;
        if self.connection.is_none() {
            return Err(Skip::Connection);
        }
        let (r#type, target) = match &game.plan.channels[channel.index()] {
            Channel::Room(name) => (1, game.room(name)),
            Channel::Direct(one, two) => {
                let other = if *one == self.id { two } else { one };
                let other = game.session(*other);
                (
                    2,
                    other.map_or(String::new(), |other| other.user_id.clone()),
                )
            }
            // `3.ID..`
            Channel::Team(_) => (3, id[2..id.len() - 2].to_owned()),
        };
        let stay = game.referee.borrow_mut().join(self.id, channel, manner);
        let joined = Joined {
            channel,
            manner,
            stay,
        };
        self.stays.push(joined);
        self.been_in.push(channel);
        let join = ChannelJoin {
            target,
            r#type,
            persistence: Some(manner != Manner::Fleeting),
            hidden: Some(manner == Manner::Hidden),
        };
        self.ask(Asked::Join { joined, planned }, Message::ChannelJoin(join))
            .await;
        Ok(())
    }

    /// Says something, if in the channel; in a direct channel that was blocked also if not.
    pub(super) async fn say(
        &mut self,
        channel: ChannelNo,
        bytes: u16,
        planned: Duration,
    ) -> Result<(), Skip> {
        let game = self.game.clone();
        let joined = self.stays.iter().find(|joined| joined.channel == channel);
        let (manner, stay) = (
            joined.map(|joined| joined.manner),
            joined.map(|joined| joined.stay),
        );
        let blocked = game.referee.borrow().has_block(channel);
        let session = game.session(self.id).ok_or(Skip::Session)?;
        if self.connection.is_none() {
            return Err(Skip::Connection);
        }
        let manner = manner.or(blocked.then_some(Manner::Seen));
        let manner = manner.ok_or(Skip::Stay)?;
        let id = game.channel_id(channel).ok_or(Skip::Channel)?;
        let (number, content) = game.referee.borrow_mut().say(
            self.id,
            &session.user_id,
            (channel, manner),
            planned,
            bytes,
        );
        game.measure.sent();
        let send = ChannelMessageSend {
            channel_id: id.to_string(),
            content,
        };
        self.ask(
            Asked::Say { number, stay },
            Message::ChannelMessageSend(send),
        )
        .await;
        Ok(())
    }

    /// Leaves a channel, unless put out of it.
    pub(super) async fn leave(&mut self, channel: ChannelNo) -> Result<(), Skip> {
        let joined = self.stays.iter().find(|joined| joined.channel == channel);
        let Some(joined) = joined.copied() else {
            let blocked = self.game.referee.borrow().has_block(channel);
            return Err(match (blocked, &self.connection) {
                (true, _) => Skip::Blocked,
                (false, None) => Skip::Connection,
                (false, Some(_)) => Skip::Stay,
            });
        };
        let id = self.game.channel_id(channel).ok_or(Skip::Channel)?;
        self.game.referee.borrow_mut().leave(joined.stay);
        let leave = ChannelLeave {
            channel_id: id.to_string(),
        };
        self.ask(Asked::Leave(joined), Message::ChannelLeave(leave))
            .await;
        Ok(())
    }

    pub(super) async fn ping(&mut self, asked: Asked) {
        self.ask(asked, Message::Ping(Ping {})).await;
    }

    async fn ask(&mut self, asked: Asked, message: Message) {
        self.next_cid += 1;
        let cid = self.next_cid;
        self.asked().push((cid, asked));
        let envelope = Envelope {
            cid: self.next_cid.to_string(),
            message: Some(message),
        };
        if let Some(connection) = &mut self.connection
            && let Err(reason) = connection.send(&envelope).await
        {
            self.cut_off(&reason);
        }
    }

    /// Makes the team's group.
    pub(super) async fn found(&mut self, channel: ChannelNo) -> Result<(), Skip> {
        let game = self.game.clone();
        let Channel::Team(team) = game.plan.channels[channel.index()] else {
            return Err(Skip::Channel);
        };
        let name = format!("{} team {team}", game.tag);
        let made = async |client: &Client, session: &Session| {
            client
                .create_group(session, &NewGroup::open(name.as_str()))
                .await
        };
        match self.call(made).await {
            Ok(group) => {
                game.know_group(channel, team, &group.id);
                Ok(())
            }
            Err(refusal) => Err(self.refused_call("make a group", &refusal)),
        }
    }

    /// Becomes a member of the team's group, as soon as it is there.
    pub(super) async fn enlist(
        &mut self,
        channel: ChannelNo,
        planned: Duration,
    ) -> Result<(), Skip> {
        let (game, id) = (self.game.clone(), self.id);
        let Channel::Team(team) = game.plan.channels[channel.index()] else {
            return Err(Skip::Channel);
        };
        // Nearly always it is there.
        let made = self.until(OTHERS, || game.group(team)).await;
        let group = made.ok_or(Skip::Channel)?;
        let number = game
            .referee
            .borrow_mut()
            .change(id, channel, planned, BECAME_MEMBER);
        let answer = self
            .call(async |client: &Client, session: &Session| {
                client.join_group(session, &group).await
            })
            .await;
        let Err(refusal) = answer else {
            game.referee.borrow_mut().taken(number, None);
            return Ok(());
        };
        {
            let mut referee = game.referee.borrow_mut();
            match refusal.is_certain {
                true => referee.refused(number),
                false => referee.unanswered(number),
            }
        }
        Err(self.refused_call("join a group", &refusal))
    }

    /// Blocks the other user of a direct channel.
    pub(super) async fn block(&mut self, channel: ChannelNo) -> Result<(), Skip> {
        let (game, id) = (self.game.clone(), self.id);
        let Channel::Direct(one, two) = game.plan.channels[channel.index()] else {
            return Err(Skip::Channel);
        };
        let other = game.session(if one == id { two } else { one });
        let other = other.ok_or(Skip::Session)?;
        game.session(id).ok_or(Skip::Session)?;
        game.referee.borrow_mut().block(channel, id);
        let ids = [other.user_id.as_str()];
        let answer = self
            .call(async |client: &Client, session: &Session| {
                client.block_users(session, &ids).await
            })
            .await;
        match answer {
            Ok(()) => {
                game.referee.borrow_mut().blocked(channel);
                if self.connection.is_some() {
                    self.ping(Asked::Blocked(channel)).await;
                }
                Ok(())
            }
            Err(refusal) => {
                if refusal.is_certain {
                    game.referee.borrow_mut().not_blocked(channel);
                }
                Err(self.refused_call("block somebody", &refusal))
            }
        }
    }

    /// Makes a REST call while reading the socket: again if it failed for now, and with a new session if the old one
    /// has expired. All that is called here may be done twice.
    async fn call<T>(
        &mut self,
        call: impl AsyncFn(&Client, &Session) -> Result<T, ApiError>,
    ) -> Result<T, RefusedCall> {
        let (game, id) = (self.game.clone(), self.id);
        let mut refused = RefusedCall {
            why: "not signed in".to_owned(),
            is_certain: true,
        };
        let Some(mut session) = game.session(id) else {
            return Err(refused);
        };
        for attempt in 0..TRIES {
            let answer = self
                .reading(game.call(call(game.client(id), &session)))
                .await;
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            refused.why = with_causes(&error);
            refused.is_certain &= matches!(error, ApiError::Refused { .. });
            if error.is_unauthenticated() {
                let Ok(renewed) = self.reading(game.renew(id, &session)).await else {
                    break;
                };
                session = renewed;
                continue;
            }
            game.count_failure(matches!(error, ApiError::Refused { .. }), &refused.why);
            if !error.is_temporary() || !game.is_playing() {
                break;
            }
            self.reading(sleep(PAUSE * 2_u32.pow(attempt))).await;
        }
        Err(refused)
    }

    /// Reports it.
    fn refused_call(&self, what: &'static str, refusal: &RefusedCall) -> Skip {
        self.shut_out(what, refusal.why.clone())
    }
}

/// Why a REST call had no result after all tries.
struct RefusedCall {
    why: String,
    /// Whether it has surely not been done.
    is_certain: bool,
}
