use crate::metric::{Gauge, declare};

declare! {
    pub(super) static OPEN: Gauge = Gauge::new("banter_sessions", "Open sockets");
}
