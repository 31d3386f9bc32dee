//! What all messages of an envelope have in common.

use serde::{de::MapAccess, ser::SerializeMap};

use crate::Message;

/// What all messages have in common, by their names in the schema.
macro_rules! messages {
    ($($variant:ident $name:literal,)*) => {
        impl Message {
            /// Its name in the schema, which is its key in JSON.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Writes it as an entry of a map.
            pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$variant(message) => map.serialize_entry($name, message),)*
                }
            }

            /// Reads the value of a map's entry with this key; `None` and unread if it is no message.
            pub(crate) fn read<'de, M: MapAccess<'de>>(
                key: &str,
                map: &mut M,
            ) -> Result<Option<Self>, M::Error> {
                Ok(Some(match key {
                    $($name => Self::$variant(map.next_value()?),)*
                    _ => return Ok(None),
                }))
            }
        }
    };
}

messages! {
    Channel "channel",
    ChannelJoin "channel_join",
    ChannelLeave "channel_leave",
    ChannelMessage "channel_message",
    ChannelMessageAck "channel_message_ack",
    ChannelMessageSend "channel_message_send",
    ChannelMessageUpdate "channel_message_update",
    ChannelMessageRemove "channel_message_remove",
    ChannelPresenceEvent "channel_presence_event",
    Error "error",
    Match "match",
    MatchCreate "match_create",
    MatchData "match_data",
    MatchDataSend "match_data_send",
    MatchJoin "match_join",
    MatchLeave "match_leave",
    MatchPresenceEvent "match_presence_event",
    MatchmakerAdd "matchmaker_add",
    MatchmakerMatched "matchmaker_matched",
    MatchmakerRemove "matchmaker_remove",
    MatchmakerTicket "matchmaker_ticket",
    Notifications "notifications",
    Rpc "rpc",
    Status "status",
    StatusFollow "status_follow",
    StatusPresenceEvent "status_presence_event",
    StatusUnfollow "status_unfollow",
    StatusUpdate "status_update",
    StreamData "stream_data",
    StreamPresenceEvent "stream_presence_event",
    Ping "ping",
    Pong "pong",
    Party "party",
    PartyCreate "party_create",
    PartyJoin "party_join",
    PartyLeave "party_leave",
    PartyPromote "party_promote",
    PartyLeader "party_leader",
    PartyAccept "party_accept",
    PartyRemove "party_remove",
    PartyClose "party_close",
    PartyJoinRequestList "party_join_request_list",
    PartyJoinRequest "party_join_request",
    PartyMatchmakerAdd "party_matchmaker_add",
    PartyMatchmakerRemove "party_matchmaker_remove",
    PartyMatchmakerTicket "party_matchmaker_ticket",
    PartyData "party_data",
    PartyDataSend "party_data_send",
    PartyPresenceEvent "party_presence_event",
    PartyUpdate "party_update",
    ChannelDecline "channel_decline",
}
