//! The room: what was sent to it, and to whom it has come.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, mpsc},
    time::{sleep_until, timeout_at},
};

use super::{
    super::{
        chatter::number,
        order::{Order, Reader, Verdict},
    },
    Options,
};
use crate::{measure::Measure, stage::Stage, violations::Violations};

/// What all members of the room share. Messages have numbers, from 0 on.
pub(super) struct Room {
    pub(super) measure: Rc<Measure>,
    violations: Rc<Violations>,
    members: usize,
    state: RefCell<State>,
    /// A message has reached all members, or was refused.
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// When each message was to be sent.
    planned: Vec<Instant>,
    /// To how many members each message has yet to come.
    missing: Vec<usize>,
    /// Messages that have yet to come to some.
    under_way: usize,
    delivered: u64,
    order: Order,
}

/// What has come of it.
pub(super) struct Outcome {
    pub(super) sent: u64,
    pub(super) delivered: u64,
}

impl Room {
    pub(super) fn new(members: usize, stage: &Stage) -> Self {
        Self {
            measure: Rc::clone(&stage.measure),
            violations: Rc::clone(&stage.violations),
            members,
            state: RefCell::default(),
            arrived: Notify::new(),
        }
    }

    /// What has not come to some by now is lost.
    pub(super) fn find_lost(&self) {
        let state = self.state.borrow();
        let missing = state.missing.iter().enumerate();
        for (turn, missing) in missing.filter(|(_, missing)| **missing > 0) {
            let violation = format!("lost: message {turn} did not reach {missing} members");
            self.violations.add(violation);
        }
    }

    /// Ends it.
    pub(super) fn outcome(&self) -> Outcome {
        let state = self.state.take();
        Outcome {
            sent: state.planned.len() as u64,
            delivered: state.delivered,
        }
    }

    /// Has messages sent, at a rate or as others arrive, until the time is over.
    pub(super) async fn talk(&self, options: &Options, senders: &[mpsc::Sender<u64>]) {
        let began = Instant::now();
        let end = began + options.seconds;
        let mut turns: VecDeque<_> = senders.iter().collect();
        for turn in 0_u64.. {
            let planned = match options.rate {
                Some(rate) => {
                    let planned = began + Duration::from_secs(turn) / rate;
                    sleep_until(planned.into()).await;
                    planned
                }
                None => {
                    // If as many as that are lost, none will arrive.
                    while self.state.borrow().under_way >= options.window as usize
                        && timeout_at(end.into(), self.arrived.notified())
                            .await
                            .is_ok()
                    {}
                    Instant::now()
                }
            };
            if planned >= end {
                return;
            }
            let message = self.plan(planned);
            if let Some(sender) = turns.front() {
                // A member that is gone has ended the check.
                let _ = sender.send(message).await;
            }
            turns.rotate_left(1);
        }
    }

    fn plan(&self, planned: Instant) -> u64 {
        let mut state = self.state.borrow_mut();
        state.planned.push(planned);
        state.missing.push(self.members);
        state.under_way += 1;
        state.planned.len() as u64 - 1
    }

    /// Waits until all that was sent has arrived.
    pub(super) async fn all_arrived(&self) {
        while self.state.borrow().under_way > 0 {
            self.arrived.notified().await;
        }
    }

    /// The server has confirmed a message.
    pub(super) fn acked(&self, cid: &str) {
        let state = self.state.borrow();
        let planned = cid
            .parse()
            .ok()
            .and_then(|turn: usize| state.planned.get(turn));
        if let Some(planned) = planned {
            self.measure.acked(planned.elapsed());
        }
    }

    /// The server has refused a message: it will not arrive.
    pub(super) fn refused(&self, cid: &str, why: &str) {
        self.measure.refused(why);
        let state = &mut *self.state.borrow_mut();
        let message = cid
            .parse()
            .ok()
            .and_then(|turn: usize| state.missing.get_mut(turn));
        if message
            .map(std::mem::take)
            .is_some_and(|missing| missing > 0)
        {
            state.under_way -= 1;
            self.arrived.notify_one();
        }
    }

    /// A message has come to a member.
    pub(super) fn delivered(&self, member: usize, reader: &mut Reader, content: &str) {
        let state = &mut *self.state.borrow_mut();
        let turn = number(content).filter(|turn| (*turn as usize) < state.planned.len());
        let Some(turn) = turn else {
            let violation = format!("strange: member {member} got what nobody sent: {content}");
            self.violations.add(violation);
            return;
        };
        self.measure
            .delivered(state.planned[turn as usize].elapsed());
        state.delivered += 1;
        match state.order.read(reader, turn) {
            Verdict::Right => {}
            Verdict::Skipped(lost) => self.violations.add(format!(
                "lost or out of order: member {member} did not get {lost} messages before message {turn}"
            )),
            Verdict::Late => {
                let violation =
                    format!("doubled or out of order: member {member} got message {turn} late");
                self.violations.add(violation);
                return;
            }
        }
        let missing = &mut state.missing[turn as usize];
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            state.under_way = state.under_way.saturating_sub(1);
            self.arrived.notify_one();
        }
    }
}
