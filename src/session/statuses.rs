//! What a session has to do with the online status of users: its own, and of those it follows.

use std::collections::{BTreeSet, HashSet};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::actor::{Session, Surroundings};
use crate::{
    channel::SessionId,
    directory::Directory,
    relay::{Flush, News, Ticket},
    user::{Follow, Followed, FriendError, Home, SetStatus, Status, StatusError, Unfollow, UserId},
    wire::{EnvelopeError, Outgoing, StatusFollow, StatusUnfollow, StatusUpdate},
};

/// What came of a follow.
struct Asked {
    /// The answers of the users' actors; `None` for one that fails again and again.
    followed: Vec<(UserId, Option<Followed>)>,
    /// Why nobody new is followed after all.
    failed: Option<FriendError>,
}

impl Session {
    pub(super) fn home(&self) -> Home {
        Home {
            relay: self.around().relay.addr.clone(),
            relay_id: self.around().relay.id,
            socket: self.parts.socket,
        }
    }

    /// Follows users by id and name; nothing else is done for this client until it is known who of them is
    /// online. What happens to them from then on reaches the client after the answer.
    pub(super) fn follow(&mut self, ticket: Ticket, follow: StatusFollow, ctx: &mut Context<Self>) {
        let (ids, names) = match self.whom_to_follow(follow) {
            Ok((ids, names)) if ids.is_empty() && names.is_empty() => {
                return self.answer(ticket, &Outgoing::Statuses(Vec::new()));
            }
            Ok(whom) => whom,
            Err(error) => return self.refuse(ticket, error),
        };
        let accounts = self.around().accounts.clone();
        let found = async move { accounts.find_users(ids, names).await };
        let shown = found.into_actor(self).then(|found, session, _| {
            let asked = found.map_err(EnvelopeError::from).and_then(|users| {
                let users = users.iter().map(|user| user.id).collect();
                Ok(session.ask_to_follow(users)?)
            });
            let followed = async { Ok::<_, EnvelopeError>(asked?.await) };
            followed.into_actor(session)
        });
        ctx.wait(shown.map(move |followed, session, _| match followed {
            Ok(Asked { followed, failed }) => {
                let mut all = Vec::new();
                for (user, followed) in followed {
                    let Some(Followed { shown, news }) = followed else {
                        // Its actor fails again and again.
                        session.followed.remove(&user);
                        continue;
                    };
                    session.parts.outbox.forget_until(news);
                    all.extend(shown);
                }
                match failed {
                    None => session.answer(ticket, &Outgoing::Statuses(all)),
                    Some(error) => session.refuse(ticket, error),
                }
            }
            Err(error) => session.refuse(ticket, error),
        }));
    }

    /// Whom a request is about: ids and names, each once and without the user's own.
    fn whom_to_follow(
        &self,
        follow: StatusFollow,
    ) -> Result<(Vec<UserId>, Vec<String>), StatusError> {
        let max = self.around().max_list_items;
        if follow.user_ids.len() + follow.usernames.len() > max {
            return Err(StatusError::TooMany { max });
        }
        let ids = user_ids(&follow.user_ids)?;
        if follow.usernames.iter().any(String::is_empty) {
            return Err(StatusError::EmptyName);
        }
        let others = |id: &UserId| *id != self.user() && *id != UserId::SERVER;
        let names: BTreeSet<_> = follow.usernames.into_iter().collect();
        let others_names = |name: &String| **name != **self.parts.online.name();
        Ok((
            ids.into_iter().filter(others).collect(),
            names.into_iter().filter(others_names).collect(),
        ))
    }

    /// Asks the actors of users at once. They are noted before that: should this session end meanwhile, it
    /// takes all of it back.
    ///
    /// Who of them has blocked this user is looked up when their actors know of the follow: a block from before
    /// is found here, one from later on finds the follow there. What such a user's actor has said is taken back.
    fn ask_to_follow(
        &mut self,
        mut users: Vec<UserId>,
    ) -> Result<impl Future<Output = Asked> + use<>, StatusError> {
        users.retain(|user| *user != self.user());
        let new = users.iter().filter(|user| !self.followed.contains(user));
        let new: HashSet<_> = new.copied().collect();
        let max = self.around().max_follows;
        if self.followed.len() + new.len() > max {
            return Err(StatusError::TooManyFollowed { max });
        }
        // Those who have blocked this user, too: they count like others who are offline.
        self.followed.extend(&users);
        let (follower, own, home) = (self.id(), self.user(), self.home());
        let Surroundings {
            directory, friends, ..
        } = self.around();
        let (directory, friends) = (directory.clone(), friends.clone());
        let relay = home.relay.clone();
        let follow = move || Follow {
            follower,
            user: own,
            home: home.clone(),
        };
        let asked: Vec<_> = users
            .iter()
            .map(|&user| (user, directory.send_user(user, follow())))
            .collect();
        Ok(async move {
            let mut followed = Vec::new();
            for (user, asked) in asked {
                let answer = match asked.await {
                    Ok(answer) => Some(answer),
                    // Ended just then.
                    Err(_) => directory.ask_user(user, &follow).await,
                };
                followed.push((user, answer));
            }
            let (hiding, failed) = match friends.who_blocked(own, users).await {
                Ok(hiding) => (hiding, None),
                // Those followed before have been looked up then.
                Err(error) => (new, Some(error)),
            };
            if !hiding.is_empty() {
                end_follows(&directory, follower, hiding.iter().copied()).await;
                let (done, end) = oneshot::channel();
                relay.do_send(Flush { done });
                // Whatever they have said waits behind the answer by now.
                let _ = end.await;
            }
            for (user, answer) in &mut followed {
                if hiding.contains(user) {
                    *answer = Some(Followed {
                        shown: Vec::new(),
                        news: News::last_of(*user),
                    });
                }
            }
            Asked { followed, failed }
        })
    }

    /// Follows users no more. Nothing else is done for this client until their news has stopped: it would
    /// be older than what the next follow answers.
    pub(super) fn unfollow(
        &mut self,
        ticket: Ticket,
        unfollow: &StatusUnfollow,
        ctx: &mut Context<Self>,
    ) {
        let users = match user_ids(&unfollow.user_ids) {
            Ok(users) => users,
            Err(error) => return self.refuse(ticket, error),
        };
        let users: Vec<_> = users
            .into_iter()
            .filter(|user| self.followed.remove(user))
            .collect();
        let ended = end_follows(&self.around().directory, self.id(), users.clone());
        ctx.wait(ended.into_actor(self).map(move |(), session, _| {
            for user in users {
                // What waits behind this very answer.
                session.parts.outbox.forget_until(News::last_of(user));
            }
            session.answer(ticket, &Outgoing::Empty);
        }));
    }

    pub(super) fn unfollow_all(&mut self) {
        for user in std::mem::take(&mut self.followed) {
            end_follow(&self.around().directory, self.id(), user, None);
        }
    }

    /// Shows the user's own status with this session, or shows it no more.
    pub(super) fn set_status(&mut self, ticket: Ticket, update: StatusUpdate) {
        let status = match update.status.as_deref().map(Status::new).transpose() {
            Ok(status) => status,
            Err(error) => return self.refuse(ticket, error),
        };
        let visible = status.is_some();
        let sent = self.parts.online.actor().try_send(SetStatus {
            session: self.id(),
            status,
            reply_to: self.reply_address(ticket),
        });
        match sent {
            Ok(()) => self.parts.online.show(visible),
            Err(SendError::Full(_)) => self.refuse(ticket, StatusError::Busy),
            // It has failed, and this socket is being closed.
            Err(SendError::Closed(_)) => {}
        }
    }
}

fn end_follow(
    directory: &Directory,
    follower: SessionId,
    user: UserId,
    done: Option<oneshot::Sender<()>>,
) {
    if let Some(actor) = directory.live_user(user) {
        // Without a bound: once for each user that is followed.
        actor.do_send(Unfollow { follower, done });
    }
}

/// Ends follows. Done when no more news of these users is on its way.
fn end_follows<I: IntoIterator<Item = UserId>>(
    directory: &Directory,
    follower: SessionId,
    users: I,
) -> impl Future<Output = ()> + use<I> {
    let end = |user| {
        let (done, end) = oneshot::channel();
        end_follow(directory, follower, user, Some(done));
        end
    };
    let ends: Vec<_> = users.into_iter().map(end).collect();
    async move {
        for end in ends {
            // Dropped where there was nothing to end.
            let _ = end.await;
        }
    }
}

fn user_ids(texts: &[String]) -> Result<BTreeSet<UserId>, StatusError> {
    let ids = texts.iter();
    ids.map(|text| UserId::parse(text).ok_or(StatusError::UserId))
        .collect()
}
