//! The group service: what REST asks for.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    Action, Change, ChangeGroup, EdgePosition, Group, GroupError, GroupFilter, GroupId,
    GroupPosition, GroupStore, GroupUpdate, Member, Membership, NewGroup, Role, searches::Searches,
    state,
};
use crate::{
    channel::Micros,
    config::{GroupAdd, InvisibleNames, Settings},
    directory::Directory,
    name,
    page::{ListPage, PageLimit},
    store::StoreError,
    user::UserId,
};

/// Groups and their members. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Groups(Arc<Inner>);

struct Inner {
    store: Arc<dyn GroupStore>,
    directory: Directory,
    max_list_items: usize,
    group_add: GroupAdd,
    invisible_names: InvisibleNames,
    /// Users whose accounts are about to end, by how many requests: nobody adds them to a group any more.
    departing: Mutex<HashMap<UserId, usize>>,
    searches: Searches,
}

/// A user whom nobody adds to a group and who joins and makes none; see [`Groups::hold_out`].
pub(crate) struct HeldOut {
    groups: Groups,
    user: UserId,
}

impl Drop for HeldOut {
    fn drop(&mut self) {
        let mut departing = self.groups.0.departing.lock();
        if let Some(requests) = departing.get_mut(&self.user) {
            *requests -= 1;
            if *requests == 0 {
                departing.remove(&self.user);
            }
        }
    }
}

impl Groups {
    pub(crate) fn new(
        store: Arc<dyn GroupStore>,
        directory: Directory,
        settings: &Settings,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            directory,
            max_list_items: settings.max_list_items,
            group_add: settings.group_add,
            invisible_names: settings.invisible_names,
            departing: Mutex::default(),
            searches: Searches::default(),
        }))
    }

    /// Makes a group of which the creator is the superadmin.
    pub(crate) async fn create(
        &self,
        creator: UserId,
        mut group: NewGroup,
    ) -> Result<Group, GroupError> {
        group.name = self.visible(group.name)?;
        group.check()?;
        if self.0.departing.lock().contains_key(&creator) {
            return Err(GroupError::Unavailable);
        }
        self.0
            .store
            .create(GroupId::random(), creator, group, Micros::now())
            .await
    }

    /// The name of a group as it may be kept.
    fn visible(&self, name: String) -> Result<String, GroupError> {
        Ok(name::visible(&name, "name", self.0.invisible_names)?.into_owned())
    }

    /// Changes the fields that are given.
    pub(crate) async fn update(
        &self,
        caller: UserId,
        group: GroupId,
        mut update: GroupUpdate,
    ) -> Result<(), GroupError> {
        update.name = update.name.map(|name| self.visible(name)).transpose()?;
        update.check()?;
        self.0
            .store
            .update(group, caller, update, Micros::now())
            .await
    }

    /// Changes who is in a group. When this returns, the change is committed, and those in the group's
    /// channel have been told.
    pub(crate) async fn change(
        &self,
        caller: UserId,
        group: GroupId,
        action: Action,
    ) -> Result<(), GroupError> {
        /// A life may end just as it is asked, but hardly one after the other.
        const LIVES: usize = 4;
        if action.most_events() > self.0.max_list_items {
            let max = self.0.max_list_items;
            return Err(GroupError::TooManyUsers { max });
        }
        self.check_departing(caller, &action)?;
        let change = Change {
            group,
            caller,
            action,
            group_add: self.0.group_add,
            now: Micros::now(),
        };
        for _ in 0..LIVES {
            let live = self.0.directory.live_group(group);
            // Only groups that exist get an actor and a channel.
            if live.is_none() && !self.0.store.exists(group).await? {
                return state::without_group(&change.action);
            }
            let live = live.unwrap_or_else(|| self.0.directory.group(group));
            let (answer, answered) = oneshot::channel();
            let change = change.clone();
            // Without a bound of its own: the group hands it on at once, or refuses it.
            live.do_send(ChangeGroup { change, answer });
            // Dropped without an answer by a life that ended before it could act.
            if let Ok(result) = answered.await {
                return result;
            }
        }
        Err(GroupError::Unavailable)
    }

    fn check_departing(&self, caller: UserId, action: &Action) -> Result<(), GroupError> {
        let departing = self.0.departing.lock();
        match action {
            _ if departing.is_empty() => Ok(()),
            Action::Join if departing.contains_key(&caller) => Err(GroupError::NotFound),
            Action::Add(users) if users.iter().any(|user| departing.contains_key(user)) => {
                Err(GroupError::UserNotFound)
            }
            _ => Ok(()),
        }
    }

    /// Keeps a user from joining and being added to groups while their account ends; for as long as the
    /// answer lives.
    pub(crate) fn hold_out(&self, user: UserId) -> HeldOut {
        *self.0.departing.lock().entry(user).or_default() += 1;
        HeldOut {
            groups: self.clone(),
            user,
        }
    }

    /// Takes a user out of all groups whose member they are, before their account ends. Groups of which
    /// nobody else is superadmin end.
    pub(crate) async fn depart(&self, user: UserId) -> Result<(), GroupError> {
        let mut beyond = None;
        loop {
            let page = self.memberships(user, None, beyond, None).await?;
            for membership in &page.entries {
                if membership.role.is_member() {
                    let group = membership.group.id;
                    self.change(user, group, Action::Depart).await?;
                }
            }
            beyond = page.next;
            if beyond.is_none() {
                return Ok(());
            }
        }
    }

    /// Groups by name or properties. `limit` is 1 to 100, by default 1. Nobody has two such searches at the same time.
    pub(crate) async fn list(
        &self,
        caller: UserId,
        filter: GroupFilter,
        beyond: Option<GroupPosition>,
        limit: Option<i32>,
    ) -> Result<ListPage<Group, GroupPosition>, GroupError> {
        let limit = PageLimit::ONE.of(limit)?;
        let (store, search) = (self.0.store.clone(), self.0.searches.begin(caller)?);
        // It lasts when nobody waits for it any more: whoever hangs up cannot begin another one.
        let found = actix_rt::spawn(async move {
            let _search = search;
            store.list(filter, beyond, limit).await
        });
        let lost = |_| StoreError::Failed("a search was lost".into());
        let found = found.await.map_err(lost)??;
        Ok(found.page(|group| GroupPosition {
            name: group.name.clone(),
            edge_count: group.edge_count,
            group: group.id,
        }))
    }

    /// Who is in a group. `limit` is 1 to 100, by default 100.
    pub(crate) async fn members(
        &self,
        group: GroupId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: Option<i32>,
    ) -> Result<ListPage<Member, EdgePosition>, GroupError> {
        let limit = PageLimit::MOST.of(limit)?;
        let found = self.0.store.members(group, role, beyond, limit).await?;
        Ok(found.page(|member| EdgePosition {
            role: member.role,
            since: member.since,
            id: member.user.id.0,
        }))
    }

    /// The groups of a user. `limit` is 1 to 100, by default 100.
    pub(crate) async fn memberships(
        &self,
        user: UserId,
        role: Option<Role>,
        beyond: Option<EdgePosition>,
        limit: Option<i32>,
    ) -> Result<ListPage<Membership, EdgePosition>, GroupError> {
        let limit = PageLimit::MOST.of(limit)?;
        let found = self.0.store.memberships(user, role, beyond, limit).await?;
        Ok(found.page(|membership| EdgePosition {
            role: membership.role,
            since: membership.since,
            id: membership.group.id.0,
        }))
    }
}
