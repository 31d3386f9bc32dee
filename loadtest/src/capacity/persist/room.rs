//! One of the rooms: what was sent to it, confirmed, delivered and stored.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Instant};

use banter_client::{ApiError, HistoryQuery};

use super::super::{
    chatter::number,
    crowd::Person,
    order::{Order, Reader, Verdict},
};
use crate::{causes::with_causes, measure::Measure, stage::Stage, violations::Violations};

/// One of the rooms. Its messages have numbers, from 0 on.
pub(super) struct Room {
    pub(super) id: String,
    pub(super) measure: Rc<Measure>,
    violations: Rc<Violations>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// When each message was to be sent.
    planned: Vec<Instant>,
    order: Order,
    /// Messages that were confirmed, with the ids the server gave them.
    acked: HashMap<u64, String>,
}

impl Room {
    pub(super) fn new(id: String, stage: &Stage) -> Self {
        Self {
            id,
            measure: Rc::clone(&stage.measure),
            violations: Rc::clone(&stage.violations),
            state: RefCell::default(),
        }
    }

    /// The number of a message that is to be sent now.
    pub(super) fn plan(&self) -> u64 {
        self.measure.sent();
        let mut state = self.state.borrow_mut();
        state.planned.push(Instant::now());
        state.planned.len() as u64 - 1
    }

    /// The server has confirmed a message, and given it an id.
    pub(super) fn acked(&self, message: u64, id: String) {
        let mut state = self.state.borrow_mut();
        if let Some(planned) = state.planned(message) {
            self.measure.acked(planned.elapsed());
            state.acked.insert(message, id);
        }
    }

    /// A message has come to a sender.
    pub(super) fn delivered(&self, sender: usize, reader: &mut Reader, content: &str) {
        let (state, room) = (&mut *self.state.borrow_mut(), &self.id);
        let known = number(content).and_then(|message| Some((message, state.planned(message)?)));
        let Some((message, planned)) = known else {
            let violation = format!("strange: sender {sender} got what nobody sent: {content}");
            self.violations.add(violation);
            return;
        };
        self.measure.delivered(planned.elapsed());
        match state.order.read(reader, message) {
            Verdict::Right => {}
            Verdict::Skipped(lost) => self.violations.add(format!(
                "lost or out of order: sender {sender} did not get {lost} messages before {message} in {room}"
            )),
            Verdict::Late => self.violations.add(format!(
                "doubled or out of order: sender {sender} got message {message} late in {room}"
            )),
        }
    }

    /// Whether a sender has yet to get what others have got, or what was confirmed.
    pub(super) fn has_more_for(&self, reader: &Reader) -> bool {
        let state = self.state.borrow();
        state.order.missing(reader) > 0 || state.acked.len() > state.order.messages().len()
    }

    /// A sender waits for the rest in vain.
    pub(super) fn lost(&self, sender: usize, reader: &Reader) {
        let state = self.state.borrow();
        let lost = state.order.missing(reader).max(1);
        let violation = format!(
            "lost: sender {sender} did not get {lost} messages or more in {}",
            self.id
        );
        self.violations.add(violation);
    }

    /// A sender's connection has ended too early.
    pub(super) fn cut_off(&self, sender: usize, why: &str) {
        let violation = format!("cut off: sender {sender} in {}: {why}", self.id);
        self.violations.add(violation);
    }

    /// How many messages were confirmed.
    pub(super) fn acks(&self) -> u64 {
        self.state.borrow().acked.len() as u64
    }

    /// Reads the whole history, and compares it with what was confirmed and delivered.
    pub(super) async fn compare_history(&self, reader: &Person) {
        match self.history(reader).await {
            Ok(stored) => {
                for difference in self.state.borrow().differences(&self.id, &stored) {
                    self.violations.add(difference);
                }
            }
            Err(error) => {
                let why = with_causes(&error);
                match error {
                    ApiError::Refused { .. } => self.measure.refused(&why),
                    _ => self.measure.failed(&why),
                }
                let violation = format!("unread: the history of {}: {why}", self.id);
                self.violations.add(violation);
            }
        }
    }

    /// The whole history: numbers of messages, and the ids they have there.
    async fn history(&self, reader: &Person) -> Result<Vec<(Option<u64>, String)>, ApiError> {
        let mut stored = Vec::new();
        let mut query = HistoryQuery::oldest();
        loop {
            let page = reader
                .client
                .history(&reader.session, &self.id, &query)
                .await?;
            let numbered = page.messages.iter();
            stored.extend(
                numbered.map(|message| (number(&message.content), message.message_id.clone())),
            );
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(stored),
            }
        }
    }
}

impl State {
    fn planned(&self, message: u64) -> Option<Instant> {
        self.planned.get(usize::try_from(message).ok()?).copied()
    }

    /// How a history differs from what was confirmed and delivered. Its messages are numbers and ids.
    fn differences(&self, room: &str, stored: &[(Option<u64>, String)]) -> Vec<String> {
        let mut found = Vec::new();
        let delivered = self.order.messages();
        let same = stored.iter().zip(delivered);
        let same = same
            .take_while(|((message, _), delivered)| *message == Some(**delivered))
            .count();
        if same < stored.len().max(delivered.len()) {
            found.push(format!(
                "history differs: {room} holds {} messages, {} were delivered, the first {same} agree",
                stored.len(),
                delivered.len()
            ));
        }
        let ids: HashMap<_, _> = stored.iter().map(|(message, id)| (*message, id)).collect();
        for (message, id) in &self.acked {
            match ids.get(&Some(*message)) {
                Some(stored) if *stored == id => {}
                Some(_) => found.push(format!(
                    "history differs: message {message} in {room} has another id"
                )),
                None => found.push(format!(
                    "lost: message {message} in {room} was confirmed and is not stored"
                )),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(delivered: &[u64], acked: &[u64]) -> State {
        let mut state = State::default();
        let mut reader = Reader::default();
        for message in delivered {
            state.order.read(&mut reader, *message);
        }
        state.acked = acked
            .iter()
            .map(|message| (*message, format!("id-{message}")))
            .collect();
        state
    }

    fn differences(delivered: &[u64], acked: &[u64], stored: &[u64]) -> String {
        let stored: Vec<_> = stored
            .iter()
            .map(|number| (Some(*number), format!("id-{number}")))
            .collect();
        state(delivered, acked)
            .differences("room", &stored)
            .join("; ")
    }

    #[test]
    fn a_history_is_what_was_confirmed_in_the_order_of_delivery() {
        assert_eq!(differences(&[2, 1, 3], &[1, 2, 3], &[2, 1, 3]), "");
        assert!(differences(&[2, 1], &[1, 2], &[1, 2]).contains("the first 0 agree"));
        assert!(differences(&[1, 2], &[1, 2], &[1]).contains("message 2 in room was confirmed"));
        assert!(differences(&[1], &[1], &[1, 1]).contains("holds 2 messages, 1 were delivered"));
        let other_id = [(Some(1), "other".to_owned())];
        assert!(state(&[1], &[1]).differences("room", &other_id)[0].contains("another id"));
    }
}
