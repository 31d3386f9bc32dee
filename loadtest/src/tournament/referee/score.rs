//! All messages of a channel in one row, and what is missing in a stay at either end.

use super::{ChannelNo, Place, Referee, Stamp, Stay};

/// All of a channel's messages in order: pieces of chain one after the other as the history has them. Pieces with
/// nothing that is stored stay apart.
pub(super) struct Score {
    /// Of each message: its piece, and its index in it.
    piece: Vec<(u32, u32)>,
    /// By piece: whether it stands in `row`.
    in_row: Vec<bool>,
    /// By message: where it is in `row`.
    at: Vec<usize>,
    row: Vec<Place>,
    loose: Vec<Place>,
    /// Along `row`: when the last one so far began to be sent.
    latest_began: Vec<Stamp>,
    /// Along `row`: when the first one from there on was confirmed.
    soonest_taken: Vec<Stamp>,
}

impl Referee {
    /// Puts the pieces in the order of the history.
    pub(super) fn score(
        &self,
        channel: ChannelNo,
        stored_at: &[Option<usize>],
        history: &[Place],
    ) -> Score {
        let order = &self.channels[channel.index()].order;
        let (mut pieces, _) = order.pieces();
        let first = |piece: &Vec<Place>| {
            let stored = piece.iter().filter_map(|place| stored_at[place.index()]);
            stored.min().unwrap_or(history.len())
        };
        pieces.sort_by_cached_key(first);
        let mut score = Score {
            piece: vec![(0, 0); order.len()],
            in_row: Vec::new(),
            at: vec![0; order.len()],
            row: Vec::new(),
            loose: Vec::new(),
            latest_began: Vec::new(),
            soonest_taken: Vec::new(),
        };
        for (number, piece) in (0..).zip(&pieces) {
            let in_row = first(piece) < history.len();
            score.in_row.push(in_row);
            for (index, place) in (0..).zip(piece) {
                score.piece[place.index()] = (number, index);
                score.at[place.index()] = score.row.len();
                match in_row {
                    true => score.row.push(*place),
                    false => score.loose.push(*place),
                }
            }
        }
        let mut latest = Stamp::FIRST;
        for place in &score.row {
            latest = latest.max(self.times(channel, *place).0);
            score.latest_began.push(latest);
        }
        let mut soonest = Stamp::NEVER;
        for place in score.row.iter().rev() {
            soonest = soonest.min(self.times(channel, *place).1);
            score.soonest_taken.push(soonest);
        }
        score.soonest_taken.reverse();
        score
    }

    /// When it began to be sent and when it was confirmed. Of what nobody sent, nothing is known.
    pub(super) fn times(&self, channel: ChannelNo, place: Place) -> (Stamp, Stamp) {
        let number = self.channels[channel.index()].order[place].send;
        match number.and_then(|number| self.book.get(number)) {
            Some(sent) => (sent.began, sent.taken()),
            None => (Stamp::FIRST, Stamp::NEVER),
        }
    }

    /// What should have been heard in a stay, before its first message or after its last. (What is missing in
    /// between was found when the next one was heard.)
    pub(super) fn missing(&self, score: &Score, stay: &Stay) -> Vec<Place> {
        let Some((joined, until)) = self.bounds(stay) else {
            return Vec::new();
        };
        let channel = stay.channel;
        let surely = |place: &&Place| {
            let (began, taken) = self.times(channel, **place);
            began > joined && taken < until
        };
        let (Some(first), Some(last)) = (stay.first, stay.last) else {
            return score
                .row
                .iter()
                .chain(&score.loose)
                .filter(surely)
                .copied()
                .collect();
        };
        let (piece, from) = score.piece[first.index()];
        let to = score.piece[last.index()].1;
        let outside = |place: &&Place| {
            let (other, index) = score.piece[place.index()];
            other != piece || index < from || index > to
        };
        let mut missing: Vec<_> = score
            .loose
            .iter()
            .filter(surely)
            .filter(outside)
            .copied()
            .collect();
        if !score.in_row[piece as usize] {
            missing.extend(score.row.iter().filter(surely));
            return missing;
        }
        let (first, last) = (score.at[first.index()], score.at[last.index()]);
        if first > 0 && score.latest_began[first - 1] > joined {
            let earlier = score.row[..first].iter();
            missing.extend(earlier.filter(|place| self.times(channel, **place).0 > joined));
        }
        if score
            .soonest_taken
            .get(last + 1)
            .is_some_and(|taken| *taken < until)
        {
            let later = score.row[last + 1..].iter();
            missing.extend(later.filter(|place| self.times(channel, **place).1 < until));
        }
        missing
    }
}
