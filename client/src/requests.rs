//! Requests that have been begun, and the answers they wait for.
//!
//! Invariant: a request has its place in the order once it is begun, before any await.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use banter_protocol::{Envelope, Message};
use tokio::sync::{Notify, oneshot};

use crate::{Disconnected, Refusal, RequestError};

type Answer = Result<Option<Message>, Refusal>;

/// What one connection's handles and its task share.
pub(crate) struct Requests {
    state: Mutex<State>,
    /// How many may be under way at once.
    most: usize,
    /// Tells the task that there may be one to send.
    begun: Notify,
}

#[derive(Default)]
struct State {
    last: u64,
    /// By `cid`, which grows: those to send. Each belongs to a future of somebody's, who bounds how many there are.
    begun: BTreeMap<u64, (Envelope, oneshot::Sender<Answer>)>,
    /// By `cid`: those that were sent. At most `most`.
    under_way: HashMap<u64, oneshot::Sender<Answer>>,
    /// Once there is a reason, nothing waits.
    ended: Option<Disconnected>,
}

/// A request that was begun. Dropping it forgets it: what was not sent is not sent any more, and an answer that still
/// comes is passed over.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    requests: &'a Requests,
    cid: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Requests {
    /// At most so many are under way at once, but always one.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            state: Mutex::default(),
            most: most.max(1),
            begun: Notify::new(),
        }
    }

    /// A new request after all that were begun before, or why there can be none any more, or why it does not `fit`.
    pub(crate) fn begin(
        &self,
        message: Message,
        fits: impl FnOnce(&Envelope) -> Result<(), RequestError>,
    ) -> Result<Request<'_>, RequestError> {
        let mut state = self.state();
        if let Some(reason) = &state.ended {
            return Err(reason.clone().into());
        }
        let cid = state.last + 1;
        let envelope = Envelope {
            cid: cid.to_string(),
            message: Some(message),
        };
        fits(&envelope)?;
        state.last = cid;
        let (sender, answer) = oneshot::channel();
        state.begun.insert(cid, (envelope, sender));
        self.tell(&state);
        Ok(Request {
            requests: self,
            cid,
            answer,
        })
    }

    /// The next one to send, once it may be under way. For the task only. Cancel-safe.
    pub(crate) async fn next(&self) -> Envelope {
        loop {
            if let Some(envelope) = self.take() {
                return envelope;
            }
            self.begun.notified().await;
        }
    }

    /// The next one to send, if there is one and it may be under way.
    pub(crate) fn take(&self) -> Option<Envelope> {
        let mut state = self.state();
        if state.under_way.len() >= self.most {
            return None;
        }
        let (cid, (envelope, sender)) = state.begun.pop_first()?;
        state.under_way.insert(cid, sender);
        Some(envelope)
    }

    /// Gives an answer to who waits for it, if somebody still does.
    pub(crate) fn answer(&self, envelope: Envelope) {
        let Ok(cid) = envelope.cid.parse() else {
            return;
        };
        let waiting = self.state().under_way.remove(&cid);
        if let Some(waiting) = waiting {
            let answer = match envelope.message {
                Some(Message::Error(error)) => Err(error.into()),
                message => Ok(message),
            };
            // Who has given up waiting in this very moment needs no answer.
            let _ = waiting.send(answer);
        }
    }

    /// Fails all requests, those to come too. The first reason stays.
    pub(crate) fn end(&self, reason: Disconnected) {
        let mut state = self.state();
        state.ended.get_or_insert(reason);
        let (begun, under_way) = (mem::take(&mut state.begun), mem::take(&mut state.under_way));
        drop(state);
        // Wakes those who wait.
        drop((begun, under_way));
    }

    /// Why the connection has ended.
    pub(crate) fn reason(&self) -> Disconnected {
        self.state().ended.clone().unwrap_or(Disconnected::Local)
    }

    fn forget(&self, cid: u64) {
        let mut state = self.state();
        if state.begun.remove(&cid).is_none() && state.under_way.remove(&cid).is_some() {
            self.tell(&state);
        }
    }

    fn tell(&self, state: &State) {
        if !state.begun.is_empty() && state.under_way.len() < self.most {
            self.begun.notify_one();
        }
    }

    /// Nothing in here panics with the lock held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without what is to be sent, which people say.
impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Requests")
            .field("begun", &state.begun.len())
            .field("under_way", &state.under_way.len())
            .field("ended", &state.ended)
            .finish_non_exhaustive()
    }
}

impl Request<'_> {
    /// Waits for the answer, or for the end of the connection.
    pub(crate) async fn answer(mut self) -> Result<Option<Message>, RequestError> {
        match (&mut self.answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.requests.reason().into()),
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.requests.forget(self.cid);
    }
}

#[cfg(test)]
mod tests {
    use banter_protocol as wire;

    use super::*;

    fn envelope(cid: &str, message: Option<Message>) -> Envelope {
        Envelope {
            cid: cid.to_owned(),
            message,
        }
    }

    fn begin(requests: &Requests) -> Request<'_> {
        let ping = Message::Ping(wire::Ping {});
        requests.begin(ping, |_| Ok(())).unwrap()
    }

    fn take(requests: &Requests) -> Option<String> {
        requests.take().map(|envelope| envelope.cid)
    }

    #[tokio::test]
    async fn answers_find_their_requests_in_any_order() {
        let requests = Requests::new(2);
        let (first, second) = (begin(&requests), begin(&requests));
        let cids = [(); 2].map(|()| take(&requests).unwrap());
        let error = wire::Error {
            code: 3,
            message: "no".into(),
            ..wire::Error::default()
        };
        requests.answer(envelope("nobody's", None));
        requests.answer(envelope("77", None));
        requests.answer(envelope(&cids[1], Some(Message::Error(error))));
        requests.answer(envelope(&cids[0], Some(Message::Pong(wire::Pong {}))));
        assert!(matches!(first.answer().await, Ok(Some(Message::Pong(_)))));
        assert!(matches!(
            second.answer().await,
            Err(RequestError::Refused(Refusal { code: 3, .. }))
        ));
    }

    #[tokio::test]
    async fn the_end_fails_what_waits_and_what_comes_with_its_reason() {
        let requests = Requests::new(1);
        let (waiting, unsent) = (begin(&requests), begin(&requests));
        take(&requests).unwrap();
        requests.end(Disconnected::Silent);
        requests.end(Disconnected::Local);
        for request in [waiting, unsent] {
            assert!(matches!(
                request.answer().await,
                Err(RequestError::Disconnected(Disconnected::Silent))
            ));
        }
        let late = requests.begin(Message::Ping(wire::Ping {}), |_| Ok(()));
        let silent = RequestError::Disconnected(Disconnected::Silent);
        assert_eq!(format!("{:?}", late.err()), format!("{:?}", Some(silent)));
    }

    #[test]
    fn they_are_sent_in_their_order_as_places_become_free() {
        let requests = Requests::new(2);
        let mut begun: Vec<_> = (0..5).map(|_| begin(&requests)).collect();
        assert_eq!(take(&requests).as_deref(), Some("1"));
        assert_eq!(take(&requests).as_deref(), Some("2"));
        assert_eq!(take(&requests), None);
        // A place has become free, but not by an answer to what was not asked.
        requests.answer(envelope("4", None));
        requests.answer(envelope("2", None));
        assert_eq!(take(&requests).as_deref(), Some("3"));
        assert_eq!(take(&requests), None);
        // Gives up the first one, which makes room, and the fourth, which was not sent.
        drop((begun.remove(0), begun.remove(2)));
        assert_eq!(take(&requests).as_deref(), Some("5"));
        assert_eq!(take(&requests), None);
    }

    #[tokio::test]
    async fn the_task_is_told_of_what_it_may_send() {
        let requests = Requests::new(1);
        let first = begin(&requests);
        assert_eq!(requests.next().await.cid, "1");
        let _second = begin(&requests);
        let gives_up = async { drop(first) };
        let (next, ()) = tokio::join!(requests.next(), gives_up);
        assert_eq!(next.cid, "2");
    }

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let requests = Requests::new(2);
        let (sent, unsent) = (begin(&requests), begin(&requests));
        take(&requests).unwrap();
        drop((sent, unsent));
        let state = requests.state();
        assert!(state.begun.is_empty() && state.under_way.is_empty());
    }
}
