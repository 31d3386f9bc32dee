//! What a user was told beside the channels.

use banter_protocol as wire;
use reqwest::Method;
use serde::Deserialize;

use super::{answer, cursor, done, repeated};
use crate::{ApiError, Client, Notification, Session};

/// Which page of the caller's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationQuery {
    /// Notifications on a page, 1 to 100; 100 unless changed.
    pub limit: u32,
    /// From an earlier page; `None` for the first one.
    pub cacheable_cursor: Option<String>,
}

impl Default for NotificationQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            cacheable_cursor: None,
        }
    }
}

/// A page of the caller's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotificationPage {
    /// Oldest first. Empty behind the newest.
    pub notifications: Vec<Notification>,
    /// For what follows the last one, now or later.
    pub cacheable_cursor: Option<String>,
}

impl Client {
    /// A page of the caller's notifications. What was shown stays until it is deleted.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for a limit out of range, or a cursor from elsewhere.
    pub async fn notifications(
        &self,
        session: &Session,
        query: &NotificationQuery,
    ) -> Result<NotificationPage, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            notifications: Vec<wire::Notification>,
            #[serde(default, deserialize_with = "cursor")]
            cacheable_cursor: Option<String>,
        }
        let cursor = query.cacheable_cursor.as_ref();
        let request = self
            .call(Method::GET, &["v2", "notification"], session)?
            .query(&[("limit", query.limit)])
            .query(&cursor.map(|cursor| [("cacheable_cursor", cursor)]));
        let page: Page = answer(request).await?;
        let notifications = page.notifications.into_iter().map(Notification::from);
        Ok(NotificationPage {
            notifications: notifications.collect(),
            cacheable_cursor: page.cacheable_cursor,
        })
    }

    /// Deletes notifications by their ids. Unknown ones are no error.
    ///
    /// # Errors
    ///
    /// [`Refused`](ApiError::Refused) with 400 for too many.
    pub async fn delete_notifications(
        &self,
        session: &Session,
        ids: &[&str],
    ) -> Result<(), ApiError> {
        let request = self.call(Method::DELETE, &["v2", "notification"], session)?;
        done(request.query(&repeated("ids", ids))).await
    }
}
