//! The task of a started connection: the only one that touches it.

use std::{convert::Infallible, sync::Arc, thread, time::Duration};

use banter_protocol::{Envelope, Message, Pong};
use futures_util::FutureExt as _;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::{Connection, Disconnected, Event, event, socket::Shared};

/// The task's ends of what the handles hold.
pub(crate) struct Task {
    pub(crate) connection: Connection,
    pub(crate) handles: mpsc::Receiver<Infallible>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) shared: Ending,
}

/// Ends the requests also when the task ends unforeseen, as with its runtime.
pub(crate) struct Ending(pub(crate) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.requests.end(if thread::panicking() {
            Disconnected::Panicked
        } else {
            Disconnected::Local
        });
    }
}

impl Task {
    /// Until the connection ends, and everybody has been told why.
    pub(crate) async fn run(mut self) {
        let reason = match self.drive().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        let goodbye = match &reason {
            Disconnected::EventsNotRead { .. } => Some("events were not read"),
            _ => None,
        };
        self.shared.0.requests.end(reason);
        drop(self.events);
        self.connection.close_with(goodbye).await;
        // Those who wait for the end of the connection see it by this.
        drop(self.handles);
    }

    async fn drive(&mut self) -> Result<Infallible, Disconnected> {
        let mut heartbeat = heartbeat(self.connection.options().heartbeat);
        let mut asked = false;
        let mut has_handles = true;
        let mut unanswered = None;
        loop {
            if !self.connection.is_writing()
                && let Some(cid) = unanswered.take()
            {
                self.connection.queue(&pong(cid))?;
            }
            let may_write = !self.connection.is_writing();
            tokio::select! {
                turn = self.connection.turn() => {
                    if let Some(envelope) = turn? {
                        self.receive(envelope, &mut unanswered)?;
                    }
                }
                request = self.shared.0.requests.next(), if may_write => self.send(&request)?,
                _ = self.handles.recv(), if has_handles => has_handles = false,
                () = self.events.closed(), if !has_handles => return Err(Disconnected::Local),
                () = self.shared.0.closing.notified() => return Err(Disconnected::Local),
                _ = heartbeat.tick() => {
                    // What came while this process was held up counts as heard.
                    while !self.connection.is_heard() && let Some(turn) = self.turn_now() {
                        if let Some(envelope) = turn? {
                            self.receive(envelope, &mut unanswered)?;
                        }
                    }
                    if self.connection.has_heard() {
                        asked = false;
                    } else if asked {
                        return Err(Disconnected::Silent);
                    } else {
                        asked = true;
                        self.connection.queue_ping()?;
                    }
                }
            }
        }
    }

    /// Hands all requests that wait to the connection, which writes them together.
    fn send(&mut self, first: &Envelope) -> Result<(), Disconnected> {
        self.connection.queue(first)?;
        while let Some(next) = self.shared.0.requests.take() {
            self.connection.queue(&next)?;
        }
        Ok(())
    }

    /// A turn of the connection, if it does not have to wait for anything.
    fn turn_now(&mut self) -> Option<Result<Option<Envelope>, Disconnected>> {
        // What this task has done before must not make it look as if there were nothing to read.
        tokio::task::unconstrained(self.connection.turn()).now_or_never()
    }

    /// `unanswered` gets the cid of a ping. A server that pings but does not read gets an answer to its last ping only.
    fn receive(
        &mut self,
        envelope: Envelope,
        unanswered: &mut Option<String>,
    ) -> Result<(), Disconnected> {
        match envelope.message {
            // Answers repeat a cid of this side's making, and none of them is a ping.
            Some(Message::Ping(_)) => {
                *unanswered = Some(envelope.cid);
                Ok(())
            }
            _ if !envelope.cid.is_empty() => {
                self.shared.0.requests.answer(envelope);
                Ok(())
            }
            _ => event::events(envelope, |event| tell(&self.events, event)),
        }
    }
}

fn tell(events: &mpsc::Sender<Event>, event: Event) -> Result<(), Disconnected> {
    match events.try_send(event) {
        // Who drops the events does not want them.
        Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
        Err(TrySendError::Full(_)) => Err(Disconnected::EventsNotRead {
            waiting: events.max_capacity(),
        }),
    }
}

fn pong(cid: String) -> Envelope {
    Envelope {
        cid,
        message: Some(Message::Pong(Pong {})),
    }
}

fn heartbeat(period: Duration) -> Interval {
    // None at all, or one that ends after the end of time, would panic.
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let period = period.clamp(Duration::from_millis(1), NEVER);
    let mut heartbeat = interval_at(Instant::now() + period, period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SocketOptions, requests::Requests};

    #[tokio::test]
    async fn a_task_that_panics_is_not_taken_for_one_that_was_closed() {
        for (panics, expected) in [(true, "Panicked"), (false, "Local")] {
            let shared = Arc::new(Shared::new(Requests::new(1), &SocketOptions::default()));
            let ending = Ending(shared.clone());
            let task = tokio::spawn(async move {
                let _ending = ending;
                assert!(!panics, "on purpose");
            });
            assert_eq!(task.await.is_err(), panics);
            assert_eq!(format!("{:?}", shared.requests.reason()), expected);
        }
    }
}
