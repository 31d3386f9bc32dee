use crate::metric::{Counter, Gauge, declare};

declare! {
    pub(super) static LIVE: Gauge = Gauge::new(
        "banter_live_users",
        "Users in memory: online, followed, or just changing friends",
    );

    pub(super) static STATUS_EVENTS: Counter = Counter::new(
        "banter_status_events_total",
        "Changes of online status that were told",
    );

    pub(crate) static NOTIFICATIONS: Counter = Counter::new(
        "banter_notifications_total",
        "Notifications for users, whether online or not",
    );

    pub(super) static LOST: Counter =
        Counter::new("banter_users_lost_total", "Users whose actor ended in a panic");
}
