//! Whether all in a room got the same messages, each once and in one order.

use std::collections::HashMap;

/// Whether one delivery was as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next in order.
    Right,
    /// So many before it have not come.
    Skipped(usize),
    /// It should have come before, or has.
    Late,
}

/// The order of the messages of one room, as the first to get each has it. Messages are numbers.
#[derive(Debug, Default)]
pub(super) struct Order {
    messages: Vec<u64>,
    places: HashMap<u64, usize>,
}

/// How far one member has come in it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    next: usize,
}

impl Order {
    /// All messages that anybody got.
    pub(super) fn messages(&self) -> &[u64] {
        &self.messages
    }

    /// A member gets a message.
    pub(super) fn read(&mut self, reader: &mut Reader, message: u64) -> Verdict {
        let end = self.messages.len();
        let place = *self.places.entry(message).or_insert(end);
        if place == end {
            self.messages.push(message);
        }
        if place < reader.next {
            return Verdict::Late;
        }
        let skipped = place - reader.next;
        reader.next = place + 1;
        match skipped {
            0 => Verdict::Right,
            skipped => Verdict::Skipped(skipped),
        }
    }

    /// How many a member has yet to get of what others got.
    pub(super) fn missing(&self, reader: &Reader) -> usize {
        self.messages.len() - reader.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(order: &mut Order, messages: &[u64]) -> (Vec<Verdict>, Reader) {
        let mut reader = Reader::default();
        let mut read = |message: &u64| order.read(&mut reader, *message);
        (messages.iter().map(&mut read).collect(), reader)
    }

    #[test]
    fn the_first_to_get_a_message_sets_its_place() {
        let mut order = Order::default();
        let (verdicts, _) = read(&mut order, &[7, 3, 5]);
        assert_eq!(verdicts, [Verdict::Right; 3]);
        assert_eq!(order.messages(), [7, 3, 5]);
        let (verdicts, reader) = read(&mut order, &[7, 3]);
        assert_eq!(verdicts, [Verdict::Right; 2]);
        assert_eq!(order.missing(&reader), 1);
    }

    #[test]
    fn others_must_get_the_same() {
        let mut order = Order::default();
        read(&mut order, &[7, 3, 5, 6]);
        let verdicts = |messages: &[u64], order: &mut Order| read(order, messages).0;
        // Swapped, doubled, lost.
        assert_eq!(
            verdicts(&[3, 7, 5], &mut order),
            [Verdict::Skipped(1), Verdict::Late, Verdict::Right]
        );
        assert_eq!(verdicts(&[7, 7], &mut order)[1], Verdict::Late);
        assert_eq!(verdicts(&[7, 6], &mut order)[1], Verdict::Skipped(2));
        // Of a message that nobody else has yet, those before it are missing, too.
        assert_eq!(verdicts(&[9], &mut order), [Verdict::Skipped(4)]);
        assert_eq!(order.messages(), [7, 3, 5, 6, 9]);
    }
}
