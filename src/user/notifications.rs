//! The notification service: what REST and the host program ask for.

use std::sync::Arc;

use super::{Notification, NotificationId, NotificationSeq, NotificationStore, ReadMark, UserId};
use crate::{
    page::{LimitError, PageLimit},
    store::StoreError,
};

/// Why notifications are not listed or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NotificationError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("at most {max} ids are allowed")]
    TooMany { max: usize },
    #[error("either ids or all=true is needed, not both")]
    WhichToRead,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The notifications of users.
pub(crate) struct Notifications {
    store: Arc<dyn NotificationStore>,
    max_list_items: usize,
}

/// Notifications, oldest first.
#[derive(Debug)]
pub(crate) struct NotificationPage {
    pub(crate) notifications: Vec<Notification>,
    /// From where to go on, now or when there are more.
    pub(crate) end: NotificationSeq,
}

impl Notifications {
    /// `max_list_items` bounds what is deleted or marked at once.
    pub(crate) fn new(store: Arc<dyn NotificationStore>, max_list_items: usize) -> Self {
        Self {
            store,
            max_list_items,
        }
    }

    /// Whether a notification is to be pushed; a persistent one is kept then.
    pub(crate) async fn keep(&self, notification: Notification) -> Result<bool, StoreError> {
        self.store.notify(notification).await
    }

    /// What a user was told behind a place, which is the beginning by default; with `unread` only what is
    /// not marked as read. `limit` is 1 to 100, by default 1.
    pub(crate) async fn list(
        &self,
        user: UserId,
        unread: bool,
        behind: Option<NotificationSeq>,
        limit: Option<i32>,
    ) -> Result<NotificationPage, NotificationError> {
        let limit = PageLimit::ONE.of(limit)?;
        let behind = behind.unwrap_or_default();
        let found = self
            .store
            .notifications(user, unread, behind, limit)
            .await?;
        Ok(NotificationPage {
            // Where nothing follows yet, the place stays.
            end: found.last().map_or(behind, |(seq, _)| *seq),
            notifications: found.into_iter().map(|(_, told)| told).collect(),
        })
    }

    /// Deletes notifications of a user. Unknown ones and those of others are left alone.
    pub(crate) async fn delete(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
    ) -> Result<(), NotificationError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.check_count(&ids)?;
        Ok(self.store.delete_notifications(user, ids).await?)
    }

    /// Marks notifications of a user as read, those named or all there are, and answers how many are
    /// unread after that.
    pub(crate) async fn mark_read(
        &self,
        user: UserId,
        ids: Vec<NotificationId>,
        all: bool,
    ) -> Result<u32, NotificationError> {
        let mark = match (ids.is_empty(), all) {
            (true, true) => ReadMark::All,
            (false, false) => ReadMark::Ids(ids),
            (true, false) | (false, true) => return Err(NotificationError::WhichToRead),
        };
        if let ReadMark::Ids(ids) = &mark {
            self.check_count(ids)?;
        }
        Ok(self.store.mark_read(user, mark).await?)
    }

    /// How many unread notifications a user has.
    pub(crate) async fn unread(&self, user: UserId) -> Result<u32, NotificationError> {
        Ok(self.store.unread(user).await?)
    }

    fn check_count(&self, ids: &[NotificationId]) -> Result<(), NotificationError> {
        if ids.len() > self.max_list_items {
            let max = self.max_list_items;
            return Err(NotificationError::TooMany { max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use uuid::Uuid;

    use super::*;
    use crate::{channel::Micros, store::StoreFuture};

    /// The notifications of one user at the places 1, 2 and so on.
    struct Kept(Mutex<Vec<Notification>>);

    impl NotificationStore for Kept {
        fn notify(&self, told: Notification) -> StoreFuture<'_, Result<bool, StoreError>> {
            self.0.lock().push(told);
            Box::pin(async { Ok(true) })
        }

        fn notifications(
            &self,
            _: UserId,
            _: bool,
            behind: NotificationSeq,
            limit: usize,
        ) -> StoreFuture<'_, Result<Vec<(NotificationSeq, Notification)>, StoreError>> {
            let kept = self.0.lock();
            let places = (1..).map(NotificationSeq).zip(kept.iter().cloned());
            let found = places.filter(|(seq, _)| *seq > behind).take(limit);
            let found = found.collect();
            Box::pin(async { Ok(found) })
        }

        fn delete_notifications(
            &self,
            _: UserId,
            ids: Vec<NotificationId>,
        ) -> StoreFuture<'_, Result<(), StoreError>> {
            self.0.lock().retain(|kept| !ids.contains(&kept.id));
            Box::pin(async { Ok(()) })
        }

        fn mark_read(&self, _: UserId, mark: ReadMark) -> StoreFuture<'_, Result<u32, StoreError>> {
            for kept in self.0.lock().iter_mut() {
                kept.read |= match &mark {
                    ReadMark::Ids(ids) => ids.contains(&kept.id),
                    ReadMark::All => true,
                };
            }
            self.unread(UserId::SERVER)
        }

        fn unread(&self, _: UserId) -> StoreFuture<'_, Result<u32, StoreError>> {
            let unread = self.0.lock().iter().filter(|kept| !kept.read).count();
            Box::pin(async move { Ok(unread as u32) })
        }
    }

    fn told(number: u128) -> Notification {
        Notification {
            id: NotificationId(Uuid::from_u128(number)),
            user: UserId::SERVER,
            subject: "subject".into(),
            content: "{}".into(),
            code: -4,
            sender: UserId::SERVER,
            created: Micros(0),
            persistent: true,
            read: false,
            about: None,
        }
    }

    fn of(count: u128) -> Notifications {
        let kept = Kept(Mutex::new((1..=count).map(told).collect()));
        Notifications::new(Arc::new(kept), 2)
    }

    #[actix_web::test]
    async fn a_page_ends_where_the_next_begins() {
        let notifications = of(3);
        let user = UserId::SERVER;
        let first = notifications.list(user, false, None, None).await.unwrap();
        assert_eq!(first.notifications, [told(1)]);
        let rest = notifications.list(user, false, Some(first.end), Some(100));
        let rest = rest.await.unwrap();
        assert_eq!(rest.notifications, [told(2), told(3)]);
        let end = notifications.list(user, false, Some(rest.end), None).await;
        let end = end.unwrap();
        assert!(end.notifications.is_empty());
        assert_eq!(end.end, rest.end);
    }

    #[actix_web::test]
    async fn what_is_asked_for_has_bounds() {
        let notifications = of(3);
        let user = UserId::SERVER;
        let refused = notifications.list(user, false, None, Some(0)).await;
        assert!(matches!(refused, Err(NotificationError::Limit(_))));
        let ids = || (1..=3).map(|n| NotificationId(Uuid::from_u128(n)));
        let refused = notifications.delete(user, ids().collect()).await;
        assert!(matches!(
            refused,
            Err(NotificationError::TooMany { max: 2 })
        ));
        let two = ids().take(2).collect();
        notifications.delete(user, two).await.unwrap();
        assert_eq!(notifications.unread(user).await.unwrap(), 1);
        let refused = notifications.mark_read(user, ids().collect(), false);
        assert!(matches!(
            refused.await,
            Err(NotificationError::TooMany { max: 2 })
        ));
        for (ids, all) in [(Vec::new(), false), (ids().take(1).collect(), true)] {
            let refused = notifications.mark_read(user, ids, all).await;
            assert!(matches!(refused, Err(NotificationError::WhichToRead)));
        }
        let left = notifications
            .list(user, false, None, Some(100))
            .await
            .unwrap();
        assert_eq!(left.notifications, [told(3)]);
    }
}
